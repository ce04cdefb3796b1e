"""One simulated share with its Monte Carlo error, what was promised of it, and whether the promise held.

Belongs here: counting, judging and writing down. Not here: any world (rates.py, means.py, looking.py, ...).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import numpy as np

ALPHA = 0.05
# A share this many Monte Carlo errors from what was promised isn't chance: about 1 in 1,000 for both sides together.
TOLERANCE = 3.3
BATCH = 250

Sample = TypeVar("Sample")
# "shown": no theory promises it; it is there to warn, or to say how good an approximation is.
Promise = Literal["equal", "at most", "at least", "shown"]


@dataclass(frozen=True, slots=True)
class Cell:
    """How many of so many draws, and the share that was promised."""

    hits: int
    draws: int
    promised: float
    promise: Promise

    @property
    def share(self) -> float:
        return self.hits / self.draws

    @property
    def error(self) -> float:
        """Monte Carlo standard error, had the promise been kept exactly."""
        return math.sqrt(self.promised * (1 - self.promised) / self.draws)

    @property
    def distance(self) -> float:
        return (self.share - self.promised) / self.error

    @property
    def is_kept(self) -> bool:
        if self.promise == "equal":
            return abs(self.distance) <= TOLERANCE
        if self.promise == "at most":
            return self.distance <= TOLERANCE
        return self.promise == "shown" or self.distance >= -TOLERANCE

    @property
    def verdict(self) -> str:
        if abs(self.distance) <= TOLERANCE:
            return "nominal"
        side = "above" if self.distance > 0 else "below"
        return side if self.is_kept else f"**{side}: promise broken**"

    @property
    def words(self) -> str:
        return f"{self.share:.2%} ± {self.error:.2%}"


@dataclass(frozen=True, slots=True)
class Method(Generic[Sample]):
    """A statistic, read off one sample: something with p_value, and low and high unless `truth` is None.

    truth: what the interval should cover when there is an effect. rejects, covers: the promises of the false positives
    and of the coverage.
    """

    name: str
    read: Callable[[Sample], Any]
    truth: float | None
    rejects: Promise = "equal"
    covers: Promise = "equal"


@dataclass(frozen=True, slots=True)
class Row:
    """A method in a world: false positives without an effect, coverage with one."""

    method: str
    world: str
    rejected: Cell
    covered: Cell | None

    @property
    def cells(self) -> list[Cell]:
        return [cell for cell in (self.rejected, self.covered) if cell is not None]


@dataclass(slots=True)
class Table:
    """What a section shows, and the promises that weren't kept in it."""

    title: str
    text: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, texts: Sequence[str], *cells: Cell) -> None:
        """A row, and the cells in it that promise something."""
        self.rows.append(tuple(texts))
        self.broken += [f"{', '.join(texts[:2])}: {cell.words}" for cell in cells if not cell.is_kept]

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.text, ""]
        lines += [_line(self.head), _line(["---"] * len(self.head)), *(_line(row) for row in self.rows), ""]
        return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def sizes_of(n1: int, n0: int) -> str:
    """The arms' sizes in words."""
    return f"{n1:,} a side" if n1 == n0 else f"{n1:,} against {n0:,}"


def generator(seed: int, name: str) -> np.random.Generator:
    """A world's own numbers: the same whatever else is simulated, and in whichever order."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def batches(draws: int) -> Iterator[int]:
    """Sizes of batches that add up to the draws, so that no array holds them all."""
    for start in range(0, draws, BATCH):
        yield min(BATCH, draws - start)


def judged(
    world: str,
    sample: Callable[[np.random.Generator, int, float], Iterator[Sample]],
    effect: float,
    methods: Sequence[Method[Sample]],
    draws: int,
    seed: int,
) -> list[Row]:
    """Every method in one world: `sample` yields so many samples with that effect, 0 for an A/A test.

    A refusal (ValueError: no variance, no bounded interval) is no rejection, and no draw of the coverage; the method's name
    says how many there were.
    """
    rng = generator(seed, world)
    null = [_Tally(method) for method in methods]
    for each in sample(rng, draws, 0.0):
        for tally in null:
            tally.read(each)
    real = [_Tally(method) for method in methods if method.truth is not None]
    for each in sample(rng, draws if real else 0, effect):
        for tally in real:
            tally.read(each)
    coverage = {tally.method.name: tally for tally in real}
    return [_row(tally, coverage.get(tally.method.name), world, draws) for tally in null]


@dataclass(slots=True)
class _Tally(Generic[Sample]):
    method: Method[Sample]
    rejected: int = 0
    covered: int = 0
    refused: int = 0

    def read(self, sample: Sample) -> None:
        try:
            found = self.method.read(sample)
        except ValueError:
            self.refused += 1
            return
        self.rejected += found.p_value <= ALPHA
        if self.method.truth is not None:
            self.covered += found.low <= self.method.truth <= found.high


def _row(null: _Tally[Sample], real: _Tally[Sample] | None, world: str, draws: int) -> Row:
    method = null.method
    refused = null.refused + (0 if real is None else real.refused)
    name = method.name if not refused else f"{method.name} ({refused} refused)"
    rejected = Cell(null.rejected, draws, ALPHA, method.rejects)
    if real is None:
        return Row(name, world, rejected, None)
    return Row(name, world, rejected, Cell(real.covered, draws - real.refused, 1 - ALPHA, method.covers))


def table_of(title: str, text: str, rows: Iterable[Row]) -> Table:
    table = Table(title, text, ("method", "data", "false positives", "", "coverage", ""))
    for row in rows:
        said = [part for cell in (row.rejected, row.covered) for part in _said(cell)]
        table.add((row.method, row.world, *said), *row.cells)
    return table


def _said(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "", ""
    return cell.words, cell.verdict
