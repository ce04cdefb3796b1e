"""What the calendar says of a day: weekday, place in month and year, holidays and neighbours, closed days, promotions.

Belongs here: days as regressors, with how large each effect may be. Not here: how large it is (expected.py), or which
days are holidays or promotions: those come as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.guards import FloatArray, finite_array, one_of

Cadence = Literal["daily", "weekly"]
CADENCES: tuple[Cadence, ...] = ("daily", "weekly")
DaysArray = NDArray[np.int64]

# How large effects commonly are, as standard deviations on a logarithmic scale: wide enough to let the data speak,
# narrow enough that a handful of days doesn't invent a month cycle. Daily retail series have weekdays that differ by
# half and holidays that halve or double a day; what hangs on the day of the month stays within a tenth.
WEEKDAY, MONTH, MONTH_END, YEAR, HOLIDAY, NEIGHBOUR, PROMOTION, BESIDE_CLOSED = (
    0.4, 0.05, 0.1, 0.15, 0.4, 0.2, 0.4, 0.1,
)  # fmt: skip
# A closed day takes a seventh of a week, or less where people wait for the next.
CLOSED_IN_WEEK = 0.15
# Weekdays change with the business: by as much as they differ, in about ten years of days.
WEEKDAY_DRIFT = 0.4**2 / 3650


@dataclass(frozen=True, slots=True)
class DayFeatures:
    """Regressors of n periods. matrix: (n, p); prior_sd: (p,), on a logarithmic scale; drift: (p,), variance per period.

    yearly: positions of the columns that need two years to be told from a trend. is_special: (n,), days on which effects
    vary from one time to the next (holidays, neighbours, promotions); is_closed: (n,). season: periods per round of weekdays,
    1 where there is none; season_of: (n,), position in it.
    """

    days: DaysArray
    names: tuple[str, ...]
    matrix: FloatArray
    prior_sd: FloatArray
    drift: FloatArray
    yearly: tuple[int, ...]
    is_special: NDArray[np.bool_]
    is_closed: NDArray[np.bool_]
    cadence: Cadence
    season: int
    season_of: DaysArray

    @property
    def step(self) -> int:
        """Days per period."""
        return 7 if self.cadence == "weekly" else 1


def day_features(
    days: ArrayLike,
    *,
    cadence: Cadence = "daily",
    holidays: Mapping[str, Sequence[int]] | None = None,
    closed: Sequence[int] = (),
    promotions: ArrayLike | None = None,
) -> DayFeatures:
    """Regressors of periods from their first days.

    days: shape (n,), rising, whole days since 1970-01-01; weeks are named by their first day. holidays: name to days of
    all years, so that this year's Christmas is expected by the last one's. closed: days without business. promotions:
    (n,) or (n, m), how much of each of m kinds of promotion a period holds, 0 for none and 1 for all of it.
    Raises ValueError for days that don't rise, an unknown cadence or promotions of another length.

    >>> features = day_features(range(19723, 19730), holidays={"New Year": [19723]})
    >>> features.season_of.tolist(), features.is_special.tolist()
    ([0, 1, 2, 3, 4, 5, 6], [True, True, False, False, False, False, False])
    """
    one_of("cadence", cadence, CADENCES)
    at = finite_array("days", days).astype(np.int64)
    if (np.diff(at) <= 0).any():
        raise ValueError("days: expected each after the one before, found some that aren't; see regular.py")
    span = 7 if cadence == "weekly" else 1
    # 1970-01-01 was a Thursday.
    weekday = (at + 3) % 7
    blocks = _Blocks(len(at))
    if cadence == "daily":
        contrasts = np.linalg.qr(np.column_stack([np.ones(7), np.eye(7)[:, :6]]))[0][:, 1:]
        for column in range(6):
            blocks.add(
                f"weekday {column + 1}",
                contrasts[weekday, column] * np.sqrt(7),
                WEEKDAY / 2,
                WEEKDAY_DRIFT / 4,
            )
        place, is_first, is_last = _place_in_month(at)
        for order in (1, 2):
            for name, wave in (("sin", np.sin), ("cos", np.cos)):
                blocks.add(f"month {name} {order}", wave(2 * np.pi * order * place), MONTH)
        blocks.add("first of month", is_first, MONTH_END)
        blocks.add("last of month", is_last, MONTH_END)
    yearly = [
        blocks.add(f"year {name} {order}", wave(2 * np.pi * order * at / 365.2425), YEAR / order)
        for order in (1, 2, 3)
        for name, wave in (("sin", np.sin), ("cos", np.cos))
    ]
    is_special = np.zeros(len(at), dtype=bool)
    named = {name: np.unique(np.asarray(found, dtype=np.int64)) for name, found in (holidays or {}).items()}
    every = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *named.values()]))
    for name, kind, size in (
        # In a week a holiday is one day of seven.
        ("holiday", every, HOLIDAY / 2 / span),
        *(
            (("before a holiday", every - 1, NEIGHBOUR), ("after a holiday", every + 1, NEIGHBOUR))
            if span == 1
            else ()
        ),
        *((f"holiday {name}", found, HOLIDAY / span) for name, found in named.items()),
    ):
        share = _share(
            at, span, kind if name == "holiday" or name.startswith("holiday ") else np.setdiff1d(kind, every)
        )
        is_special |= blocks.add_if_any(name, share, size)
    shut = np.unique(np.asarray(closed, dtype=np.int64))
    is_closed = _share(at, span, shut) >= span
    if span == 1:
        for name, kind in (("before a closed day", shut - 1), ("after a closed day", shut + 1)):
            blocks.add_if_any(name, _share(at, span, np.setdiff1d(kind, shut)), BESIDE_CLOSED)
    else:
        blocks.add_if_any("closed days", _share(at, span, shut), CLOSED_IN_WEEK)
    if promotions is not None:
        given = np.asarray(promotions, dtype=np.float64)
        kinds = finite_array("promotions", given.reshape(len(given), -1), dimensions=2)
        if len(kinds) != len(at):
            raise ValueError(f"promotions: expected {len(at)} periods as in days, found {len(kinds)}")
        for column, kind_of in enumerate(kinds.T):
            is_special |= blocks.add_if_any(f"promotion {column + 1}", kind_of, PROMOTION)
    return DayFeatures(
        at, tuple(blocks.names), np.column_stack(blocks.columns), np.array(blocks.sizes), np.array(blocks.drifts),
        tuple(yearly), is_special, is_closed, cadence, 7 if span == 1 else 1, weekday if span == 1 else np.zeros_like(at),
    )  # fmt: skip


class _Blocks:
    """Columns as they gather."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.names: list[str] = []
        self.columns: list[FloatArray] = []
        self.sizes: list[float] = []
        self.drifts: list[float] = []

    def add(self, name: str, column: ArrayLike, size: float, drift: float = 0.0) -> int:
        self.names.append(name)
        self.columns.append(np.asarray(column, dtype=np.float64))
        self.sizes.append(size)
        self.drifts.append(drift)
        return len(self.names) - 1

    def add_if_any(self, name: str, column: FloatArray, size: float) -> NDArray[np.bool_]:
        """Where the column is not 0; without any such period the column isn't needed."""
        is_any: NDArray[np.bool_] = np.not_equal(column, 0)
        if is_any.any():
            self.add(name, column, size)
        return is_any


def _share(at: DaysArray, span: int, days: DaysArray) -> FloatArray:
    """How many of the days fall into each period."""
    return np.asarray(np.searchsorted(days, at + span) - np.searchsorted(days, at), dtype=np.float64)


def _place_in_month(at: DaysArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    dates = at.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    begun = months.astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[D]").astype(np.int64) - begun
    place = at - begun
    return place / length, (place == 0).astype(np.float64), (place == length - 1).astype(np.float64)
