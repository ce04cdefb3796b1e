"""Slow waves with and without a trend: how often each test says there is one.

Belongs here: the simulation behind the choice of lakehouse.stats.trend. Not here: the tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from lakehouse.stats import mann_kendall
from lakehouse.stats.guards import FloatArray
from lakehouse.stats.trend import trend

N = 90
TESTS: dict[str, Callable[[FloatArray], float]] = {
    "ours": lambda x: trend(x).p_value,
    "pre-whitening": lambda x: mann_kendall.pre_whitening(x).p_value,
    "Hamed-Rao, lag 3": lambda x: mann_kendall.hamed_rao(x, 3).p_value,
    "Hamed-Rao": lambda x: mann_kendall.hamed_rao(x).p_value,
    "trend-free pre-whitening": lambda x: mann_kendall.trend_free_pre_whitening(x).p_value,
    "original": lambda x: mann_kendall.original(x).p_value,
}


def alarms(phi: float, slope: float, draws: int, seed: int) -> dict[str, float]:
    """Share of draws in which each test is significant at 5 %: first-order autoregressions of 90 values, noise of 1."""
    rng = np.random.default_rng([seed, int(100 * phi), int(1000 * slope)])
    waves = lfilter([1.0], [1.0, -phi], rng.normal(size=(draws, N + 100)), axis=1)[
        :, 100:
    ] + slope * np.arange(N)
    return {name: float(np.mean([test(wave) <= 0.05 for wave in waves])) for name, test in TESTS.items()}
