"""How a sequential plan spends its error over the looks: cumulative spending functions of the information fraction.

Belongs here: the spending families by name. Not here: the bounds that a spending gives (group_sequential.py).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from lakehouse.stats.guards import FloatArray, finite, finite_array, level, one_of, positive

SpendingFamily = Literal["obrien_fleming", "pocock", "hwang_shih_decani", "power"]
SPENDING_FAMILIES: tuple[SpendingFamily, ...] = ("obrien_fleming", "pocock", "hwang_shih_decani", "power")
SPENDING_NAMES: dict[str, str] = {
    "obrien_fleming": "Lan-DeMets O'Brien-Fleming",
    "pocock": "Lan-DeMets Pocock",
    "hwang_shih_decani": "Hwang-Shih-DeCani",
    "power": "Kim-DeMets power",
}
DEFAULT_PARAMETERS = {"hwang_shih_decani": -4.0, "power": 3.0}


def error_spent(
    family: SpendingFamily, information: ArrayLike, alpha: float, parameter: float | None = None
) -> FloatArray:
    """Cumulative error spent at each information fraction; all of alpha from fraction 1 on.

    family: "obrien_fleming" is 2 (1 - Phi(z(1 - alpha/2) / sqrt(t))) and "pocock" alpha log(1 + (e - 1) t), both of
    Lan & DeMets (1983), Biometrika 70:659-663; "hwang_shih_decani" is alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)),
    gamma being the parameter (default -4; 0 is linear), Hwang, Shih & DeCani (1990), Statistics in Medicine
    9:1439-1445; "power" is alpha t^rho (default 3), Kim & DeMets (1987), Biometrika 74:149-154.
    information: fractions, shape (looks,), each above 0. alpha: the error to spend; two-sided designs spend half of
    theirs on either side.
    Raises ValueError for an unknown family, an alpha outside (0, 1), a fraction not above 0, a power not above 0, or
    a parameter given to a family that has none.

    >>> [round(float(spent), 6) for spent in error_spent("obrien_fleming", [0.2, 0.6, 1.0], 0.05)]
    [1.2e-05, 0.011396, 0.05]
    """
    one_of("family", family, SPENDING_FAMILIES)
    level("alpha", alpha)
    fractions = finite_array("information", information)
    if (fractions <= 0).any():
        raise ValueError(f"information: expected fractions above 0, found {fractions.min()}")
    if parameter is not None and family not in DEFAULT_PARAMETERS:
        raise ValueError(f"parameter: expected none for {family}, found {parameter}")
    t = np.minimum(fractions, 1.0)
    if family == "obrien_fleming":
        return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(t)), dtype=np.float64)
    if family == "pocock":
        return alpha * np.log1p((math.e - 1) * t)
    chosen = finite("parameter", DEFAULT_PARAMETERS[family] if parameter is None else parameter)
    if family == "power":
        return alpha * t ** positive("parameter", chosen)
    if abs(chosen) < 1e-9:
        return alpha * t
    if chosen > 0:
        return alpha * np.expm1(-chosen * t) / math.expm1(-chosen)
    # The same ratio, scaled by exp(gamma): a strongly negative gamma would overflow.
    return alpha * np.exp(-chosen * (t - 1)) * np.expm1(chosen * t) / math.expm1(chosen)
