"""Published and peer-verified numbers of the sequential, Bayesian and quasi-experimental methods come out of ours."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lakehouse.stats.aggregation import aggregate
from lakehouse.stats.arms import Arm
from lakehouse.stats.bayes_normal import Posterior, effect_posterior, posterior
from lakehouse.stats.bayes_proportions import BetaPrior, rate_interval, rates_posterior
from lakehouse.stats.did import difference_of_changes, panel_did, two_by_two
from lakehouse.stats.effects import Effect
from lakehouse.stats.group_sequential import boundary_design, readout, spending_design
from lakehouse.stats.means import difference
from lakehouse.stats.moments import Moments
from lakehouse.stats.proportions import proportion_arm
from lakehouse.stats.relative import delta_method
from lakehouse.stats.sequential import (
    confidence_sequence,
    mixture_boundary,
    mixture_log_evidence,
    mixture_rho,
)
from lakehouse.stats.spending import error_spent
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


def arm(sums: Inputs) -> Arm:
    return Moments.from_sums(sums["n"], [sums["sum"]], [[sums["sum_squares"]]]).arm()


def both(inputs: Inputs, of: Callable[[Inputs], Arm]) -> tuple[Arm, Arm]:
    return of(inputs["treatment"]), of(inputs["control"])


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


@pytest.mark.parametrize("name", CALLS)
def test_the_published_number_comes_out(name: str) -> None:
    entry = entries()[name]
    tolerance = entry["tolerance"]
    assert tolerance["type"] == "abs"
    for where, expected, found in leaves(entry["expected"], CALLS[name](entry["inputs"])):
        assert abs(found - expected) <= tolerance["value"], (where, expected, found)
