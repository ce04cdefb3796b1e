"""Published and peer-verified numbers of the classical methods come out of the public functions."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lakehouse.stats.arms import Arm
from lakehouse.stats.cluster_regression import least_squares
from lakehouse.stats.cuped import cuped, cuped_lift, slope
from lakehouse.stats.effects import Effect
from lakehouse.stats.means import difference, pooled_t, welch
from lakehouse.stats.moments import Moments, combined
from lakehouse.stats.multiplicity import adjust
from lakehouse.stats.noninferiority import non_inferiority
from lakehouse.stats.planning import current_power
from lakehouse.stats.power import Outcome, sample_size, t_test_sample_size
from lakehouse.stats.proportions import proportion_arm, wald_interval, z_lift, z_test
from lakehouse.stats.ratios import linearised, ratio_difference, ratio_lift
from lakehouse.stats.relative import delta_method, log_scale
from lakehouse.stats.srm import chi_square, exact_binomial, normal_approximation, sequential_sample_ratio

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", REPO.parent / "shared"))
ORACLES = SHARED / "oracles" / "experiments.json"
DATA = SHARED / "data" / "experiments"

Inputs = Mapping[str, Any]
pytestmark = pytest.mark.skipif(
    not ORACLES.is_file(), reason="the oracles are absent: no LAKEHOUSE_SHARED_DIR and no ../shared"
)


def entries() -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in json.loads(ORACLES.read_text(encoding="utf-8"))}


def arm(inputs: Inputs) -> Arm:
    """An arm from n with sum and sum of squares, under either of their names."""
    squares = inputs["sum_squares"] if "sum_squares" in inputs else inputs["ss"]
    return Moments.from_sums(inputs["n"], [inputs["sum"]], [[squares]]).arm()


def counts(inputs: Inputs) -> tuple[int, int, int, int]:
    treatment, control = inputs["treatment"], inputs["control"]
    return treatment["x"], treatment["n"], control["x"], control["n"]


def covariate_moments(n: int, inputs: Inputs, variables: Sequence[str]) -> Moments:
    """Moments of the named variables from their sums, squares and cross products."""

    def product(first: str, second: str) -> float:
        if first == second:
            return float(inputs[first][1])
        cross = inputs["cross"]
        return float(
            cross[f"{first}*{second}"] if f"{first}*{second}" in cross else cross[f"{second}*{first}"]
        )

    products = [[product(first, second) for second in variables] for first in variables]
    return Moments.from_sums(n, [inputs[name][0] for name in variables], products)


def summary_moments(inputs: Inputs, *variables: str) -> Moments:
    """Moments of the named variables from means, variances and covariances."""
    covariances = [
        [
            inputs["var"][first] if first == second else inputs["cov"]["|".join(sorted((first, second)))]
            for second in variables
        ]
        for first in variables
    ]
    return Moments.from_summary(inputs["n"], [inputs["mean"][name] for name in variables], covariances)


def interval(effect: Effect) -> dict[str, Any]:
    return {
        "point": effect.estimate,
        "ci": [effect.low, effect.high],
        "p": effect.p_value,
        "se": effect.standard_error,
    }


def both_scales(arms: tuple[Arm, Arm], absolute: Effect, lift: Effect) -> dict[str, Any]:
    return {
        "control": arms[1].mean,
        "treatment": arms[0].mean,
        "effect_size": absolute.estimate,
        "effect_size_ci_lower": absolute.low,
        "effect_size_ci_upper": absolute.high,
        "rel_effect_size": lift.estimate,
        "rel_effect_size_ci_lower": lift.low,
        "rel_effect_size_ci_upper": lift.high,
        "pvalue": absolute.p_value,
        "statistic": absolute.statistic,
    }


def proportion_relative(inputs: Inputs) -> object:
    x1, n1, x0, n0 = counts(inputs)
    return interval(delta_method(proportion_arm(x1, n1), proportion_arm(x0, n0)))


def ratio_cuped_relative(inputs: Inputs) -> object:
    variables = ("m_post", "d_post", "m_pre", "d_pre")
    arms = [
        linearised(covariate_moments(inputs["n"], inputs[name], variables))
        for name in ("treatment", "control")
    ]
    # The peer takes theta as known.
    theta = sum(arm.covariances[0][1] for arm in arms) / sum(arm.covariances[1][1] for arm in arms)
    return interval(cuped_lift(arms[0], arms[1], theta))


def cuped_mean_absolute(inputs: Inputs) -> object:
    referred = entries()[inputs["see"]]["inputs"]
    treatment, control = (
        covariate_moments(referred["n"], referred[name], ("m_post", "m_pre"))
        for name in ("treatment", "control")
    )
    # The peer takes theta from both arms as one sample, and as known.
    adjusted = cuped(treatment, control, slope(combined(treatment, control)))
    return interval(welch(adjusted.treatment, adjusted.control))


def mid_experiment(inputs: Inputs) -> object:
    treatment, control = arm(inputs["treatment"]), arm(inputs["control"])
    lift = delta_method(treatment, control)
    now = current_power(
        lift.standard_error,
        inputs["relative_mde"],
        treatment.n + control.n,
        alpha=inputs["alpha"],
        power=inputs["power"],
    )
    return {"scaling_factor": now.additional_share}


def sequential_ratio(inputs: Inputs) -> object:
    batches = [[100, 80], [110, 85], [105, 75]] * 10
    test = sequential_sample_ratio(batches, inputs["weights"], concentration=inputs["concentration"])
    return {"p_after_batches": {str(k): test.p_values[k - 1] for k in (1, 5, 10, 15, 20, 30)}}


def one_sample(inputs: Inputs) -> object:
    rates = [wald_interval(x, n) for x, n in inputs["arms"]]
    return {"lo": [rate.low for rate in rates], "hi": [rate.high for rate in rates]}


def with_margin(inputs: Inputs) -> object:
    treatment, control = arm(inputs["treatment"]), arm(inputs["control"])
    margin = inputs["nim_relative"] * control.mean
    up = non_inferiority(treatment, control, margin, better="higher", alpha=inputs["alpha"])
    down = non_inferiority(treatment, control, margin, better="lower", alpha=inputs["alpha"])
    superior = non_inferiority(treatment, control, 0.0, better="higher", alpha=inputs["alpha"])
    return {
        "difference": up.estimate,
        "prefer_increase": {"ci_lower": up.low, "p": up.p_value},
        "prefer_decrease": {"ci_upper": down.high, "p": down.p_value},
        "no_margin_increase_p": superior.p_value,
    }


def mean_plan(inputs: Inputs) -> object:
    outcome = Outcome(level=1.0, variance=inputs["variance"])
    plan = sample_size(outcome, inputs["mde"], alpha=inputs["alpha"], power=inputs["power"])
    return {"n_total": plan.n_treatment + plan.n_control}


def welch_mean(inputs: Inputs) -> object:
    arms = summary_moments(inputs["1"], "orders").arm(), summary_moments(inputs["0"], "orders").arm()
    return both_scales(arms, welch(*arms), log_scale(*arms))


def ratio_greater(inputs: Inputs) -> object:
    treatment, control = (summary_moments(inputs[name], "orders", "sessions") for name in ("1", "0"))
    absolute = ratio_difference(treatment, control, reference="pooled", alternative="greater")
    lift = ratio_lift(treatment, control, method="log", reference="pooled", alternative="greater")
    return both_scales((linearised(treatment).arm(), linearised(control).arm()), absolute, lift)


def ratio_cuped_less(inputs: Inputs) -> object:
    variables = ("orders", "sessions", "orders_covariate", "sessions_covariate")
    treatment, control = (summary_moments(inputs[name], *variables) for name in ("1", "0"))
    # The peer takes theta from both arms as one sample, and as known.
    theta = slope(linearised(combined(treatment, control)))
    adjusted = cuped(linearised(treatment), linearised(control), theta)
    n1, n0 = treatment.n, control.n
    # It centres on the covariates' ratio of both arms taken together, cuped on the mean of the arms' ratios: a shift
    # of either level, and none of their difference.
    ratios = [linearised(each).means[1] for each in (treatment, control, combined(treatment, control))]
    shift = theta * (ratios[2] - (n1 * ratios[0] + n0 * ratios[1]) / (n1 + n0))
    arms = tuple(
        Arm(each.n, each.mean + shift, each.variance) for each in (adjusted.treatment, adjusted.control)
    )
    absolute = difference(arms[0], arms[1], reference="normal", alternative="less")
    return both_scales(
        (arms[0], arms[1]), absolute, log_scale(arms[0], arms[1], reference="normal", alternative="less")
    )


def rates_normal(inputs: Inputs) -> object:
    def one(*, pooled: bool, continuity: bool) -> dict[str, Any]:
        absolute = z_test(*counts(inputs), pooled=pooled, continuity=continuity)
        lift = z_lift(*counts(inputs), pooled=pooled, continuity=continuity)
        return {"ci": [absolute.low, absolute.high], "rel_ci": [lift.low, lift.high], "p": absolute.p_value}

    return {
        "pooled_corr": one(pooled=True, continuity=True),
        "pooled": one(pooled=True, continuity=False),
        "unpooled_corr": one(pooled=False, continuity=True),
    }


def split_of_two(inputs: Inputs) -> object:
    shares = [0.5, 0.5]
    return {
        "binom": exact_binomial(inputs["counts"], shares).p_value,
        "norm_corr": normal_approximation(inputs["counts"], shares).p_value,
        "norm": normal_approximation(inputs["counts"], shares, continuity=False).p_value,
    }


def false_discoveries(inputs: Inputs) -> object:
    return {"bh": adjust(inputs["p"], "bh").p_values, "by": adjust(inputs["p"], "by").p_values}


def family_wise(inputs: Inputs) -> object:
    return {
        "holm": adjust(inputs["p"], "holm").p_values,
        "holm_sidak": adjust(inputs["p"], "holm-sidak").p_values,
        "hochberg": adjust(inputs["p"], "hochberg").p_values,
        "bonferroni": adjust(inputs["p"], "bonferroni").p_values,
    }


def pooled_interval(inputs: Inputs) -> object:
    first, second = (Arm(inputs[f"n{i}"], inputs[f"m{i}"], inputs[f"s{i}"] ** 2) for i in (1, 2))
    effect = pooled_t(first, second)
    return {"ci": [effect.low, effect.high]}


def petersen(inputs: Inputs) -> object:
    firm, year, x, y = np.loadtxt(DATA / inputs["data"]).T
    regressors = np.column_stack([np.ones(len(x)), x])
    by_firm = least_squares(regressors, y, firm)
    return {
        "coef": by_firm.estimates,
        "white": least_squares(regressors, y, np.arange(len(y))).standard_errors,
        "firm": by_firm.standard_errors,
        "year": least_squares(regressors, y, year).standard_errors,
        "firm_and_year": least_squares(regressors, y, firm, year).standard_errors,
    }


def lalonde(inputs: Inputs) -> object:
    def outcomes(file: str, treated: int) -> Arm:
        with (DATA / file).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return Moments.from_values(
            [float(row[inputs["y"]]) for row in rows if float(row[inputs["treat"]]) == treated]
        ).arm()

    treatment, control = outcomes(inputs["data"], 1), outcomes(inputs["data"], 0)
    pooled = pooled_t(treatment, control)
    return {
        "ate": pooled.estimate,
        "se_pooled": pooled.standard_error,
        "t": pooled.statistic,
        "p": pooled.p_value,
        "welch_se": welch(treatment, control).standard_error,
        "naive_vs_cps": welch(treatment, outcomes("cps_mixtape.csv", 0)).estimate,
    }


CALLS: dict[str, Callable[[Inputs], object]] = {
    "gb-welch-absolute": lambda inputs: interval(welch(arm(inputs["treatment"]), arm(inputs["control"]))),
    "gb-proportion-relative": proportion_relative,
    "gb-ratio-cuped-relative": ratio_cuped_relative,
    "gb-cuped-mean-absolute": cuped_mean_absolute,
    "gb-midexperiment-power": mid_experiment,
    "srm-kohavi": lambda inputs: {"p": chi_square(inputs["counts"], inputs["weights"]).p_value},
    "ssrm-sequential": sequential_ratio,
    "sp-one-sample-ci": one_sample,
    "sp-non-inferiority": with_margin,
    "gpower-mean": mean_plan,
    "tt-welch-mean": welch_mean,
    "tt-ratio-delta-greater": ratio_greater,
    "tt-ratio-cuped-less-z": ratio_cuped_less,
    "tt-proportion-norm": rates_normal,
    "tt-srm": split_of_two,
    "mt-fdr": false_discoveries,
    "mt-fwer": family_wise,
    "pooled-t-ci": pooled_interval,
    "power-t-0.5": lambda inputs: {
        "n_per_group": t_test_sample_size(inputs["d"], alpha=inputs["alpha"], power=inputs["power"])
    },
    "petersen-cluster-se": petersen,
    "ate-lalonde": lalonde,
}


def leaves(expected: Any, found: Any, where: str = "") -> Iterator[tuple[str, float, float]]:
    """Every expected number beside the one found in its place."""
    if isinstance(expected, Mapping):
        assert set(expected) == set(found), where
        for key, value in expected.items():
            yield from leaves(value, found[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(expected) == len(found), where
        for position, value in enumerate(expected):
            yield from leaves(value, found[position], f"{where}[{position}]")
    else:
        yield where, float(expected), float(found)


@pytest.mark.parametrize("name", CALLS)
def test_the_published_number_comes_out(name: str) -> None:
    entry = entries()[name]
    tolerance = entry["tolerance"]
    for where, expected, found in leaves(entry["expected"], CALLS[name](entry["inputs"])):
        if math.isinf(expected):
            assert found == expected, where
        elif tolerance["type"] == "abs":
            assert abs(found - expected) <= tolerance["value"], (where, expected, found)
        else:
            assert abs(found - expected) <= tolerance["value"] * abs(expected), (where, expected, found)
