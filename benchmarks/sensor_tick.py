"""Seconds that a tick of the landing sensor takes over N files that raw already holds.

    python -m benchmarks.sensor_tick [--files 100000] [--feeds 4]

Landing files are empty and raw files are names only: a tick opens neither. The warehouse does not exist here, which
also shows that a tick never opens it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse.contracts import Contract, load_contracts
from lakehouse.defs.sensors import pending_files
from lakehouse.ingest.asking import decide, pending_signature
from lakehouse.ingest.landing import RawName, list_landing
from lakehouse.settings import Settings


def _fill(settings: Settings, contract: Contract, files: int) -> None:
    landing, raw = settings.paths.landing / contract.name, settings.paths.raw / contract.name
    for number in range(files):
        month = landing / f"{number // 3000:02d}"
        if number % 3000 == 0:
            month.mkdir(parents=True)
        (month / f"{contract.name}-{number:06d}.csv").touch()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, file in enumerate(
        list_landing(settings.paths.landing, [contract.name], 0, time.time()).files
    ):
        moment = start + timedelta(minutes=number)
        folder = raw / f"ingest_date={moment:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        content = f"{number:032x}"
        name = RawName(RawName.stamp_of(moment), file.fingerprint, content, contract.reading_version)
        (folder / str(name)).touch()


def _tick(contracts: list[Contract], settings: Settings) -> tuple[float, int]:
    start = time.perf_counter()
    files = pending_files(contracts, settings, time.time() + 60)
    decide(pending_signature(files), [], time.time())
    return time.perf_counter() - start, len(files)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--feeds", type=int, default=4)
    arguments = parser.parse_args()
    contracts = list(load_contracts().values())[: arguments.feeds]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), reports_dir=Path(folder))
        each = arguments.files // len(contracts)
        for contract in contracts:
            _fill(settings, contract, each)
        (settings.paths.landing / contracts[0].name / "new.csv").touch()
        for number in range(1, 4):
            seconds, pending = _tick(contracts, settings)
            print(
                f"tick {number}: {seconds:.2f} s over {each * len(contracts):,} ingested files, {pending} pending"
            )


if __name__ == "__main__":
    main()
