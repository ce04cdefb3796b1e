"""The days on which a KPI is expected to differ: holidays, closed days, promotions, and what people said was to be expected.

Belongs here: from a KPI's calendar and the lake's feeds to the regressors of its series. Not here: what those days do
(stats/calendar_effects.py), and what a calendar may say (definition.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import duckdb
import numpy as np
from numpy.typing import ArrayLike

from lakehouse.metrics.anomalies.feedback import TABLE as FEEDBACK
from lakehouse.metrics.anomalies.feedback import Shown, last_words
from lakehouse.metrics.countries import HOME, country_code, public_holidays
from lakehouse.metrics.definition import WEEKDAYS, Cadence, Kpi
from lakehouse.metrics.promotions import EPOCH, Promotion, Running, read_promotions, shares
from lakehouse.stats.calendar_effects import DayFeatures, DaysArray, day_features
from lakehouse.warehouse.build import absent_tables

ORDERS = "fct_orders"
COUNTRY = "country"
# A country's promotion that fewer of the orders than these see says nothing of the whole.
MINIMUM_SHARE = 0.05
# 1970-01-01 was a Thursday.
_THURSDAY = 3

Days = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KpiCalendar:
    """The days of one series, since 1970-01-01. Equal ones give equal features: `key` names them.

    holidays: name to days, named events among them. closed_weekdays: 0 for Monday.
    """

    holidays: tuple[tuple[str, Days], ...] = ()
    closed: Days = ()
    closed_weekdays: Days = ()
    promotions: tuple[Running, ...] = ()

    @property
    def key(self) -> str:
        return _key(self)

    def features(self, days: ArrayLike, cadence: Cadence = "daily") -> DayFeatures:
        """Regressors of periods from their first days, rising."""
        at = np.asarray(days, dtype=np.int64)
        span = 7 if cadence == "weekly" else 1
        filled = shares(self.promotions, at, span)
        return day_features(
            at,
            cadence=cadence,
            holidays=dict(self.holidays),
            closed=self._closed_in(at, span),
            promotions=np.column_stack(list(filled.values())) if filled else None,
        )

    def _closed_in(self, at: DaysArray, span: int) -> list[int]:
        if not len(at):
            return []
        # A weekday that is always closed makes no week unlike another.
        if span == 7:
            return [one for one in self.closed if (one + _THURSDAY) % 7 not in self.closed_weekdays]
        every = np.arange(at[0], at[-1] + 1)
        return sorted({*self.closed, *every[np.isin((every + _THURSDAY) % 7, self.closed_weekdays)].tolist()})


@lru_cache(maxsize=1024)
def _key(calendar: KpiCalendar) -> str:
    """Spelled out once: every series of a lake asks, and there are few calendars."""
    return hashlib.blake2b(repr(calendar).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class _Event:
    """Days that people said were to be expected, of a KPI as a whole or of one segment."""

    name: str
    kpi: str
    dimension: str
    segment: str
    days: Days


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendar of every series of the KPIs. home: its code; order_shares: part of the orders by country."""

    kpis: Mapping[str, Kpi]
    home: str | None
    holidays: Mapping[str, Mapping[str, Days]]
    promotions: Mapping[str, tuple[Promotion, ...]]
    order_shares: Mapping[str, float]
    events: tuple[_Event, ...]

    def of(self, kpi: str, dimension: str = "", segment: str = "") -> KpiCalendar:
        """The days of the KPI as a whole, or of a segment. Raises KeyError for a KPI that isn't among them."""
        told = self.kpis[kpi].calendar
        named: dict[str, tuple[str, set[int]]] = {}
        for country in told.holidays:
            code = self.home if country == HOME else country
            for name, days in self.holidays.get(code or "", {}).items():
                named.setdefault(_same(name), (name, set()))[1].update(days)
        for event in self.events:
            if event.kpi == kpi and (event.dimension, event.segment) in (("", ""), (dimension, segment)):
                named.setdefault(_same(event.name), (event.name, set()))[1].update(event.days)
        return KpiCalendar(
            tuple(sorted((name, tuple(sorted(days))) for name, days in named.values())),
            tuple(sorted(day.toordinal() - EPOCH for day in told.closed if isinstance(day, date))),
            tuple(sorted(WEEKDAYS.index(day) for day in told.closed if not isinstance(day, date))),
            self._running(told.promotions, segment if dimension == COUNTRY else None),
        )

    def _running(self, feed: str | None, country: str | None) -> tuple[Running, ...]:
        """Promotions as a country meets them, or as the whole does: in part, where they run in one country."""
        found = []
        for one in self.promotions.get(feed or "", ()):
            if one.country is None:
                weight = 1.0
            elif country is not None:
                weight = float(_place(one.country) == _place(country))
            else:
                # In percents, so that a day's orders more don't change what was expected years ago.
                weight = round(_share_of(one.country, self.order_shares), 2)
            if weight >= MINIMUM_SHARE:
                found.append(Running(one.kind, one.starts, one.ends, weight))
        return tuple(sorted(found))


