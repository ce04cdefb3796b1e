"""The radio campaign: from its start on it brings more visitors to the regions it runs in, and to no others.

Belongs here: the visits it brings, and how many they were. Doesn't: what visitors do (sessions.py).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from lakehouse.synth.batch import stack
from lakehouse.synth.demand import HOURS
from lakehouse.synth.designs import CAMPAIGN
from lakehouse.synth.geography import CAMPAIGN_REGIONS, COUNTRY_OF_REGION, REGIONS_OF_VISITS, in_campaign
from lakehouse.synth.plan import DAY, GeneratorPlan, Ints, Month
from lakehouse.synth.sessions import BOUNCE_SHARE, Memory, Sessions, looking, visit_times
from lakehouse.synth.visitors import Audience

START, END = date(2025, 8, 4), date(2025, 12, 29)
#: What the campaign adds to the lookers of its regions.
ADDED_SHARE = 0.4
#: Further visits of those whom it brought, as many as of others.
RETURNS_PER_VISIT = 0.14
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = ((day.toordinal() - _EPOCH) * DAY for day in (START, END))


class Campaign:
    """Brings visitors, and counts the visits that would not have been."""

    def __init__(self, plan: GeneratorPlan) -> None:
        self._plan = plan
        self._regions = np.flatnonzero(in_campaign(np.arange(len(REGIONS_OF_VISITS))))
        self._memory = Memory()
        self.added = 0

    def bring(self, month: Month, lookers_per_day: Ints, audience: Audience) -> Sessions:
        """Visits that the campaign brings; `lookers_per_day`: those who come by themselves, of all regions."""
        rng = self._plan.stream("campaign", month.index)
        days = month.start + np.arange(month.days) * DAY
        runs = (days >= _FIRST) & (days < _LAST)
        share = ADDED_SHARE * len(self._regions) / len(REGIONS_OF_VISITS)
        per_day = rng.poisson(lookers_per_day * share) * runs
        times = visit_times(rng, month, per_day, HOURS)
        region = rng.choice(self._regions, len(times))
        visitor = audience.arrive(rng, times, COUNTRY_OF_REGION[region], may_be_machines=False)
        audience.visitors.region[visitor] = region
        first = looking(rng, month, visitor, times, bounces=BOUNCE_SHARE, signs_up=True)
        back = visit_times(rng, month, rng.poisson(per_day * RETURNS_PER_VISIT), HOURS)
        visits = stack([first, self._memory.returning(rng, month, first, back)])
        self.added += int(np.sum(visits.start < _LAST))
        return visits

    def truth(self) -> dict[str, Any] | None:
        """None where the plan's days don't hold the campaign's start with weeks before and behind it."""
        first, last = max(_FIRST, self._plan.first_second), min(_LAST, self._plan.end_second)
        if self._plan.first_second >= _FIRST or last <= first:
            return None
        weeks = (last - first) / (7 * DAY)
        effect = self.added / (weeks * len(CAMPAIGN_REGIONS))
        return {
            "id": CAMPAIGN,
            "design": "difference_in_differences",
            "planted": "a rollout by region: the campaign brings more visits to its twelve regions of thirty-six",
            "verdict": "ship",
            "start": START.isoformat(),
            "end": END.isoformat(),
            "regions": list(CAMPAIGN_REGIONS),
            "primary": "weekly_sessions",
            "effects": {"weekly_sessions": {"variants": {"treated": {"effect": effect}}}},
        }
