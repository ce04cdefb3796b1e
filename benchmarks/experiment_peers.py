"""The same experiment through lakehouse.stats and through its peers: every figure side by side, and the time it takes.

    uv sync --group peers && python -m benchmarks.experiment_peers

The peers are gbstats, spotify-confidence and tea-tasting (the dependency group `peers`). All sides start from sums of the
arms, not from rows. The command fails when figures that have one definition differ; where definitions differ, the table
says how.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.peers import ours
from benchmarks.peers.inputs import Inputs, inputs

try:
    from benchmarks.peers import growthbook, spotify, tea
except ModuleNotFoundError as missing:
    sys.exit(f"expected the dependency group `peers`, found no {missing.name}: run `uv sync --group peers`")

Figures = dict[str, float]
Answer = Callable[[Inputs], Figures]
PACKAGES = {growthbook: "gbstats", spotify: "spotify-confidence", tea: "tea-tasting"}


@dataclass(frozen=True, slots=True)
class Case:
    """One question to both sides; tolerance: relative difference that still is agreement, None where none is due."""

    name: str
    ours: Answer
    theirs: Answer
    tolerance: float | None = 1e-6
    note: str = ""


CASES = (
    Case("Welch, absolute", ours.welch_absolute, growthbook.welch_absolute),
    Case("Welch, absolute", ours.welch_absolute, spotify.welch_absolute),
    Case("Welch, absolute", ours.welch_absolute, tea.welch_absolute),
    Case("Welch, lift by delta method", ours.welch_relative, growthbook.welch_relative),
    Case("lift, log scale", ours.lift_log_scale, tea.lift_log_scale),
    Case("rate, z-test (unpooled)", ours.rate_unpooled, spotify.rate_unpooled),
    Case("rate, z-test (unpooled)", ours.rate_unpooled, tea.rate_unpooled),
    Case("rate, z-test (pooled)", ours.rate_pooled, tea.rate_pooled),
    Case("rate, Boschloo", ours.boschloo_small, tea.boschloo_small),
    Case("ratio, delta method", ours.ratio, tea.ratio),
    Case("lift of a ratio, log scale", ours.ratio_lift_log, tea.ratio_lift_log),
    Case("CUPED, theta as if known", ours.cuped_known_theta, tea.cuped),
    Case("CUPED, theta estimated", ours.cuped_own_theta, tea.cuped, None, "the peer takes theta as known"),
    Case("confidence sequence", ours.sequence, growthbook.sequence),
    Case("spending bounds, alpha t²", ours.spending, spotify.spending, 1e-3, "the peer's grid is coarser"),
    Case("belief, flat prior", ours.belief_flat, growthbook.belief_flat),
    Case("belief, proper prior", ours.belief_proper, growthbook.belief_proper),
    Case(
        "belief, beta-binomial", ours.belief_rates, spotify.belief_rates, 0.02, "the peer draws 500,000 times"
    ),
    Case("split, chi-square", ours.split_chi_square, spotify.split_chi_square),
    Case("split, exact binomial", ours.split_exact, tea.split_exact),
    Case("plan of a mean, units", ours.plan_mean, tea.plan_mean, 1e-4, "rounding up of arms or of their sum"),
)


def _timed(answer: Answer, data: Inputs, budget: float = 0.3) -> tuple[Figures, float]:
    """The figures, and the median seconds of as many calls as fit the budget (at least 3)."""
    figures = answer(data)
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < budget and len(taken) < 1000):
        begun = time.perf_counter()
        answer(data)
        taken.append(time.perf_counter() - begun)
    return figures, statistics.median(taken)


def _apart(one: float, other: float) -> float:
    return abs(one - other) / max(abs(one), abs(other), 1e-300)


def _duration(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


def main() -> int:
    # The peers' own, of pandas and of random numbers.
    warnings.simplefilter("ignore")
    data = inputs()
    packages = {module.__name__: f"{name} {version(name)}" for module, name in PACKAGES.items()}
    print("| question | figure | ours | peer's | apart | | time | peer's time | peer |")
    print("| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | --- |")
    failed = 0
    for case in CASES:
        mine, my_time = _timed(case.ours, data)
        theirs, their_time = _timed(case.theirs, data)
        once = (_duration(my_time), _duration(their_time), packages[case.theirs.__module__])
        for figure, value in mine.items():
            apart = _apart(value, theirs[figure])
            verdict = case.note
            if case.tolerance is not None:
                is_same = apart <= case.tolerance
                failed += not is_same
                verdict = "same" if is_same else "**differs**"
                verdict += f" ({case.note})" if case.note else ""
            said = (f"{value:.8g}", f"{theirs[figure]:.8g}", f"{apart:.0e}", verdict)
            print(f"| {' | '.join([case.name, figure, *said, *once])} |")
            once = ("", "", "")
    print(f"\n{failed} figures differ that should not" if failed else "\nevery figure that should agree does")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
