"""One variant against the control in one metric: which statistic is used, and what it gives.

Belongs here: the choice of method by the metric's kind and by the size of its counts, the relative lift, and the twin
that is adjusted for the time before. Not here: the statistics themselves (stats/), looks over time
(readout_looks.py), beliefs, margins and power (readout_judge.py), and many comparisons at once (readout_families.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from lakehouse.experiments.readout_sums import NoReadout, Sums, adjusted, in_words, number
from lakehouse.stats.arms import Arm, Reference
from lakehouse.stats.clusters import clustered_difference, clustered_fieller
from lakehouse.stats.cuped import cuped_fieller
from lakehouse.stats.effects import Effect
from lakehouse.stats.means import difference
from lakehouse.stats.moments import Moments
from lakehouse.stats.proportions import newcombe, proportion_arm, z_test
from lakehouse.stats.quantiles import QuantileEstimate, quantile_arm
from lakehouse.stats.rate_choice import rate_test
from lakehouse.stats.relative import fieller

# The square of a larger value would leave what a computer's numbers hold.
TOO_LARGE = 1e100
FIELLER = "Fieller's interval"
UNBOUNDED = "no bounded interval: the control isn't distinguishable from 0"
BY_UNITS = {
    "mean": "Welch's t-test",
    "ratio": "delta method for ratios, Welch's t-test",
    "quantile": "order statistics",
}


@dataclass(frozen=True, slots=True)
class Lift:
    """The effect relative to the control's level: 0.1 is +10%. Bounds are None where no finite ones exist."""

    estimate: float
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    method: str = ""


@dataclass(frozen=True, slots=True)
class Twin:
    """The same comparison adjusted for the units' values before the experiment (CUPED)."""

    effect: Effect
    lift: Lift | None
    variance_reduction: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one metric says of one variant; counts: yes's and units of variant and control, for rates of units."""

    treatment: Arm
    control: Arm
    effect: Effect
    lift: Lift | None
    method: str
    counts: tuple[int, int, int, int] | None = None
    twin: Twin | None = None


@dataclass(frozen=True, slots=True)
class Crossed:
    """Sums over all clusters of (variant's y, its d, control's y, its d): for clusters that hold units of both."""

    clusters: int
    sums: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Crossed:
        """From one row with `clusters`, s0..s3 and p00..p33."""
        return cls(
            clusters=int(row["clusters"]),
            sums=tuple(_known(row[f"s{place}"]) for place in range(4)),
            products=tuple(
                tuple(_known(row[f"p{min(a, b)}{max(a, b)}"]) for b in range(4)) for a in range(4)
            ),
        )


def compare_sums(
    kind: str,
    treatment: Sums,
    control: Sums,
    names: tuple[str, str],
    *,
    alpha: float = 0.05,
    with_twin: bool = False,
    crossed: Crossed | None = None,
    is_one_of_many: bool = False,
    variances: Literal["unequal", "equal"] = "unequal",
) -> Comparison:
    """Compares two arms' sums of a proportion, a mean or a ratio.

    names: of the variant and the control, for refusals. with_twin: adjust for the time before, too. crossed: sums by
    cluster, when clusters hold units of both arms. is_one_of_many: small counts are tested by Fisher's test, which is
    quick and at worst cautious. variances: equal takes one variance for both arms' units (means and ratios). Raises NoReadout with the reason.
    """
    is_ratio = kind == "ratio"
    # Clusters differ in size: their variances are never taken for one.
    reference: Reference = "pooled" if variances == "equal" and treatment.level == "unit" else "welch"
    try:
        for name, side in zip(names, (treatment, control), strict=True):
            with _of(name):
                side.check(is_ratio=is_ratio)
        if kind == "proportion" and treatment.level == "unit":
            plain = _rates(treatment, control, alpha, is_quick=is_one_of_many)
        else:
            with _of(names[0]):
                one = treatment.arm(is_ratio=is_ratio)
            with _of(names[1]):
                arms = one, control.arm(is_ratio=is_ratio)
            plain = (
                _levels(kind, treatment, arms, alpha, reference)
                if crossed is None
                else _crossed(crossed, arms, alpha)
            )
        twin = _twin(treatment, control, alpha, reference, is_ratio=is_ratio) if with_twin else None
        return replace(plain, twin=twin)
    except NoReadout:
        raise
    except ValueError as refusal:
        raise NoReadout(f"its sums don't suit the method, {in_words(refusal)}") from refusal


def compare_quantiles(
    probability: float,
    treatment: QuantileEstimate | None,
    control: QuantileEstimate | None,
    names: tuple[str, str],
    *,
    alpha: float = 0.05,
) -> Comparison:
    """Compares two arms' quantiles by their order statistics; None: an arm with too few units for an interval."""
    for name, side in zip(names, (treatment, control), strict=True):
        if side is None:
            raise NoReadout(f"{name} has too few units to tell how sure its quantile {probability:g} is")
        if not max(abs(side.estimate), abs(side.low), abs(side.high)) < TOO_LARGE:
            raise NoReadout(f"{name} has values that are too large to calculate with")
    assert treatment is not None and control is not None  # noqa: S101, PT018  # told above; for the type checker
    try:
        arms = [quantile_arm(side, probability, alpha) for side in (treatment, control)]
        _must_vary(
            arms[0], arms[1], "too many units share one value around the quantile to tell how sure it is"
        )
        effect = difference(arms[0], arms[1], reference="normal", alpha=alpha)
        return Comparison(
            arms[0], arms[1], effect, relative(arms[0], arms[1], "normal", alpha), BY_UNITS["quantile"]
        )
    except NoReadout:
        raise
    except ValueError as refusal:
        raise NoReadout(f"its quantiles don't suit the method, {in_words(refusal)}") from refusal


