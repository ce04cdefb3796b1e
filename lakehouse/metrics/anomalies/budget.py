"""How many false alerts each series may make, and which of its periods alarm.

Belongs here: sharing out a KPI's budget, and the control of false discoveries over all series of a period. Not here: the
evidence (stats/surprise.py), and what alarms become (stats/episodes.py).

The rule: a KPI's sensitivity is its false alerts a year. Of each series' share follows the p-value from which on it alarms by
itself (stats/confidence.level_of_budget). Over all series of one period the step-up rule of Benjamini and Hochberg
holds, weighted by these shares (Genovese, Roeder & Wasserman 2006, Biometrika 93:509-524): where k series stand out together,
each is held against k times its share; and where the shares of all sum to more than a fifth of a false alert per period,
they are cut to that, so that of the series that alarm together no more than one in five does so by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lakehouse.metrics.anomalies.series import Series
from lakehouse.stats.guards import FloatArray

PERIODS_PER_YEAR = {"daily": 365.25, "weekly": 52.18}
# Of a KPI's budget: what days, weeks and slow declines get, where it has both cadences; and, of that, what the segments get. A
# decline of the whole is seen by anybody, one of a segment by nobody.
BY_CADENCE = {"daily": 0.7, "weekly": 0.15}
DRIFT = 0.15
SEGMENTS, DRIFTING_SEGMENTS = 0.4, 0.6
FALSE_DISCOVERIES = 0.2
# However many stand out together, nothing alarms that happens to one ordinary period in fifty.
WEAKEST = 0.02


def alerts_per_year(series: Sequence[Series]) -> FloatArray:
    """Of series of one cadence that are watched: each one's share of its KPI's budget, shape (series,)."""
    budgets = []
    for one in series:
        part = 1.0
        if "weekly" in one.kpi.cadence:
            part -= DRIFT
        if len(one.kpi.cadence) > 1:
            part *= BY_CADENCE[one.cadence] / sum(BY_CADENCE.values())
        budgets.append(one.kpi.sensitivity * part)
    return _shared(series, budgets, SEGMENTS)


def drift_alerts_per_year(series: Sequence[Series]) -> FloatArray:
    """Of weekly series: each one's share of what its KPI has for slow rises and declines, shape (series,)."""
    return _shared(series, [one.kpi.sensitivity * DRIFT for one in series], DRIFTING_SEGMENTS)


def _shared(series: Sequence[Series], budgets: Sequence[float], of_segments: float) -> FloatArray:
    """Between the whole and its segments; a KPI without either gives all to the other."""
    parts = Counter(one.kpi.name for one in series if not one.is_whole)
    wholes = {one.kpi.name for one in series if one.is_whole}
    shares = []
    for one, budget in zip(series, budgets, strict=True):
        name = one.kpi.name
        if one.is_whole:
            shares.append(budget * ((1 - of_segments) if parts[name] else 1.0))
        else:
            shares.append(budget * (of_segments if name in wholes else 1.0) / parts[name])
    return np.array(shares)


def alarms(
    p_values: FloatArray, alerts: FloatArray, periods_per_year: float
) -> tuple[FloatArray, FloatArray]:
    """Each series' own level, shape (series,), and p-values to be held against it, shape (series, n).

    p_values: (series, n), 1 where not judged; alerts: (series,), false alerts a year that each may make. The p-values given back
    are those handed in where these don't alarm, and else at most the level.
    """
    level = np.minimum(alerts / periods_per_year, WEAKEST)
    judged = p_values < 1
    total = np.where(judged, level[:, None], 0.0).sum(axis=0)
    cut = np.minimum(1.0, FALSE_DISCOVERIES / np.maximum(total, 1e-12))
    # In units of its own share; the k-th smallest has to be at most k.
    scaled = p_values / (level[:, None] * cut)
    ordered = np.sort(scaled, axis=0)
    passes = ordered <= np.arange(1, len(scaled) + 1)[:, None]
    most = np.where(passes.any(axis=0), len(scaled) - np.argmax(passes[::-1], axis=0), 0)
    is_alarm = (scaled <= most) & (p_values <= WEAKEST) & judged
    held = np.where(
        is_alarm, np.minimum(p_values, level[:, None]), np.maximum(p_values, level[:, None] * (1 + 1e-9))
    )
    return level, np.minimum(held, 1.0)
