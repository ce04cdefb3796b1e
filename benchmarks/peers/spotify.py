"""spotify-confidence: t-test, z-test, bounds of a spending function, beta-binomial and the split, from frames of sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
from spotify_confidence import BetaBinomial, StudentsTTest, ZTest
from spotify_confidence.analysis.frequentist.confidence_computers.z_test_computer import sequential_bounds

from benchmarks.peers.inputs import FEW, Inputs

Figures = dict[str, float]


def _frame(data: Inputs, name: str) -> pd.DataFrame:
    arms = (data.control, data.treatment)
    return pd.DataFrame(
        {
            "arm": ["control", "treatment"],
            "n": [arm.n for arm in arms],
            "sum": [arm.sum(name) for arm in arms],
            "squares": [arm.product(name, name) for arm in arms],
        }
    )


def _figures(test: StudentsTTest | ZTest) -> Figures:
    found = test.difference(level_1="control", level_2="treatment").iloc[0]
    return {
        "effect": found["difference"],
        "low": found["ci_lower"],
        "high": found["ci_upper"],
        "p": found["p-value"],
    }


def welch_absolute(data: Inputs) -> Figures:
    return _figures(StudentsTTest(_frame(data, "revenue"), "sum", "squares", "n", "arm"))


def rate_unpooled(data: Inputs) -> Figures:
    return _figures(ZTest(_frame(data, "bought"), "sum", "squares", "n", "arm"))


def spending(_: Inputs) -> Figures:
    found = sequential_bounds(np.array([0.2, 0.4, 0.6, 0.8, 1.0]), 0.05, 2).df["zb"]
    return {f"bound {look}": bound for look, bound in enumerate(found, start=1)}


def belief_rates(_: Inputs) -> Figures:
    # It seeds its draws itself.
    x1, n1, x0, n0 = FEW
    frame = pd.DataFrame({"arm": ["control", "treatment"], "n": [n0, n1], "sum": [x0, x1]})
    test = BetaBinomial(frame, "sum", "n", "arm")
    found = test.difference(level_1="control", level_2="treatment").iloc[0]
    return {
        "effect": found["difference"],
        "chance to win": found["P(level_2 > level_1)"],
        "loss": -found["level_2 potential loss"],
    }


def split_chi_square(data: Inputs) -> Figures:
    test = ZTest(_frame(data, "revenue"), "sum", "squares", "n", "arm")
    p, _ = test.sample_ratio_test({"control": 0.5, "treatment": 0.5})
    return {"p": p}
