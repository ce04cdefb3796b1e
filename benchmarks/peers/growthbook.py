"""gbstats: Welch, the confidence sequence and Bayes. Its release on PyPI is old; what it says of more isn't asked."""

from __future__ import annotations

from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import SampleMeanStatistic

from benchmarks.peers.inputs import ArmSums, Inputs

Figures = dict[str, float]


def _revenue(arm: ArmSums) -> SampleMeanStatistic:
    return SampleMeanStatistic(n=arm.n, sum=arm.sum("revenue"), sum_squares=arm.product("revenue", "revenue"))


def _welch(data: Inputs, difference_type: str) -> Figures:
    config = FrequentistConfig(difference_type=difference_type)
    found = TwoSidedTTest(_revenue(data.control), _revenue(data.treatment), config).compute_result()
    return {"effect": found.expected, "low": found.ci[0], "high": found.ci[1], "p": found.p_value}


def welch_absolute(data: Inputs) -> Figures:
    return _welch(data, "absolute")


def welch_relative(data: Inputs) -> Figures:
    return _welch(data, "relative")


def sequence(data: Inputs) -> Figures:
    config = SequentialConfig(difference_type="absolute", sequential_tuning_parameter=5000)
    found = SequentialTwoSidedTTest(_revenue(data.control), _revenue(data.treatment), config).compute_result()
    return {"effect": found.expected, "low": found.ci[0], "high": found.ci[1], "p": found.p_value}


def _belief(data: Inputs, prior: GaussianPrior) -> Figures:
    config = EffectBayesianConfig(difference_type="relative", prior_effect=prior)
    found = EffectBayesianABTest(_revenue(data.control), _revenue(data.treatment), config).compute_result()
    return {
        "effect": found.expected,
        "low": found.ci[0],
        "high": found.ci[1],
        "chance to win": found.chance_to_win,
        "loss": found.risk[1],
    }


def belief_flat(data: Inputs) -> Figures:
    return _belief(data, GaussianPrior(proper=False))


def belief_proper(data: Inputs) -> Figures:
    return _belief(data, GaussianPrior(mean=0.0, variance=0.05**2, proper=True))
