"""Every combination of dimensions is looked at once, and none that says nothing of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from lakehouse.metrics.causes.cuboids import cuboids, sums


def coded(*columns: list[int]) -> list[NDArray[np.intp]]:
    return [np.array(column, dtype=np.intp) for column in columns]


def crossed(*sizes: int) -> list[NDArray[np.intp]]:
    return coded(*map(list, zip(*product(*map(range, sizes)), strict=True)))


def test_all_combinations_up_to_the_depth_the_shallow_first() -> None:
    found = cuboids([*crossed(2, 3, 2), np.zeros(12, dtype=np.intp)][:3], 2)
    assert [one.dimensions for one in found] == [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    assert [one.count for one in found] == [1, 2, 3, 2, 6, 4, 6]
    assert len(cuboids(crossed(2, 3, 2), 5)) == 8


def test_leaves_of_one_segment_share_their_values() -> None:
    codes = crossed(3, 4)
    for cuboid in cuboids(codes, 2):
        keys = {tuple(int(codes[d][leaf]) for d in cuboid.dimensions): set() for leaf in range(12)}
        for leaf in range(12):
            keys[tuple(int(codes[d][leaf]) for d in cuboid.dimensions)].add(int(cuboid.segment[leaf]))
        assert all(len(segments) == 1 for segments in keys.values())
        assert len(keys) == cuboid.count


def test_a_dimension_that_follows_from_another_adds_no_cuboids() -> None:
    city, tier = crossed(4, 3)
    country = city // 2
    dimensions = [one.dimensions for one in cuboids([country, city, tier], 3)]
    assert (0, 1) not in dimensions  # the same segments as city alone
    assert (0, 1, 2) not in dimensions
    assert {(0,), (1,), (2,), (0, 2), (1, 2)} <= set(dimensions)


def test_a_dimension_of_one_value_adds_none_either() -> None:
    assert [one.dimensions for one in cuboids([*crossed(3, 2), np.zeros(6, dtype=np.intp)], 3)] == [
        (), (0,), (1,), (0, 1),
    ]  # fmt: skip


def test_many_values_are_counted_as_they_occur() -> None:
    codes = coded(
        list(range(1000)), [place * 7 % 1000 for place in range(1000)], [place % 2 for place in range(1000)]
    )
    assert [one.count for one in cuboids(codes, 1)] == [1, 1000, 1000, 2]


def test_sums_of_sums_are_sums_of_leaves() -> None:
    codes = crossed(4, 3, 5, 2)
    values = np.arange(120.0) ** 2
    lattice = cuboids(codes, 4)
    assert sum(cuboid.finer is not None for cuboid in lattice) > 5
    for cuboid, (found, ones) in zip(lattice, sums(lattice, values, np.ones(120)), strict=True):
        assert found.tolist() == np.bincount(cuboid.segment, values, cuboid.count).tolist()
        assert ones.sum() == 120
