"""What an anomaly is worth: money that is missing or too much, or that moves in proportion to the KPI.

Belongs here: that rule. Not here: how anomalies are ranked by it (reports).

The rule: a KPI of money that adds up has its own impact. Any other names, by `money`, a KPI of money that moves in
proportion to it: at stake is the relative impact of what was expected of that one, in the same days and segment; where it
isn't cut by that segment, of what was expected of its whole, by the segment's part in the KPI.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lakehouse.metrics.anomalies.found import Found
from lakehouse.metrics.anomalies.judged import Judged
from lakehouse.metrics.anomalies.series import ROUND

MONEY = "reporting currency"


class Worth:
    """Asks the expectations of all watched series."""

    def __init__(self, judged: Iterable[Judged]) -> None:
        self.places = {series.key: (one, i) for one in judged for i, series in enumerate(one.panel.series)}

    def of(self, found: Found) -> float | None:
        """At least 0; None where nothing tells."""
        kpi, relative = found.series.kpi, found.relative_impact
        if kpi.money is None:
            return abs(found.impact) if kpi.unit == MONEY and not kpi.is_ratio else None
        if relative is None:
            return None
        _, cadence, dimension, segment = found.series.key
        same = self._expected(found, (kpi.money, cadence, dimension, segment))
        if same is None and dimension:
            whole, part = self._expected(found, (kpi.money, cadence, "", "")), self._part(found)
            same = whole * part if whole is not None and part is not None else None
        return None if same is None else abs(relative) * max(same, 0.0)

    def _expected(self, found: Found, key: tuple[str, str, str, str]) -> float | None:
        if key not in self.places:
            return None
        judged, i = self.places[key]
        # Series of one cadence share their days.
        return float(judged.center[i, list(found.periods)].sum())

    def _part(self, found: Found) -> float | None:
        """The segment's part in the KPI's numerator, in the periods before."""
        name, cadence, _, _ = found.series.key
        if (name, cadence, "", "") not in self.places:
            return None
        (own, i), (whole, w) = self.places[found.series.key], self.places[name, cadence, "", ""]
        first = found.periods[0]
        before = slice(max(0, first - ROUND[cadence]), first)
        parts, total = (
            np.nansum(own.panel.numerators[i, before]),
            np.nansum(whole.panel.numerators[w, before]),
        )
        return float(parts / total) if total > 0 and parts >= 0 else None
