"""tea-tasting: means, rates, ratios, CUPED, the split and plans, from its own aggregates."""

from __future__ import annotations

from itertools import combinations

import tea_tasting as tt
from tea_tasting.aggr import Aggregates

from benchmarks.peers.inputs import FEW, NAMES, ArmSums, Inputs

Figures = dict[str, float]


def _aggregates(arm: ArmSums) -> Aggregates:
    return Aggregates(
        count_=arm.n,
        mean_={name: arm.mean(name) for name in NAMES},
        var_={name: arm.covariance(name, name) for name in NAMES},
        cov_={(first, second): arm.covariance(first, second) for first, second in combinations(NAMES, 2)},
    )


def _mean(data: Inputs, metric: tt.RatioOfMeans | tt.Mean, *, is_lift: bool = False) -> Figures:
    found = metric.analyze_aggregates(_aggregates(data.control), _aggregates(data.treatment))
    if is_lift:
        return {
            "effect": found.rel_effect_size,
            "low": found.rel_effect_size_ci_lower,
            "high": found.rel_effect_size_ci_upper,
        }
    return {
        "effect": found.effect_size,
        "low": found.effect_size_ci_lower,
        "high": found.effect_size_ci_upper,
        "p": found.pvalue,
    }


def welch_absolute(data: Inputs) -> Figures:
    return _mean(data, tt.Mean("revenue"))


def lift_log_scale(data: Inputs) -> Figures:
    return _mean(data, tt.Mean("revenue"), is_lift=True)


def ratio(data: Inputs) -> Figures:
    return _mean(data, tt.RatioOfMeans("orders", "sessions"))


def ratio_lift_log(data: Inputs) -> Figures:
    return _mean(data, tt.RatioOfMeans("orders", "sessions"), is_lift=True)


def cuped(data: Inputs) -> Figures:
    return _mean(data, tt.Mean("revenue", "revenue_before"))


def _rate(data: Inputs, *, is_pooled: bool) -> Figures:
    metric = tt.Proportion("bought", method="norm", correction=False, equal_var=is_pooled)
    found = metric.analyze_aggregates(_aggregates(data.control), _aggregates(data.treatment))
    return {
        "effect": found.effect_size,
        "low": found.effect_size_ci_lower,
        "high": found.effect_size_ci_upper,
        "p": found.pvalue,
    }


def rate_pooled(data: Inputs) -> Figures:
    return _rate(data, is_pooled=True)


def rate_unpooled(data: Inputs) -> Figures:
    return _rate(data, is_pooled=False)


def boschloo_small(_: Inputs) -> Figures:
    metric = tt.Proportion("bought", method="boschloo")
    x1, n1, x0, n0 = FEW
    control, treatment = (
        Aggregates(count_=n, mean_={"bought": x / n}, var_={}, cov_={}) for x, n in ((x0, n0), (x1, n1))
    )
    return {"p": metric.analyze_aggregates(control, treatment).pvalue}


def split_exact(data: Inputs) -> Figures:
    metric = tt.SampleRatio(1, method="binom")
    found = metric.analyze({0: _aggregates(data.control), 1: _aggregates(data.treatment)}, 0, 1)
    return {"p": found.pvalue}


def plan_mean(data: Inputs) -> Figures:
    metric = tt.Mean("revenue", rel_effect_size=0.05, alpha=0.05, power=0.8, use_t=False)
    return {"units": metric.solve_power_from_aggregates(_aggregates(data.control), "n_obs")[0].n_obs}
