"""Every published or peer-verified number of the oracles comes out of the public functions; none is without a case."""

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

from lakehouse.stats.aggregation import aggregate
from lakehouse.stats.arms import Arm
from lakehouse.stats.bayes_normal import Posterior, effect_posterior, posterior
from lakehouse.stats.bayes_proportions import BetaPrior, rate_interval, rates_posterior
from lakehouse.stats.cluster_regression import least_squares
from lakehouse.stats.cuped import cuped, cuped_lift, slope
from lakehouse.stats.did import difference_of_changes, panel_did, two_by_two
from lakehouse.stats.effects import Effect
from lakehouse.stats.group_sequential import boundary_design, readout, spending_design
from lakehouse.stats.means import difference, pooled_t, welch
from lakehouse.stats.moments import Moments, combined
from lakehouse.stats.multiplicity import adjust
from lakehouse.stats.noninferiority import non_inferiority
from lakehouse.stats.planning import current_power
from lakehouse.stats.power import Outcome, sample_size, t_test_sample_size
from lakehouse.stats.proportions import proportion_arm, wald_interval, z_lift, z_test
from lakehouse.stats.ratios import linearised, ratio_difference, ratio_lift
from lakehouse.stats.relative import delta_method, log_scale
from lakehouse.stats.sequential import (
    confidence_sequence,
    mixture_boundary,
    mixture_log_evidence,
    mixture_rho,
)
from lakehouse.stats.spending import error_spent
from lakehouse.stats.srm import chi_square, exact_binomial, normal_approximation, sequential_sample_ratio
from lakehouse.stats.staggered import group_time_effects
from lakehouse.stats.synthetic_control import synthetic_control
from lakehouse.stats.synthetic_did import block_did

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


