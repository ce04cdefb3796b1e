"""Companies that the generator's tests look at, and landed files as plain text tables."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan
from lakehouse.synth.truth import GroundTruth

CLEAN = GeneratorPlan(orders=4000, start=date(2025, 1, 1), end=date(2026, 1, 1), seed=0)
DIRTY = GeneratorPlan(orders=2000, start=date(2025, 3, 1), end=date(2025, 9, 16), seed=7, dirt=0.05)


TROUBLED = [
    GeneratorPlan(
        orders=60_000, start=date(2025, 1, 1), end=date(2026, 1, 1), seed=seed, visitors_per_order=0.0
    )
    for seed in (2, 8)
]


@dataclass(frozen=True)
class Company:
    plan: GeneratorPlan
    landing: Path
    truth: GroundTruth

    def table(self, feed: str) -> pl.DataFrame:
        """Every landed row of the feed as text, in the order of the files' names."""
        files = sorted((self.landing / feed).glob("*.csv"))
        return pl.concat([pl.read_csv(file, infer_schema=False) for file in files])

    def good_rows(self, feed: str) -> list[tuple[str, ...]]:
        """The feed's rows without planted bad ones and re-sent copies, in the order of the files' names."""
        rows: list[tuple[str, ...]] = []
        for file in (file for file in self.truth.files if file.feed == feed and file.copy_of is None):
            bad = {row.line for row in file.bad}
            numbered = enumerate(self.lines(file.file)[1:], start=2)
            rows += [tuple(cells) for number, cells in numbered if number not in bad]
        return rows

    def orders(self) -> pl.DataFrame:
        """The last state of each order."""
        return self.table("orders").unique("order_id", keep="last", maintain_order=True)

    def lines(self, file: str) -> list[list[str]]:
        """The cells of each line of a landed file, the header first."""
        with (self.landing / file).open(encoding="utf-8", newline="") as opened:
            return list(csv.reader(opened))


def _make(plan: GeneratorPlan, root: Path) -> Company:
    return Company(plan, root / "landing", generate(plan, root / "landing"))


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return _make(CLEAN, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return _make(DIRTY, tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="session")
def washed(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The dirty company's plan without the dirt."""
    plan = GeneratorPlan(DIRTY.orders, DIRTY.start, DIRTY.end, DIRTY.seed)
    return _make(plan, tmp_path_factory.mktemp("washed"))


@pytest.fixture(scope="session", params=TROUBLED, ids=lambda plan: f"seed {plan.seed}")
def troubled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Companies that are large enough to show what goes wrong in them."""
    return _make(request.param, tmp_path_factory.mktemp("troubled"))