def relative(treatment: Arm, control: Arm, reference: Reference, alpha: float = 0.05) -> Lift | None:
    """The lift with Fieller's interval, which agrees with the test of the difference; None for no control above 0.

    A control that can't be told from 0 bounds no lift: then there is an estimate without an interval, and the method
    says so. The delta method's interval would look the better the worse it is.
    """
    if not control.mean > 0:
        return None
    estimate = treatment.mean / control.mean - 1
    if not math.isfinite(estimate):
        return None
    try:
        found = fieller(treatment, control, reference=reference, alpha=alpha)
    except ValueError:
        return Lift(estimate, method=UNBOUNDED)
    return Lift(found.estimate, found.low, found.high, found.standard_error, FIELLER)


@contextmanager
def _of(name: str) -> Iterator[None]:
    """Whatever is refused is refused of that arm."""
    try:
        yield
    except NoReadout as refusal:
        raise NoReadout(f"{name} {refusal}") from None


def _rates(treatment: Sums, control: Sums, alpha: float, *, is_quick: bool) -> Comparison:
    x1, n1, x0, n0 = _successes(treatment), treatment.n, _successes(control), control.n
    arms = proportion_arm(x1, n1), proportion_arm(x0, n0)
    _must_vary(arms[0], arms[1], f"all units of both arms have the value {arms[0].mean:g}", differ=True)
    lift = relative(arms[0], arms[1], "normal", alpha)
    test = rate_test(x1, n1, x0, n0, is_quick=is_quick)
    score = newcombe(x1, n1, x0, n0, alpha=alpha)
    # Both arms constant and different: no variance left, and the null's own gives the scale.
    is_split = arms[0].variance == 0 == arms[1].variance
    scale = z_test(x1, n1, x0, n0, pooled=is_split, alpha=alpha)
    effect = replace(scale, low=score.low, high=score.high, p_value=test.p_value)
    method = f"{test.name}, Newcombe's interval"
    return Comparison(arms[0], arms[1], effect, lift, method, counts=(x1, n1, x0, n0))


def _successes(side: Sums) -> int:
    total, squares = side.sums.get("y") or 0.0, side.products.get("yy")
    if squares is None or abs(squares - total) > 1e-6 or abs(total - round(total)) > 1e-6 or total < -0.5:
        raise NoReadout(
            "it is declared a proportion, and holds values other than 0 and 1: declare it a mean, or mend its value"
        )
    return round(total)


def _levels(
    kind: str, treatment: Sums, arms: tuple[Arm, Arm], alpha: float, reference: Reference
) -> Comparison:
    whom = "clusters" if treatment.level == "cluster" else "units"
    _must_vary(
        arms[0],
        arms[1],
        f"the values of all {whom} are equal: there is no noise to compare a difference with",
    )
    method = BY_UNITS[kind] if reference == "welch" else BY_UNITS[kind].replace("Welch's", "pooled")
    if treatment.level == "cluster":
        method = f"cluster-robust by {arms[0].n} and {arms[1].n} clusters, Welch's t-test"
    effect = difference(arms[0], arms[1], reference=reference, alpha=alpha)
    lift = relative(arms[0], arms[1], reference, alpha)
    return Comparison(arms[0], arms[1], effect, lift, method)


def _crossed(crossed: Crossed, arms: tuple[Arm, Arm], alpha: float) -> Comparison:
    """Clusters that hold units of both arms: what the arms share within a cluster cancels."""
    moments = Moments.from_sums(crossed.clusters, crossed.sums, crossed.products)
    try:
        effect = clustered_difference(moments, alpha=alpha)
    except ValueError:
        raise NoReadout("nothing varies between its clusters") from None
    lift = None
    if arms[1].mean > 0:
        try:
            found = clustered_fieller(moments, alpha=alpha)
            lift = Lift(found.estimate, found.low, found.high, found.standard_error, FIELLER)
        except ValueError:
            lift = Lift(effect.estimate / arms[1].mean, method=UNBOUNDED)
    method = f"cluster-robust by {crossed.clusters} clusters that hold both arms"
    return Comparison(arms[0], arms[1], effect, lift, method)


def _twin(
    treatment: Sums, control: Sums, alpha: float, reference: Reference, *, is_ratio: bool
) -> Twin | None:
    pair = adjusted(treatment, control, is_ratio=is_ratio)
    if pair is None:
        return None
    try:
        effect = difference(pair.treatment, pair.control, reference=reference, alpha=alpha)
    except ValueError:
        return None
    sides = treatment.adjustable(is_ratio=is_ratio), control.adjustable(is_ratio=is_ratio)
    lift = None
    if sides[0] is not None and sides[1] is not None and sides[1].means[0] > 0:
        try:
            found = cuped_fieller(sides[0], sides[1], reference=reference, alpha=alpha)
            lift = Lift(found.estimate, found.low, found.high, found.standard_error, FIELLER)
        except ValueError:
            lift = Lift(effect.estimate / sides[1].means[0], method=UNBOUNDED)
    return Twin(effect, lift, pair.variance_reduction)


def _must_vary(treatment: Arm, control: Arm, reason: str, *, differ: bool = False) -> None:
    """differ: arms that are constant but unlike each other are let through (an exact test can tell them apart)."""
    if treatment.variance == 0 == control.variance and not (differ and treatment.mean != control.mean):
        raise NoReadout(reason)


def _known(value: Any) -> float:
    """A sum that isn't known spoils the comparison, which then says so."""
    found = number(value)
    return math.nan if found is None else found
