"""The anomalies report: what needs attention now, most money first, each with its causes; on quiet days one line.

Here belong the page's frame and its summary. One anomaly stands in `anomalies_one`, tables of many in
`anomalies_tables`, what is watched in `anomalies_watched`.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import duckdb

from lakehouse.reports import words
from lakehouse.reports.anomalies_data import (
    ANOMALIES,
    DEFINITIONS,
    RECENT_DAYS,
    SERIES,
    Anomaly,
    Watch,
    read_watch,
)
from lakehouse.reports.anomalies_one import one_anomaly
from lakehouse.reports.anomalies_tables import answered, others, recent
from lakehouse.reports.anomalies_terms import TERMS
from lakehouse.reports.anomalies_watched import watched
from lakehouse.reports.anomalies_words import money
from lakehouse.reports.freshness import stale_warnings
from lakehouse.reports.page import Fact, Origin, Page, Period, Section, Sentence

NAME = "anomalies"
TITLE = "Anomalies"
# More than so many are too long to read; what is left stands in a table.
SHOWN_WHOLE = 12


def anomalies_page(connection: duckdb.DuckDBPyConnection, origin: Origin) -> Page:
    """The anomalies report on the published tables that the connection sees.

    Raises duckdb.CatalogException when a table is missing.
    """
    watch = read_watch(connection)
    attention = watch.attention
    whole, left = attention[:SHOWN_WHOLE], attention[SHOWN_WHOLE:]
    return Page(
        name=NAME,
        title=TITLE,
        summary=_summary(watch, attention),
        origin=origin,
        as_of=watch.as_of,
        period=Period(watch.as_of - timedelta(days=RECENT_DAYS - 1), watch.as_of) if watch.as_of else None,
        facts=_facts(watch),
        sections=(
            *(one_anomaly(connection, watch, each, place + 1) for place, each in enumerate(whole)),
            *((others(watch, left),) if left else ()),
            *_rest(watch),
        ),
        definitions=TERMS,
        warnings=stale_warnings(connection),
    )


def _rest(watch: Watch) -> tuple[Section, ...]:
    return (answered(watch), recent(watch), watched(watch))


def _summary(watch: Watch, attention: Sequence[Anomaly]) -> Sentence:
    if attention:
        return Sentence(f"{_needed(watch, attention)}; {_through(watch)}.", (ANOMALIES, DEFINITIONS))
    if not watch.watched:
        told = "No KPI can be judged yet" if watch.kpis else "No KPI has been built yet"
        return Sentence(f"{told}. Land files, then run: lakehouse run", (DEFINITIONS, SERIES))
    kpis = words.counted(len(watch.watched_kpis), "KPI")
    told = f"Nothing needs attention: {words.counted(watch.watched, 'series', 'series')} of {kpis} {'is' if watch.watched == 1 else 'are'} watched, {_through(watch)}"
    return Sentence(f"{told}; {_last(watch)}.", (SERIES, DEFINITIONS, ANOMALIES))


def _needed(watch: Watch, attention: Sequence[Anomaly]) -> str:
    told = f"{words.counted(len(attention), 'thing needs', 'things need')} attention"
    if any(each.money is not None for each in attention):
        told += f", with up to {_at_stake(watch, attention)} at stake"
    groups = {
        "for the worse": [each for each in attention if each.is_good is False],
        "for the better": [each for each in attention if each.is_good],
        "neither good nor bad": [each for each in attention if each.is_good is None],
    }
    said = [f"{words.count(len(found))} {name}" for name, found in groups.items() if found]
    return (
        f"{told}: {', '.join(said)}"
        if len(attention) > 1
        else f"{told}, {next(name for name, found in groups.items() if found)}"
    )


def _at_stake(watch: Watch, found: Sequence[Anomaly]) -> str:
    return money(sum(each.money for each in found if each.money is not None), watch.currency)


def _through(watch: Watch) -> str:
    """Through which day most KPIs are complete; of two days that as many are, the later."""
    days: Counter[date] = Counter(kpi.complete_through for kpi in watch.kpis.values() if kpi.complete_through)
    if not days:
        return "no KPI has a complete day"
    day, count = max(days.items(), key=lambda each: (each[1], each[0]))
    whole = len(watch.kpis)
    if count == whole:
        return f"data are complete through {words.day(day)}"
    return (
        f"data of {words.count(count)} of {words.counted(whole, 'KPI')} are complete through {words.day(day)}"
    )


def _last(watch: Watch) -> str:
    ended = [each for each in watch.anomalies if not each.is_open]
    if not ended:
        return "no anomaly has ended so far" if watch.anomalies else "there has been no anomaly so far"
    last = max(ended, key=lambda each: (each.ended_on, each.id))
    return f"the last anomaly ended on {words.day(last.ended_on)}"


def _facts(watch: Watch) -> tuple[Fact, ...]:
    return (
        Fact("Reporting currency", watch.currency or words.MISSING),
        Fact("KPIs watched", f"{words.count(len(watch.watched_kpis))} of {words.count(len(watch.kpis))}"),
        Fact("Series judged", words.count(watch.watched)),
    )
