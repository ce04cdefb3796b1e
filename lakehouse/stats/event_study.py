"""Effects by time since adoption, and the test that before it there were none.

Belongs here: the event-study regression of one adoption date with its joint pre-trend test. Not here: several adoption
dates, whose event study is the dynamic aggregation (aggregation.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.stats.effects import Effect, wald_effect
from lakehouse.stats.guards import finite_array, same_length
from lakehouse.stats.panel import WaldTest, fixed_effects_fit, flags, labels, per_unit, pre_trend_test


@dataclass(frozen=True, slots=True)
class EventTimeEffect:
    """Effect at one event time: 0 is the first treated period, -1 the last before it."""

    event_time: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Effects relative to the reference period; pre_trend: joint test that those before 0 are 0.

    It is None when no period before is left to test, or when there are too few units for a joint test.
    """

    reference: int
    effects: tuple[EventTimeEffect, ...]
    pre_trend: WaldTest | None


def event_study(
    outcome: ArrayLike,
    treated: ArrayLike,
    unit: ArrayLike,
    time: ArrayLike,
    first_treated: float,
    reference: int = -1,
    alpha: float = 0.05,
) -> EventStudy:
    """Difference between treated and control units at each event time, less that at the reference.

    outcome: shape (rows,). treated: 0 or 1, one value a unit. unit: labels. time: numbers; event time counts the
    periods seen, whatever their distance. first_treated: the first time at which treated units are treated. reference:
    the event time, before 0, that the others are compared with. Standard errors are clustered by unit.
    pre_trend: joint F test that all effects before 0 are 0. Mind it when leads are many for the units: it rejects far
    too often with fewer than about ten units a lead, or with fewer than ten units in either group (4 treated of 40 and 2
    leads: 24% false alarms at 5%). Test one number then, such as the difference of linear trends by fixed_effects_fit,
    with the smaller group's units - 1 degrees of freedom. Passing it is no proof of parallel trends either.
    Raises ValueError for a first_treated that is not among the times, a reference that is not among the event times
    before 0, or fewer than 2 treated or control units.
    Source: Jacobson, LaLonde & Sullivan (1993), AER 83:685-709; pre-trend test: Roth (2022), AER: Insights 4:305-322.

    >>> y = [1, 2.5, 3, 1, 2, 5, 2, 3, 4, 0, 1.5, 4, 1, 2.5, 3, 1, 2, 4.5]
    >>> study = event_study(y, [0] * 3 + [1] * 3 + [0] * 3 + [1] * 3 + [0] * 3 + [1] * 3,
    ...     [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3 + [5] * 3 + [6] * 3, [1, 2, 3] * 6, first_treated=3)
    >>> [(point.event_time, round(point.effect.estimate, 2)) for point in study.effects]
    [(-2, 0.17), (0, 2.0)]
    """
    y, group = finite_array("outcome", outcome), flags("treated", treated)
    _, units = labels("unit", unit)
    periods, times = labels("time", finite_array("time", time))
    same_length(outcome=y, treated=group, unit=units, time=times)
    of_unit = per_unit("treated", group, units)
    if min(of_unit.sum(), (1 - of_unit).sum()) < 2:
        raise ValueError(
            f"treated: expected at least 2 treated and 2 control units, found {int(of_unit.sum())} "
            f"and {int((1 - of_unit).sum())}"
        )
    if first_treated not in periods:
        raise ValueError(f"first_treated: expected one of the times, found {first_treated}")
    event_times = np.arange(len(periods)) - int(np.searchsorted(periods, first_treated))
    if reference >= 0 or reference not in event_times:
        raise ValueError(
            f"reference: expected an event time before 0, from {event_times[0]}, found {reference}"
        )
    compared = event_times[event_times != reference]
    regressors = (event_times[times][:, None] == compared) * group[:, None]
    fit = fixed_effects_fit(y, regressors, units, times)
    errors = np.sqrt(np.diag(fit.covariance))
    before = compared < 0
    return EventStudy(
        reference=reference,
        effects=tuple(
            EventTimeEffect(
                int(at),
                wald_effect(
                    float(estimate), float(error), degrees_of_freedom=fit.degrees_of_freedom, alpha=alpha
                ),
            )
            for at, estimate, error in zip(compared, fit.estimates, errors, strict=True)
        ),
        pre_trend=pre_trend_test(
            fit.estimates[before], fit.covariance[np.ix_(before, before)], fit.degrees_of_freedom
        ),
    )
