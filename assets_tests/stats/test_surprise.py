"""Sums of surprises mean the same on thin days as on others."""

from __future__ import annotations

import numpy as np

from lakehouse.stats.calendar_effects import day_features
from lakehouse.stats.expected import expect
from lakehouse.stats.surprise import evidence


def test_days_of_uneven_width_make_no_evidence_of_a_level_that_has_moved() -> None:
    """A rate climbs for months; then only the number of trials varies, by four. Were what the level once took in counted in each day's own
    unit, a wide day after a narrow one would seem to lie far from it."""
    rng = np.random.default_rng(11)
    rate = np.minimum(0.05 + 0.45 * np.arange(400) / 150, 0.5)
    trials = rng.choice([100, 400], 400)
    y = rng.binomial(trials, rate) / trials
    found = evidence(expect(y, day_features(20_000 + np.arange(400)), denominators=trials, is_share=True))
    # Two alarms in a thousand ordinary days are put up with at this level; here it may be no more than one in fifty.
    assert (found.p_value[200:] < 0.002).mean() <= 0.02