def rows(file: str, delimiter: str = ",") -> list[dict[str, str]]:
    with (DATA / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


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


def both(inputs: Inputs, of: Callable[[Inputs], Arm]) -> tuple[Arm, Arm]:
    return of(inputs["treatment"]), of(inputs["control"])


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
        return Moments.from_values(
            [float(row[inputs["y"]]) for row in rows(file) if float(row[inputs["treat"]]) == treated]
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


def sequence(inputs: Inputs) -> object:
    treatment, control = both(inputs, arm)
    lift = delta_method(treatment, control)
    look = confidence_sequence(
        lift.estimate,
        lift.standard_error,
        treatment.n + control.n,
        expected_n=inputs["tuning_N"],
        alpha=inputs["alpha"],
    )
    return {
        "point": look.estimate,
        "ci": [look.low, look.high],
        "p": look.p_value,
        "se": look.standard_error,
    }


def mixture(inputs: Inputs) -> object:
    rho = mixture_rho(inputs["v_opt"], inputs["alpha_opt"])
    return {
        "best_rho": rho,
        "log_superMG": mixture_log_evidence(inputs["s"], inputs["v"], rho),
        "bound": mixture_boundary(inputs["v"], rho, inputs["alpha"]),
    }


def belief(found: Posterior) -> object:
    return {
        "point": found.estimate,
        "ci": [found.low, found.high],
        "chance_to_win": found.chance_to_win,
        "risk": [found.loss_if_control, found.loss_if_treatment],
        "sd": found.standard_deviation,
    }


def normal_loss(inputs: Inputs) -> object:
    found = posterior(inputs["mu"], inputs["sigma"])
    return {"risk": [found.loss_if_control, found.loss_if_treatment]}


def beta_binomial(inputs: Inputs) -> object:
    (x0, n0), (x1, n1), prior = inputs["A"], inputs["B"], BetaPrior(*inputs["prior"])
    found = rates_posterior(x1, n1, x0, n0, prior)
    intervals = {name: rate_interval(*inputs[name], prior) for name in ("A", "B")}
    return {
        "p_b_gt_a": found.chance_to_win,
        "loss_choose_b": found.loss_if_treatment,
        "loss_choose_a": found.loss_if_control,
        "ci_b": [intervals["B"].low, intervals["B"].high],
        "ci_a": [intervals["A"].low, intervals["A"].high],
    }


def spent_squared(inputs: Inputs) -> object:
    design = spending_design("power", inputs["t"], inputs["alpha"], inputs["sides"], parameter=2.0)
    return {"bounds": list(design.upper)}


def looks_of_three_groups(inputs: Inputs) -> object:
    """Bonferroni over two comparisons; a look's information is the two arms' share of the final n."""
    arms: dict[str, list[Arm]] = {}
    for _, group, n, total, squares in inputs["rows_date_group_n_sum_ss"]:
        mean = total / n
        # The peer's variance divides by n.
        arms.setdefault(group, []).append(Arm(n, mean, squares / n - mean**2))
    reference = arms[inputs["reference"]]
    low, high = [], []
    for group in ("2", "3"):
        pairs = list(zip(arms[group], reference, strict=True))
        information = [(treatment.n + control.n) / inputs["final_n"] for treatment, control in pairs]
        design = spending_design("power", information, inputs["alpha"] / 2, parameter=2.0)
        for look, (treatment, control) in enumerate(pairs, 1):
            effect = difference(treatment, control, reference="normal")
            at = readout(design, look, effect.estimate, effect.standard_error)
            low.append(at.low)
            high.append(at.high)
    return {"lo_[g2d1,g2d2,g3d1,g3d2]": low, "hi": high}


def pocock(inputs: Inputs) -> object:
    designs = {
        str(looks): boundary_design("pocock", range(1, looks + 1), inputs["alpha"], inputs["sides"])
        for looks in inputs["K"]
    }
    return {"C": {looks: design.upper[-1] for looks, design in designs.items()}}


def obrien_fleming(inputs: Inputs) -> object:
    looks = range(1, inputs["K"] + 1)
    design = boundary_design("obrien_fleming", looks, inputs["alpha"], inputs["sided"])
    return {"critical": list(design.upper), "stage_levels": list(design.stage_levels)}


def pocock_spending(inputs: Inputs) -> object:
    design = spending_design("pocock", inputs["t"], inputs["alpha"], inputs["sided"])
    return {"alpha_spent": list(design.alpha_spent), "critical": list(design.upper)}


def card_krueger(inputs: Inputs) -> object:
    stores = [row for row in rows(inputs["data"]) if row[inputs["y"]] != "NA"]
    columns = {key: [float(row[inputs[key]]) for row in stores] for key in ("y", "treat", "post", "unit")}
    table = two_by_two(columns["y"], columns["treat"], columns["post"], columns["unit"])
    seen: dict[float, dict[float, float]] = {}
    for y, post, unit in zip(columns["y"], columns["post"], columns["unit"], strict=True):
        seen.setdefault(unit, {})[post] = y
    treated = dict(zip(columns["unit"], columns["treat"], strict=True))
    twice = [unit for unit, waves in seen.items() if len(waves) == 2]
    balanced = difference_of_changes(
        [seen[unit][0] for unit in twice],
        [seen[unit][1] for unit in twice],
        [treated[unit] for unit in twice],
    )
    return {
        "cells": {
            "pa_pre": table.control_before,
            "pa_post": table.control_after,
            "nj_pre": table.treated_before,
            "nj_post": table.treated_after,
        },
        "did": table.effect.estimate,
        "did_balanced": balanced.estimate,
        "se_balanced": balanced.standard_error,
    }


def prop99(inputs: Inputs, effect: Callable[[np.ndarray, list[bool], int], Effect]) -> object:
    states = rows(inputs["data"], ";")
    years = sorted({row["Year"] for row in states})
    names = sorted({row["State"] for row in states})
    panel = np.full((len(names), len(years)), np.nan)
    for row in states:
        panel[names.index(row["State"]), years.index(row["Year"])] = float(row["PacksPerCapita"])
    return {"att": effect(panel, [name == "California" for name in names], years.index("1989")).estimate}


def mpdta(inputs: Inputs) -> object:
    counties = rows(inputs["data"])
    units = sorted({row[inputs["id"]] for row in counties})
    years = sorted({float(row[inputs["t"]]) for row in counties})
    panel, adopted = np.full((len(units), len(years)), np.nan), np.full(len(units), np.inf)
    for row in counties:
        unit = units.index(row[inputs["id"]])
        panel[unit, years.index(float(row[inputs["t"]]))] = float(row[inputs["y"]])
        adopted[unit] = float(row[inputs["g"]]) or np.inf
    effects = group_time_effects(panel, years, adopted)
    now = [float(row[inputs["g"]] != "0" and row[inputs["t"]] >= row[inputs["g"]]) for row in counties]
    two_way = panel_did(
        [float(row[inputs["y"]]) for row in counties],
        now,
        [row[inputs["id"]] for row in counties],
        [row[inputs["t"]] for row in counties],
    )
    return {
        "att_gt": {f"{each.group:.0f},{each.period:.0f}": each.effect.estimate for each in effects.effects},
        "simple": aggregate(effects, "simple").effect.estimate,
        "group": aggregate(effects, "group").effect.estimate,
        "dynamic": aggregate(effects, "dynamic").effect.estimate,
        "twfe": two_way.estimate,
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
    "gb-sequential-cs-mean": sequence,
    "gb-bayes-proportion-flat": lambda inputs: belief(
        effect_posterior(*both(inputs, lambda counts: proportion_arm(counts["x"], counts["n"])))
    ),
    "gb-bayes-norm": lambda inputs: belief(effect_posterior(*both(inputs, arm))),
    "gb-expected-loss-normal": normal_loss,
    "sp-sequential-alpha-t2": spent_squared,
    "sp-sequential-adjusted-ci": looks_of_three_groups,
    "bb-jeffreys-exact": beta_binomial,
    "jt-pocock": pocock,
    "rpact-of-3": obrien_fleming,
    "rpact-asP": pocock_spending,
    "expan-obf-spending": lambda inputs: {
        "spent": error_spent("obrien_fleming", inputs["t"], inputs["alpha"]).tolist()
    },
    "confseq-normal-mixture": mixture,
    "did-card-krueger": card_krueger,
    "prop99-did": lambda inputs: prop99(inputs, lambda *panel: block_did(*panel).effect),
    "prop99-sc": lambda inputs: prop99(inputs, lambda *panel: synthetic_control(*panel).effect),
    "csdid-mpdta": mpdta,
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


def names() -> list[str]:
    """Every oracle and every case, so that neither is left out."""
    return sorted({*CALLS, *(entries() if ORACLES.is_file() else ())})


@pytest.mark.parametrize("name", names())
def test_the_published_number_comes_out(name: str) -> None:
    assert name in CALLS, f"expected a case that computes oracle {name}, found none: add it to CALLS"
    entry = entries()[name]
    tolerance = entry["tolerance"]
    compared = 0
    for where, expected, found in leaves(entry["expected"], CALLS[name](entry["inputs"])):
        compared += 1
        if math.isinf(expected):
            assert found == expected, where
        elif tolerance["type"] == "abs":
            assert abs(found - expected) <= tolerance["value"], (where, expected, found)
        else:
            assert tolerance["type"] == "rel"
            assert abs(found - expected) <= tolerance["value"] * abs(expected), (where, expected, found)
    assert compared


def test_every_oracle_has_one_case_and_every_case_an_oracle() -> None:
    listed = [entry["id"] for entry in json.loads(ORACLES.read_text(encoding="utf-8"))]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(CALLS)