def calendars_of(connection: duckdb.DuckDBPyConnection, kpis: Iterable[Kpi]) -> Calendars:
    """The calendars of KPIs whose values stand in kpi_values, with holidays of its years, the one before and the one after."""
    known = {kpi.name: kpi for kpi in kpis}
    years = _years(connection)
    orders = _order_shares(connection)
    named = {country for kpi in known.values() for country in kpi.calendar.holidays}
    home = country_code(next(iter(orders), "")) if HOME in named else None
    codes = {home if country == HOME else country for country in named} - {None}
    holidays = {str(code): _holidays(str(code), years) for code in codes if years}
    feeds = {kpi.calendar.promotions for kpi in known.values()} - {None}
    promotions = {str(feed): read_promotions(connection, _staged(str(feed))) for feed in feeds}
    events = tuple(
        _Event(
            word.note or word.about.anomaly,
            word.about.kpi,
            word.about.dimension,
            word.about.segment,
            _days(word.about),
        )
        for word in last_words(connection)
        if word.verdict == "expected"
    )
    return Calendars(known, home, holidays, promotions, orders, events)


def calendar_tables(kpis: Iterable[Kpi]) -> tuple[str, ...]:
    """The tables that calendars_of reads beside kpi_values, each of which may be absent."""
    feeds = {kpi.calendar.promotions for kpi in kpis} - {None}
    return tuple(sorted({FEEDBACK, ORDERS, *(_staged(str(feed)) for feed in feeds)}))


def _years(connection: duckdb.DuckDBPyConnection) -> range:
    if absent_tables(connection, ["kpi_values"]):
        return range(0)
    first, last = connection.execute(
        "select year(min(period_start)), year(max(period_start)) from kpi_values"
    ).fetchall()[0]
    return range(0) if first is None else range(first - 1, last + 2)


def _holidays(code: str, years: range) -> dict[str, Days]:
    return {
        name: tuple(day.toordinal() - EPOCH for day in days)
        for name, days in public_holidays(code, years).items()
    }


def _order_shares(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Part of the orders by country, the home country first: where most go, as fct_sales_lines has it."""
    if absent_tables(connection, [ORDERS]):
        return {}
    rows = connection.execute(
        f"select country, count(*) from {ORDERS} where coalesce(nullif(country, ''), 'Unknown') <> 'Unknown' "
        "group by country order by count(*) desc, country"
    ).fetchall()
    total = sum(count for _, count in rows)
    return {country: count / total for country, count in rows}


def _share_of(country: str, order_shares: Mapping[str, float]) -> float:
    return sum(share for name, share in order_shares.items() if _place(name) == _place(country))


def _place(country: str) -> str:
    """The same for United Kingdom, UK and GB."""
    return country_code(country) or _same(country)


def _same(text: str) -> str:
    return " ".join(text.casefold().split())


def _staged(feed: str) -> str:
    return f"stg_{feed}"


def _days(about: Shown) -> Days:
    return tuple(range(about.started_on.toordinal() - EPOCH, about.ended_on.toordinal() - EPOCH + 1))
