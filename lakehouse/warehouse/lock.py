"""One writer at a time, whichever door it comes through; the others wait and say for whom.

The operating system holds the lock (flock), so a writer that dies gives it back by dying.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

FIRST_LOOK_S = 0.2
SAY_EVERY_S = 15.0


class WarehouseBusy(TimeoutError):
    """Another writer held the warehouse for longer than the caller would wait."""


@contextmanager
def writer_lock(
    warehouse: Path, who: str, say: Callable[[str], None] = lambda _: None, timeout_s: float | None = None
) -> Iterator[None]:
    """Holds the warehouse's lock. `who` is told to those that wait. Raises WarehouseBusy after `timeout_s`."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(warehouse.with_suffix(".lock"))
    owner = warehouse.with_suffix(".owner.json")
    waited = 0.0
    pause = FIRST_LOOK_S
    while True:
        try:
            lock.acquire(timeout=pause)
            break
        except Timeout:
            waited += pause
            holder = _owner(owner)
            if timeout_s is not None and waited >= timeout_s:
                raise WarehouseBusy(
                    f"expected the warehouse to be free within {timeout_s:g} s, found it held by {holder}. "
                    "Wait for that run to end, or stop it."
                ) from None
            say(f"waiting for the warehouse: {holder}")
            pause = SAY_EVERY_S if timeout_s is None else max(min(SAY_EVERY_S, timeout_s - waited), 0.01)
    try:
        owner.write_text(
            json.dumps(
                {"who": who, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
            )
        )
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _owner(path: Path) -> str:
    try:
        told = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return "another writer that has just begun"
    return f"{told['who']} (process {told['pid']}, since {told['since']})"
