"""Daily KPIs with known troubles: real series and made ones, into which drops, spikes and shifts are put.

Belongs here: how the series come about. Not here: who finds the troubles (detectors.py), and how well (scoring.py).
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from lakehouse.stats.guards import FloatArray

EPOCH = date(1970, 1, 1).toordinal()
# Kind, factor, days (0: for good). Each once a series and year; a shift goes down or up.
INJECTED = (("drop 30 %", 0.7, 3), ("drop 50 %", 0.5, 1), ("spike 40 %", 1.4, 2), ("shift 20 %", 0.8, 0))
# No trouble before there is a past to know it by.
UNTOUCHED = 120
# On which England was closed; the royal wedding among them.
BANK_HOLIDAYS_2011 = ((1, 3), (4, 22), (4, 24), (4, 25), (4, 29), (5, 2), (5, 30), (8, 29))
# A shift has to be told within two weeks.
SHIFT_DAYS = 14


@dataclass(frozen=True, slots=True)
class Injected:
    """Days [start, end) of one trouble, as positions."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DailyKpi:
    """One series, what is known of its days, and the troubles that were put in; grain: 1 for counts."""

    name: str
    family: str
    days: np.ndarray
    values: FloatArray
    holidays: dict[str, list[int]]
    promotions: FloatArray
    closed: list[int] = field(default_factory=list)
    grain: float | None = None
    troubles: tuple[Injected, ...] = ()

    @property
    def years(self) -> float:
        return (len(self.days) - UNTOUCHED) / 365.25


def day(year: int, month: int, of_month: int) -> int:
    return date(year, month, of_month).toordinal() - EPOCH


def easter(year: int) -> int:
    """Easter Sunday (Gauss's rule as of Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return day(year, f // 31, f % 31 + 1)


def shop_holidays(first: int, last: int) -> dict[str, list[int]]:
    """Holidays of a European shop."""
    years = range(1970 + first // 366, 1971 + last // 365)
    named = {
        "New Year": [day(y, 1, 1) for y in years],
        "Good Friday": [easter(y) - 2 for y in years],
        "Easter Monday": [easter(y) + 1 for y in years],
        "Labour Day": [day(y, 5, 1) for y in years],
        "Whit Monday": [easter(y) + 50 for y in years],
        "National Day": [day(y, 10, 3) for y in years],
        "Christmas Eve": [day(y, 12, 24) for y in years],
        "Christmas Day": [day(y, 12, 25) for y in years],
        "Boxing Day": [day(y, 12, 26) for y in years],
        "New Year's Eve": [day(y, 12, 31) for y in years],
    }
    return {name: [d for d in found if first <= d <= last] for name, found in named.items()}


def promotions(rng: np.random.Generator, n: int, per_year: float) -> tuple[FloatArray, FloatArray]:
    """Whether each day is a promotion's, and how much it lifts: 3 to 10 days, by a fifth to four fifths, each otherwise."""
    is_on, lift = np.zeros(n), np.zeros(n)
    for start in np.flatnonzero(rng.random(n) < per_year / 365):
        days = slice(start, start + rng.integers(3, 11))
        is_on[days] = 1.0
        lift[days] = rng.uniform(0.2, 0.6)
    return is_on, lift


NOISES = ("even", "autocorrelated", "heavy tails", "low counts", "even", "autocorrelated")


def made(seed: int, count: int = 18, years: int = 3) -> Iterator[DailyKpi]:
    """Made series: weekdays, month and year, trend, holidays, closed days, promotions; noise of several kinds."""
    n = int(365.25 * years)
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        noise_kind = NOISES[i % len(NOISES)]
        days = day(2023, 1, 1) + int(rng.integers(0, 300)) + np.arange(n)
        t = np.arange(n)
        holidays = shop_holidays(int(days[0]), int(days[-1]))
        log = rng.normal(0, 0.25, 7)[days % 7]
        log = log + rng.uniform(0.05, 0.3) * np.sin(2 * np.pi * (days / 365.25 + rng.random()))
        log += rng.uniform(0.02, 0.1) * np.cos(4 * np.pi * (days / 365.25 + rng.random()))
        log += rng.uniform(-0.1, 0.25) * t / 365.25
        payday = (days.astype("datetime64[D]") - days.astype("datetime64[M]").astype("datetime64[D]")).astype(
            int
        )
        log += rng.uniform(0, 0.1) * ((payday >= 26) | (payday <= 1))
        # December's trade builds up to Christmas Eve.
        for eve in holidays["Christmas Eve"]:
            log += rng.uniform(0.2, 0.4) * np.clip(1 - (eve - days) / 28, 0, 1) * (days <= eve)
        for found in holidays.values():
            effect = rng.normal(-0.5, 0.3)
            for d in found:
                log += (effect + rng.normal(0, 0.08)) * (days == d)
                log += 0.2 * rng.random() * (days == d - 1)
        is_on, lift = promotions(rng, n, rng.uniform(6, 14))
        log += lift
        spread = rng.uniform(0.06, 0.14)
        noise = rng.normal(size=n)
        if noise_kind == "autocorrelated":
            noise = lfilter([np.sqrt(1 - 0.36)], [1.0, -0.6], noise)
        elif noise_kind == "heavy tails":
            noise = rng.standard_t(4, n) / np.sqrt(2)
        level = (
            np.log(rng.uniform(40, 120)) if noise_kind == "low counts" else np.log(rng.uniform(500, 50000))
        )
        values = np.exp(level + log + spread * noise)
        closed: list[int] = []
        if i % 3 == 0:
            closed = [int(d) for d in days if (d + 3) % 7 == 6]
        if i % 4 == 0:
            closed += [d for name in ("Christmas Day", "New Year", "Easter Monday") for d in holidays[name]]
        values[np.isin(days, closed)] = 0.0
        if noise_kind == "low counts":
            values = rng.poisson(values).astype(float)
        grain = 1.0 if noise_kind == "low counts" else None
        yield DailyKpi(f"made {i:02d} ({noise_kind})", "made", days, values, holidays, is_on, closed, grain)


