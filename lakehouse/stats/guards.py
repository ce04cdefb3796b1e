"""Guards at the door of every statistic: a wrong number is named before any arithmetic touches it.

Belongs here: checks of single numbers, of arrays and of levels that more than one statistic needs, each raising
ValueError with what was expected and what was found. Not here: anything that computes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Alternative = Literal["two-sided", "greater", "less"]
ALTERNATIVES: tuple[Alternative, ...] = ("two-sided", "greater", "less")
FloatArray = NDArray[np.float64]


def finite(name: str, value: float) -> float:
    """The value as a float; ValueError when it is NaN or infinite."""
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, found {value}")
    return float(value)


def positive(name: str, value: float) -> float:
    """The value as a float; ValueError unless it is finite and above 0."""
    if not finite(name, value) > 0:
        raise ValueError(f"{name}: expected a number above 0, found {value}")
    return float(value)


def level(name: str, value: float) -> float:
    """A probability strictly between 0 and 1, such as alpha; ValueError otherwise."""
    if not 0 < value < 1:
        raise ValueError(f"{name}: expected a number between 0 and 1, both excluded, found {value}")
    return float(value)


def at_least(name: str, value: float, least: float) -> float:
    """The value as a float; ValueError unless it is finite and at least `least`."""
    if not finite(name, value) >= least:
        raise ValueError(f"{name}: expected at least {least:g}, found {value}")
    return float(value)


def one_of(name: str, value: str, known: Sequence[str]) -> str:
    """The value when it is among the known ones; ValueError otherwise."""
    if value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, found {value!r}")
    return value


def finite_array(name: str, values: ArrayLike, *, dimensions: int = 1, least: int = 1) -> FloatArray:
    """The values as a float array of that many dimensions, at least `least` long in each, all finite."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers, found {values!r}") from error
    if array.ndim != dimensions:
        raise ValueError(f"{name}: expected {dimensions} dimension(s), found {array.ndim}")
    if min(array.shape) < least:
        raise ValueError(f"{name}: expected at least {least} in each dimension, found shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name}: expected finite numbers, found {int((~np.isfinite(array)).sum())} that are not"
        )
    return array


def same_length(**arrays: FloatArray | NDArray[np.intp]) -> int:
    """The common first length of the named arrays; ValueError when they differ."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"expected arrays of one length, found {lengths}")
    return next(iter(lengths.values()))


def count(name: str, value: float, least: int = 0) -> int:
    """The value as an int; ValueError unless it is a whole number and at least `least`."""
    if finite(name, value) != int(value):
        raise ValueError(f"{name}: expected a whole number, found {value}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, found {value}")
    return int(value)


def squarable(name: str, array: FloatArray) -> FloatArray:
    """The array; ValueError when sums of its squares could overflow, or vanish although the numbers don't."""
    largest = float(np.abs(array).max(initial=0.0))
    if largest > 1e100 or 0 < largest < 1e-100:
        raise ValueError(f"{name}: expected sizes between 1e-100 and 1e100, found at most {largest:g}")
    return array
