"""When the data of a day are in, learned from how late rows landed.

The rule: a row's lag is the number of business days from what it tells of to its landing. Only rows of days on which
its feed was landing already tell of lags: what came before is history that was filled in. The 95 % quantile of these
lags, and a day at least, is how long a day is waited for, counted back from the feed's latest landing. The slowest of
the feeds decides. A feed of fewer than 20 such rows has no quantile of 95 %; then the day of the newest event counts,
or the day before the latest landing where that is earlier. Never is a day complete that lies after the as-of date.

Rows are those that stand in the staged tables. A feed that sends a row again until it is settled is waited for until it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from lakehouse.metrics.plan import Feed
from lakehouse.sql_text import identifier
from lakehouse.warehouse.clock import Clock

QUANTILE = 0.95
# With fewer rows the quantile is the largest value seen, so that one late row would decide.
MINIMUM_ROWS = 20


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a feed's landing, in business days. lag_days: None where too little landed to tell."""

    newest_on: date
    landed_on: date
    lag_days: int | None


def arrival_of(connection: duckdb.DuckDBPyConnection, feed: Feed, clock: Clock) -> Arrival | None:
    """None for a feed of which nothing has come."""
    happened, landed = clock.day_of(identifier(feed.event_time)), clock.day_of("_ingested_at")
    days = (
        f"select {happened} as happened, {landed} as landed, count(*) as rows from {feed.table} "
        f"where {identifier(feed.event_time)} is not null group by all"
    )
    newest, first, last = connection.execute(
        f"select max(least(happened, landed)), min(landed), max(landed) from ({days})"
    ).fetchall()[0]
    if newest is None:
        return None
    lags = connection.execute(
        f"select date_diff('day', happened, landed) as lag, sum(rows)::bigint from ({days}) "
        "where happened >= $1 and landed >= happened group by lag order by lag",
        [first],
    ).fetchall()
    return Arrival(newest, last, _quantile(lags))


def complete_through(arrivals: Sequence[Arrival], as_of: date, matures_after_days: int = 0) -> date:
    """The last day whose data are in and whose value has settled."""
    ends = [as_of]
    ends += [
        one.landed_on - timedelta(days=max(1, one.lag_days)) for one in arrivals if one.lag_days is not None
    ]
    unknown = [
        min(one.newest_on, one.landed_on - timedelta(days=1)) for one in arrivals if one.lag_days is None
    ]
    # Of feeds without a history the liveliest tells; a rare one is not late because nothing happened.
    if unknown:
        ends.append(max(unknown))
    return min(ends) - timedelta(days=matures_after_days)


def _quantile(lags: Sequence[tuple[int, int]]) -> int | None:
    """The smallest lag within which at least 95 % of the rows landed."""
    rows = sum(count for _, count in lags)
    if rows < MINIMUM_ROWS:
        return None
    seen = 0
    for lag, count in lags:
        seen += count
        if seen >= QUANTILE * rows:
            return lag
    raise AssertionError("the counts sum to all rows")  # pragma: no cover  what precedes returns
