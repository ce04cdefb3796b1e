"""Anomalies that people said were to be expected, as they still stand in the table once the expectation knows of them.

Belongs here: their rows, made from the days that were named. Not here: what people said (feedback.py), and how the expectation
learns of it (metrics/calendar.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import numpy as np

from lakehouse.metrics.anomalies.feedback import Shown, Word
from lakehouse.metrics.anomalies.found import EXPECTATION, Found, figures
from lakehouse.metrics.anomalies.judged import Judged

_FIRST = date(1970, 1, 1).toordinal()


def shown(found: Found) -> Shown:
    """An episode as feedback names it."""
    name, _, dimension, segment = found.series.key
    return Shown(
        found.anomaly, name, dimension, segment, found.direction, found.started_on, found.ended_on
    )  # fmt: skip


def declared(judged: Iterable[Judged], words: Iterable[Word], found: Sequence[Found]) -> list[Found]:
    """Those said to be expected that no longer stand out: their days are an event of the calendar now, and make no alarm."""
    panels = list(judged)
    rows = []
    for word in words:
        about = word.about
        if word.verdict == "expected" and not any(_is_same(shown(one), about) for one in found):
            rows += list(_remembered(panels, about))[:1]
    return rows


def _is_same(one: Shown, about: Shown) -> bool:
    overlaps = one.started_on <= about.ended_on and about.started_on <= one.ended_on
    return one.anomaly == about.anomaly or (one.series == about.series and overlaps)


def _remembered(panels: Sequence[Judged], about: Shown) -> Iterator[Found]:
    """From the series of the finest cadence that has these days."""
    for one in panels:
        first, last = (day.toordinal() - _FIRST for day in (about.started_on, about.ended_on))
        for i, series in enumerate(one.panel.series):
            if (series.kpi.name, series.dimension, series.segment) != (
                about.kpi,
                about.dimension,
                about.segment,
            ):
                continue
            inside = np.flatnonzero((one.panel.days >= first) & (one.panel.days <= last))
            inside = inside[np.isfinite(one.panel.values[i, inside])]
            if len(inside):
                expected, actual = figures(one, i, inside)
                yield Found(
                    series=series, started_on=about.started_on, detected_on=about.ended_on, ended_on=about.ended_on,
                    direction=about.direction, is_open=False, methods=(EXPECTATION,), p_value=1.0, confidence=0.0,
                    expected=expected, actual=actual, periods=tuple(int(t) for t in inside), name=about.anomaly,
                )  # fmt: skip
