"""Slow rises and declines of weekly series, which no single week shows.

Belongs here: which series are looked at, what a segment is held against, and a spell's figures. Not here: the statistics
(stats/drift.py, stats/drift_spells.py).

A segment of a KPI that adds up is judged by its share of the whole, so that what moves all segments alike drifts in the whole
only. Segments of other KPIs are not looked at: their rates are noisier, and what drifts in them moves an amount as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np

from lakehouse.metrics.anomalies.budget import PERIODS_PER_YEAR, alarms, drift_alerts_per_year
from lakehouse.metrics.anomalies.found import TREND, TROUBLES_OF_SEGMENT, TROUBLES_OF_WHOLE, Found, day_of
from lakehouse.metrics.anomalies.judged import Judged
from lakehouse.metrics.anomalies.series import STEP, Panel, is_share
from lakehouse.metrics.values_sql import is_additive
from lakehouse.stats.confidence import confidence
from lakehouse.stats.drift import Drift, drift
from lakehouse.stats.drift_spells import Spell, spells
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.ramp import Ramp, ramp

# Less than this is no decline worth a word, however steady.
LEAST_CHANGE = 0.1
# Weeks before a drift and at its end that are held against each other.
BESIDE = 6
# Weeks in which a drift's begin is looked for.
LOOKED_BACK = 78


def find_drifts(judged: Judged) -> Iterator[Found]:
    """The spells of all weekly series of a panel, series by series, each in order of time."""
    if judged.panel.cadence != "weekly":
        return
    bases = _bases(judged.panel)
    looked_at = [i for i, one in enumerate(judged.panel.series) if one.is_whole or bases[i] is not None]
    if not looked_at:
        return
    panel, bases = judged.panel.of(looked_at), [bases[i] for i in looked_at]
    whole = np.stack([np.ones(len(panel.days)) if base is None else base for base in bases])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(whole > 0, panel.judged / whole, np.nan)
    found = _drifts(values, bases, [is_share(one.kpi) for one in panel.series])
    level, held = alarms(found.p_value, drift_alerts_per_year(panel.series), PERIODS_PER_YEAR["weekly"])
    for i in np.flatnonzero((held <= level[:, None]).any(axis=1)):
        one = replace(found.one(int(i)), p_value=held[i])
        for spell in spells(one, float(level[i])):
            told = _found(
                panel, int(i), found, spell, whole[i], float(level[i]), is_part=bases[int(i)] is not None
            )
            if abs(told.relative_impact or 0.0) >= LEAST_CHANGE and _has_moved(values[i], told):
                yield told


def _drifts(values: FloatArray, bases: Sequence[FloatArray | None], shares: Sequence[bool]) -> Drift:
    """Wholes have a season, shares of a whole have none of their own."""
    parts = np.array([base is not None for base in bases])
    whole_shares = [one for one, is_part in zip(shares, parts, strict=True) if not is_part]
    found, order = [], []
    if parts.any():
        found.append(drift(values[parts], is_share=True, has_season=False))
        order.append(np.flatnonzero(parts))
    if not parts.all():
        found.append(drift(values[~parts], is_share=whole_shares))
        order.append(np.flatnonzero(~parts))
    back = np.argsort(np.concatenate(order))
    joined = {
        field.name: np.concatenate([getattr(one, field.name) for one in found])[back]
        for field in fields(Drift)
        if field.name != "status"
    }
    status = [told for one in found for told in one.status]
    return Drift(status=tuple(status[int(i)] for i in back), **joined)


def _has_moved(values: FloatArray, found: Found) -> bool:
    """Whether the values themselves went that way: what grows more slowly than the year before has not gone down."""
    first, last = found.periods[0], found.periods[-1]
    before, after = values[max(0, first - BESIDE) : first], values[max(first, last - BESIDE + 1) : last + 1]
    if not np.isfinite(before).any() or not np.isfinite(after).any():
        return True
    return bool((np.nanmedian(after) > np.nanmedian(before)) == (found.direction == "up"))


def _bases(panel: Panel) -> list[FloatArray | None]:
    """What each series is a share of: the values of its whole, where it adds up to one that is never negative."""
    wholes = {one.kpi.name: i for i, one in enumerate(panel.series) if one.is_whole}
    bases: list[FloatArray | None] = []
    for i, one in enumerate(panel.series):
        base = panel.values[wholes[one.kpi.name]] if not one.is_whole and one.kpi.name in wholes else None
        is_part = base is not None and is_additive(one.kpi) and not (np.nan_to_num(panel.values[i]) < 0).any()
        bases.append(base if is_part else None)
    return bases


def _found(
    panel: Panel, i: int, drifts: Drift, spell: Spell, whole: FloatArray, level: float, *, is_part: bool
) -> Found:
    series = panel.series[i]
    start, before = spell.start, drifts.level_before[i]
    if is_part and (way := _way(panel.judged[i] / whole, spell)) is not None:
        start, before = way.begun, np.full(len(panel.days), np.exp(way.before))
    weeks = np.arange(start, spell.end + 1)
    weeks = weeks[np.isfinite(panel.values[i, weeks]) & np.isfinite(whole[weeks])]
    due, values = before[weeks] * whole[weeks], panel.values[i, weeks]
    is_sum = is_additive(series.kpi)
    expected, actual = (float(part.sum() if is_sum else part.mean()) for part in (due, values))
    end = timedelta(days=STEP["weekly"] - 1)
    p_value = float(drifts.p_value[i, spell.opened : spell.end + 1].min())
    troubles = TROUBLES_OF_WHOLE if series.is_whole else TROUBLES_OF_SEGMENT
    return Found(
        series=series,
        started_on=day_of(panel.days[start]),
        detected_on=day_of(panel.days[spell.opened]) + end,
        ended_on=day_of(panel.days[spell.end]) + end,
        direction="up" if spell.direction > 0 else "down",
        is_open=spell.is_open,
        methods=(TREND,),
        p_value=p_value,
        confidence=float(confidence([p_value], troubles)[0]),
        expected=expected,
        actual=actual,
        periods=tuple(int(t) for t in weeks),
        stands_alone=p_value <= level,
    )


def _way(shares: FloatArray, spell: Spell) -> Ramp | None:
    """How a share went from one level to another in the spell: it has no season to be told from, so the weeks tell it themselves."""
    first = max(0, spell.end - LOOKED_BACK)
    logs = np.log(np.where(shares[first : spell.end + 1] > 0, shares[first : spell.end + 1], np.nan))
    way = ramp(logs)
    if way is None or (way.after > way.before) != (spell.direction > 0) or first + way.begun > spell.opened:
        return None
    return replace(way, begun=first + way.begun, arrived=first + way.arrived)
