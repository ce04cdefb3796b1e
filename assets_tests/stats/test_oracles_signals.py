"""Trends, outliers and decompositions against published numbers, one oracle each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lakehouse.stats import mann_kendall
from lakehouse.stats.mann_kendall import TrendTest, seasonal_theil_sen, z_and_p
from lakehouse.stats.multiplicity import adjust
from lakehouse.stats.outliers import (
    classical_z,
    generalized_esd,
    largest_classical_z,
    modified_z,
    normal_fence,
)
from lakehouse.stats.stl import classical_decomposition, ljung_box, stl

Inputs = Mapping[str, Any]


def judged(test: TrendTest) -> dict[str, Any]:
    is_trend = test.p_value < 0.05
    return {
        "trend": "no trend" if not is_trend else "increasing" if test.z > 0 else "decreasing",
        "h": is_trend,
        "p": test.p_value,
        "z": test.z,
        "Tau": test.tau,
        "s": test.s,
        "var_s": test.variance,
        "slope": test.slope,
        "intercept": test.intercept,
    }


def seasonal_slope(inputs: Inputs) -> object:
    line = seasonal_theil_sen(inputs["x"], inputs["period"])
    return {"slope": line.slope, "intercept": line.intercept}


def by_hand(inputs: Inputs) -> object:
    found = judged(mann_kendall.original(inputs["x"]))
    return {name: found[name] for name in ("s", "var_s", "z", "slope", "Tau")}


def scored(inputs: Inputs) -> object:
    found = classical_z(inputs["x"])
    return {"sd": found.spread, "z": found.scores.tolist()}


def scored_by_medians(inputs: Inputs) -> object:
    found = modified_z(inputs["x"])
    return {"median": found.center, "mad": found.spread * 0.6745, "mz": found.scores.tolist()}


def fenced(_inputs: Inputs) -> object:
    z, p = normal_fence()
    return {"z": z, "p": p}


def extreme(inputs: Inputs) -> object:
    found = generalized_esd(inputs["x"], inputs["k"], inputs["alpha"])
    return {
        "R": list(found.statistics),
        "crit": list(found.critical),
        "n_outliers": len(found.outliers),
        "outliers": [inputs["x"][at] for at in found.outliers],
    }


def decomposed(inputs: Inputs) -> object:
    parts = stl(
        inputs["x"],
        inputs["period"],
        season_span=inputs["seasonal"],
        robust=inputs.get("robust", False),
    )
    return {
        "seasonal": parts.season.tolist(),
        "trend": parts.trend.tolist(),
        "resid": parts.rest.tolist(),
        "F_trend": parts.trend_strength,
        "F_season": parts.season_strength,
    }


def decomposed_classically(inputs: Inputs) -> object:
    parts = classical_decomposition(inputs["x"], inputs["period"])
    # The oracle doesn't say which point it calls the middle: it is the 61st of the 126.
    return {"seasonal7": parts.season[:7].tolist(), "trend_mid": parts.trend[60]}


def white(inputs: Inputs) -> object:
    found = ljung_box(inputs["x"], inputs["lags"])
    return {"stat": found.statistic, "p": found.p_value}


def discoveries(inputs: Inputs) -> object:
    family = adjust(inputs["p"], "bh", inputs["alpha"])
    return {"adj": list(family.p_values), "n_reject": sum(family.rejected)}


def from_published_sums(expected: Mapping[str, Any]) -> object:
    """The series isn't at hand: what its S and variance lead to is, and S is the same in all but the seasonal test."""
    found = {}
    for name, values in expected.items():
        z, p = z_and_p(values.get("s", expected["original"]["s"]), values["var_s"])
        found[name] = {**values, "z": z, "p": p}
    return found


# By what an entry's method begins with.
CALLS: dict[str, Callable[[Inputs], object]] = {
    "pymannkendall.original_test": lambda inputs: judged(mann_kendall.original(inputs["x"])),
    "pymannkendall.hamed_rao_modification_test": lambda inputs: judged(
        mann_kendall.hamed_rao(inputs["x"], inputs.get("lag"))
    ),
    "pymannkendall.yue_wang_modification_test": lambda inputs: judged(
        mann_kendall.yue_wang(inputs["x"], inputs.get("lag"))
    ),
    "pymannkendall.pre_whitening_modification_test": lambda inputs: judged(
        mann_kendall.pre_whitening(inputs["x"])
    ),
    "pymannkendall.trend_free_pre_whitening_modification_test": lambda inputs: judged(
        mann_kendall.trend_free_pre_whitening(inputs["x"])
    ),
    "pymannkendall.seasonal_test": lambda inputs: judged(
        mann_kendall.seasonal(inputs["x"], inputs["period"])
    ),
    "seasonal_sens_slope": seasonal_slope,
    "hand": by_hand,
    "scipy.stats.zscore": scored,
    "(n-1)/sqrt(n)": lambda inputs: {"zmax": [largest_classical_z(n) for n in inputs["n"]]},
    "0.6745*(x-median)/MAD": scored_by_medians,
    "normal: 1.5*IQR": fenced,
    "generalized ESD": extreme,
    "statsmodels STL": decomposed,
    "seasonal_decompose additive": decomposed_classically,
    "Ljung-Box": white,
    "Benjamini-Hochberg": discoveries,
}
PREFIXES = ("mk.", "z.", "modified_z.", "iqr.", "gesd.", "stl.", "classical_decompose.", "ljungbox.", "fdr.")


@pytest.fixture(scope="module")
def entries(shared_data: Path) -> list[dict[str, Any]]:
    path = shared_data / "oracles" / "metrics_forecast_customers.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    return [entry for entry in found if entry["id"].startswith(PREFIXES)]


def answer(entry: Mapping[str, Any]) -> object:
    if entry["method"].startswith("see upstream"):
        return from_published_sums(entry["expected"])
    calls = [call for start, call in CALLS.items() if entry["method"].startswith(start)]
    assert len(calls) == 1, entry["method"]
    return calls[0](entry["inputs"])


def leaves(expected: Any, found: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Every expected value beside the one found in its place."""
    if isinstance(expected, Mapping):
        assert set(expected) == set(found), where
        for key, value in expected.items():
            yield from leaves(value, found[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(expected) == len(found), where
        for at, value in enumerate(expected):
            yield from leaves(value, found[at], f"{where}[{at}]")
    else:
        yield where, expected, found


def test_every_published_number_comes_out(entries: list[dict[str, Any]]) -> None:
    wrong = []
    for entry in entries:
        tolerance = entry["tolerance"]
        relative, absolute = tolerance.get("rel", 0.0), tolerance.get("abs", 0.0)
        for where, expected, found in leaves(entry["expected"], answer(entry), entry["id"]):
            is_right = (
                found == expected
                if isinstance(expected, str)
                else np.isclose(found, expected, rtol=relative, atol=absolute)
            )
            if not is_right:
                wrong.append((where, expected, found))
    assert wrong == []


def test_no_kind_of_entry_is_left_out(entries: list[dict[str, Any]]) -> None:
    used = {start for entry in entries for start in CALLS if entry["method"].startswith(start)}
    assert used == set(CALLS)
