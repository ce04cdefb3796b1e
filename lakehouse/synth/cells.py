"""Arrays as the cells of a feed's column: ids, names from a pool, times.

Belongs here: what every feed's rows are made with. Doesn't: any feed's columns (feeds.py, web_feeds.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.synth.plan import NEVER, Ints

FIRST_NUMBER = 10_000_001


def ids(letter: str, numbers: Ints) -> pl.Series:
    """Numbers from 0 as ids of one width."""
    return pl.select(pl.concat_str(pl.lit(letter), pl.Series(numbers + FIRST_NUMBER))).to_series()


def chosen(pool: tuple[str, ...] | list[str], positions: Ints) -> pl.Series:
    """The names at the positions."""
    return pl.Series(pool, dtype=pl.String).gather(positions)


def times(seconds: Ints, instant: int = NEVER) -> pl.Series:
    """Times as they are known just before the instant: null for what is still to come."""
    told = pl.from_epoch(pl.Series(np.where(seconds < instant, seconds, 0)), time_unit="s")
    if instant == NEVER:
        return told
    return pl.select(pl.when(pl.Series(seconds < instant)).then(told).otherwise(None)).to_series()