def bikes(data: Path) -> Iterator[DailyKpi]:
    """Bike sharing: riders by kind, two years; its holidays are of the file, and nobody tells of storms."""
    with (data / "forecast" / "bike_sharing_daily.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    days = np.array([date.fromisoformat(row["dteday"]).toordinal() - EPOCH for row in rows])
    free = [int(d) for d, row in zip(days, rows, strict=True) if row["holiday"] == "1"]
    holidays = {
        "public holiday": free,
        **{
            k: v
            for k, v in shop_holidays(int(days[0]), int(days[-1])).items()
            if "Christmas" in k or "New" in k
        },
    }
    for column in ("cnt", "registered", "casual"):
        values = np.array([float(row[column]) for row in rows])
        yield DailyKpi(f"bikes {column}", "real", days, values, holidays, np.zeros(len(days)), grain=None)


def page_views(data: Path) -> Iterator[DailyKpi]:
    """Views of a page, in pieces of three years; days that are missing stay so."""
    with (data / "forecast" / "prophet_wp_peyton_manning_daily.csv").open(
        encoding="utf-8", newline=""
    ) as stream:
        rows = list(csv.DictReader(stream))
    at = np.array([date.fromisoformat(row["ds"]).toordinal() - EPOCH for row in rows])
    views = np.full(at[-1] - at[0] + 1, np.nan)
    views[at - at[0]] = np.exp([float(row["y"]) for row in rows])
    days = np.arange(at[0], at[-1] + 1)
    for i, start in enumerate((0, 1400)):
        part = slice(start, start + 1096)
        first, last = int(days[part][0]), int(days[part][-1])
        yield DailyKpi(
            f"page views {i + 1}", "real", days[part], views[part], shop_holidays(first, last), np.zeros(1096)
        )


def online_retail(data: Path) -> Iterator[DailyKpi]:
    """A year of a British wholesaler: revenue, orders, customers and units a day; Saturdays are closed."""
    sums: dict[str, dict[int, float]] = {name: defaultdict(float) for name in ("revenue", "units")}
    sets: dict[str, dict[int, set[str]]] = {name: defaultdict(set) for name in ("orders", "customers")}
    with gzip.open(data / "online_retail.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if (
                row["InvoiceNo"].startswith("C")
                or float(row["UnitPrice"]) <= 0
                or float(row["Quantity"]) <= 0
            ):
                continue
            at = _day_of(row["InvoiceDate"])
            sums["revenue"][at] += float(row["Quantity"]) * float(row["UnitPrice"])
            sums["units"][at] += float(row["Quantity"])
            sets["orders"][at].add(row["InvoiceNo"])
            sets["customers"][at].add(row["CustomerID"])
    per_day = {**sums, **{name: {d: float(len(s)) for d, s in found.items()} for name, found in sets.items()}}
    for name, found in per_day.items():
        days = np.arange(min(found), max(found) + 1)
        values = np.array([found.get(int(d), 0.0) for d in days])
        holidays = shop_holidays(int(days[0]), int(days[-1]))
        closed = [day(2011, month, of_month) for month, of_month in BANK_HOLIDAYS_2011]
        grain = 1.0 if name in ("orders", "customers") else None
        yield DailyKpi(f"retail {name}", "real", days, values, holidays, np.zeros(len(days)), closed, grain)


def _day_of(text: str) -> int:
    head = text.split(" ", maxsplit=1)[0]
    if "/" in head:
        month, of_month, year = (int(part) for part in head.split("/"))
        return day(year + 2000 if year < 100 else year, month, of_month)
    return date.fromisoformat(head).toordinal() - EPOCH


def injected(kpi: DailyKpi, seed: int) -> DailyKpi:
    """The series with each kind of trouble once a year, on days with business, each in a stretch of its own."""
    rng = np.random.default_rng([seed, sum(kpi.name.encode())])
    values = kpi.values.copy()
    kinds = [INJECTED[k] for _ in range(max(1, round(kpi.years))) for k in rng.permutation(len(INJECTED))]
    edges = np.linspace(UNTOUCHED, len(values), len(kinds) + 1).astype(int)
    troubles = []
    for (kind, factor, length), low, high in zip(kinds, edges[:-1], edges[1:], strict=True):
        # A third of each stretch stays free behind the trouble, so that the next one doesn't run into it.
        start = int(rng.integers(low + 7, high - (high - low) // 3))
        busy = start + np.flatnonzero(np.nan_to_num(values[start:high]) > 0)
        if len(busy) < max(length, 14):
            continue
        start = int(busy[0])
        if length:
            # Days without business aren't counted: a drop of three days is three open days.
            touched, end = busy[:length], int(busy[length - 1]) + 1
        else:
            touched, end = np.arange(start, len(values)), start + SHIFT_DAYS
        values[touched] *= factor if length or rng.random() < 0.5 else 2 - factor
        if kpi.grain == 1:
            values[touched] = np.round(values[touched])
        troubles.append(Injected(kind, start, end))
    return replace(kpi, values=values, troubles=tuple(troubles))


def all_kpis(data: Path | None, seed: int) -> list[DailyKpi]:
    """Every series with its troubles; without `data`, the made ones only."""
    real = [] if data is None else [*bikes(data), *page_views(data), *online_retail(data)]
    return [injected(kpi, seed) for kpi in [*made(seed), *real]]
