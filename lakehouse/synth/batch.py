"""Columns of equal length held together in a dataclass: pick rows, stack batches, round and draw.

Belongs here: what every maker of arrays needs. Doesn't: any business behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lakehouse.synth.plan import Ints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    B = TypeVar("B", bound=DataclassInstance)
else:
    B = TypeVar("B")


def pick(batch: B, rows: NDArray[Any]) -> B:
    """The batch's rows by mask or by positions."""
    return type(batch)(**{field.name: getattr(batch, field.name)[rows] for field in fields(batch)})


def stack(batches: Sequence[B]) -> B:
    """Several batches of one kind, one below the other."""
    if len(batches) == 1:
        return batches[0]
    kind = type(batches[0])
    return kind(**{f.name: np.concatenate([getattr(b, f.name) for b in batches]) for f in fields(kind)})


def draw(rng: np.random.Generator, weights: Sequence[float] | NDArray[np.float64], size: int) -> Ints:
    """Positions drawn with the given weights, with replacement."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn: Ints = np.searchsorted(edges, rng.random(size) * edges[-1], side="right").astype(np.int64)
    return drawn


def half_up(numerator: Ints, denominator: Ints | int) -> Ints:
    """numerator / denominator rounded to the nearest whole, halves up, without leaving the integers."""
    quotient: Ints = (2 * numerator + denominator) // (2 * np.asarray(denominator))
    return quotient
