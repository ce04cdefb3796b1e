"""May the experiment be believed: the split, units seen twice, the time before, gaps in the days, late data.

Belongs here: one function per check, from counts to a row of exp_health with its sentence. Not here: the tests
themselves (stats/srm.py), what a failed check does to a verdict (decision.py), and where counts come from
(readout_counts.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from lakehouse.experiments.experiment import Thresholds
from lakehouse.experiments.readout_design import ONE_DAY, ReadoutDesign
from lakehouse.experiments.readout_families import adjusted_p
from lakehouse.experiments.readout_few_units import FEW_UNITS, are_few
from lakehouse.experiments.readout_metric import Evidence
from lakehouse.experiments.readout_rows import HealthRow, HealthStatus
from lakehouse.experiments.readout_sums import NoReadout
from lakehouse.experiments.readout_words import CHANCE, p_text, plain_percent, units
from lakehouse.stats.means import difference
from lakehouse.stats.srm import sample_ratio, sequential_sample_ratio

# A check that fails makes every verdict of the experiment invalid, when it is one of these.
INVALIDATING = ("sample_ratio", "sequential_sample_ratio", "contamination", "pre_period", "pre_trend")


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """Who was seen: eligible units by day of first exposure and variant, and what became of the others.

    by_day: day -> variant -> eligible units that were first exposed then. clusters: variant -> clusters, where each
    holds units of one variant only. contaminated: units that saw more than one variant, out of `seen` that are
    eligible or would be but for that. left_out: units by the reason why they don't count; unknown: variants that they
    were shown and the registry doesn't name.
    """

    by_day: Mapping[date, Mapping[str, int]] = field(default_factory=dict)
    clusters: Mapping[str, int] = field(default_factory=dict)
    contaminated: int = 0
    seen: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def of(self, variant: str) -> int:
        """Eligible units of the variant."""
        return sum(counts.get(variant, 0) for counts in self.by_day.values())


@dataclass(frozen=True, slots=True)
class LateFeed:
    """A feed whose newest row is older than its contract allows."""

    feed: str
    age_hours: float
    limit_hours: float


def randomized_health(
    design: ReadoutDesign,
    counts: UnitCounts,
    evidence: Evidence,
    as_of: date,
    late: Sequence[LateFeed] = (),
) -> list[HealthRow]:
    """All checks of a randomized experiment, each one row."""
    return [
        split(design, counts),
        split_so_far(design, counts),
        contamination(design.id, counts, design.thresholds),
        pre_period(design, evidence),
        exposure_by_day(design, counts, as_of),
        freshness(design.id, late),
    ]


def split(design: ReadoutDesign, counts: UnitCounts) -> HealthRow:
    """Did the variants receive the shares of units (of clusters, where those were assigned) that were planned?"""
    is_by_cluster = bool(counts.clusters)
    seen = {
        name: counts.clusters.get(name, 0) if is_by_cluster else counts.of(name) for name in design.shares
    }
    whom = "clusters" if is_by_cluster else "units"
    limit = design.thresholds.sample_ratio
    try:
        found = sample_ratio(list(seen.values()), list(design.shares.values()))
    except ValueError:
        why = "fewer than two variants" if len(design.shares) < 2 else f"no eligible {whom} yet"
        return HealthRow(
            design.id, "sample_ratio", "warn", None, limit, f"The split can't be checked: {why}."
        )
    were = ", ".join(f"{name} {count:,}" for name, count in seen.items())
    due = ", ".join(f"{name} {count:,.0f}" for name, count in zip(seen, found.expected, strict=True))
    status: HealthStatus = "fail" if found.p_value < limit else "pass"
    verdict = "does not have" if status == "fail" else "has"
    text = (
        f"The split {verdict} the planned shares: {whom} {were}, where {due} were expected "
        f"({p_text(found.p_value)}, {CHANCE}, by the {found.method} test)."
    )
    return HealthRow(design.id, "sample_ratio", status, found.p_value, limit, text)


def split_so_far(design: ReadoutDesign, counts: UnitCounts) -> HealthRow:
    """The split tested after every day, in a way that may be looked at every day."""
    limit, check = design.thresholds.sample_ratio, "sequential_sample_ratio"
    days = sorted(counts.by_day)
    batches = [[counts.by_day[day].get(name, 0) for name in design.shares] for day in days]
    if counts.clusters:
        told = "Clusters were assigned, not units: the split by day is not judged."
        return HealthRow(design.id, check, "pass", None, limit, told)
    try:
        found = sequential_sample_ratio(batches, list(design.shares.values()))
    except ValueError:
        told = "The split can't be checked day by day: no eligible units yet, or fewer than two variants."
        return HealthRow(design.id, check, "warn", None, limit, told)
    first = next((day for day, p in zip(days, found.p_values, strict=True) if p < limit), None)
    if first is None:
        text = f"No day's split so far is out of line with the plan ({p_text(found.p_value)} over all days at once)."
        return HealthRow(design.id, check, "pass", found.p_value, limit, text)
    text = f"The split has been out of line with the plan since {first} ({p_text(found.p_value)} over all days at once)."
    return HealthRow(design.id, check, "fail", found.p_value, limit, text)


def contamination(experiment: str, counts: UnitCounts, thresholds: Thresholds) -> HealthRow:
    """How many units saw more than one variant."""
    share = counts.contaminated / counts.seen if counts.seen else 0.0
    status: HealthStatus = "pass"
    limit = thresholds.contamination_warn
    if share >= thresholds.contamination_fail:
        status, limit = "fail", thresholds.contamination_fail
    elif share >= thresholds.contamination_warn:
        status = "warn"
    text = (
        f"{counts.contaminated:,} of {units(counts.seen)} saw more than one variant ({plain_percent(share)})."
    )
    return HealthRow(experiment, "contamination", status, share, limit, text)


def pre_period(design: ReadoutDesign, evidence: Evidence) -> HealthRow:
    """Did variants and control already differ before the experiment, in any metric that has values from then?"""
    limit, check = design.thresholds.pre_period, "pre_period"
    found: list[tuple[str, str, float]] = []
    for metric in design.metrics:
        if not metric.has_covariate:
            continue
        for variant in design.treatments:
            p = _before(design, evidence, metric.name, variant, is_ratio=metric.kind == "ratio")
            if p is not None:
                found.append((metric.label, variant, p))
    if not found:
        told = "No metric has values from before the experiment: not judged."
        return HealthRow(design.id, check, "pass", None, limit, told)
    adjusted = [p or 0.0 for p in adjusted_p([p for _, _, p in found], "holm")]
    worst = adjusted.index(min(adjusted))
    label, variant, _ = found[worst]
    p = adjusted[worst]
    told = f"{p_text(p)}, adjusted over {len(found)} comparison{'' if len(found) == 1 else 's'}"
    if p < limit:
        text = f"{variant} and {design.control} already differed in {label} before the experiment ({told})."
        return HealthRow(design.id, check, "fail", p, limit, text)
    text = f"Before the experiment the variants were alike; {label} differed most ({told})."
    return HealthRow(design.id, check, "pass", p, limit, text)


def _before(
    design: ReadoutDesign, evidence: Evidence, metric: str, variant: str, *, is_ratio: bool
) -> float | None:
    """P-value of the difference of the covariates, which no experiment can have moved."""
    sides = [
        evidence.sums(metric, name, design.handling, is_clustered=design.is_clustered)
        for name in (variant, design.control)
    ]
    if min(side.n for side in sides) < 2:
        return None
    try:
        pair = [side.adjustable(is_ratio=is_ratio) for side in sides]
        if pair[0] is None or pair[1] is None:
            return None
        return difference(pair[0].arm(1), pair[1].arm(1)).p_value
    except (NoReadout, ValueError):
        return None


def exposure_by_day(design: ReadoutDesign, counts: UnitCounts, as_of: date) -> HealthRow:
    """Days without a single new unit between the first and the last day with one."""
    check = "exposure_by_day"
    days = sorted(day for day, variants in counts.by_day.items() if sum(variants.values()) > 0)
    if not days:
        told = f"Nobody eligible was exposed up to {design.last_day(as_of)}."
        return HealthRow(design.id, check, "warn", None, 0.0, told)
    seen = set(days)
    gaps = [
        day for day in (days[0] + ONE_DAY * at for at in range((days[-1] - days[0]).days)) if day not in seen
    ]
    if not gaps:
        text = f"Units entered on every day from {days[0]} to {days[-1]}."
        return HealthRow(design.id, check, "pass", 0.0, 0.0, text)
    named = ", ".join(str(day) for day in gaps[:3]) + (" and more" if len(gaps) > 3 else "")
    noun = "day" if len(gaps) == 1 else "days"
    text = f"On {len(gaps)} {noun} between {days[0]} and {days[-1]} no unit entered: {named}."
    return HealthRow(design.id, check, "warn", float(len(gaps)), 0.0, text)


def freshness(experiment: str, late: Sequence[LateFeed]) -> HealthRow:
    """Is any feed that the experiment is made from late?"""
    if not late:
        return HealthRow(experiment, "freshness", "pass", 0.0, 0.0, "No feed that it is made from is late.")
    worst = max(late, key=lambda feed: feed.age_hours - feed.limit_hours)
    named = ", ".join(sorted(feed.feed for feed in late))
    text = (
        f"Late feeds: {named}; the newest row of {worst.feed} is {worst.age_hours:.0f} hours old, "
        f"and at most {worst.limit_hours:.0f} are allowed."
    )
    return HealthRow(experiment, "freshness", "warn", worst.age_hours, worst.limit_hours, text)


def pre_trend(experiment: str, p: float | None, thresholds: Thresholds, label: str) -> HealthRow:
    """Did treated and untreated units move apart already before the treatment?"""
    check = "pre_trend"
    if p is None:
        told = "Too few periods before the treatment, or too few units, to check the trends before it: not judged."
        return HealthRow(experiment, check, "warn", None, thresholds.pre_trend_warn, told)
    status: HealthStatus = (
        "fail" if p < thresholds.pre_trend_fail else "warn" if p < thresholds.pre_trend_warn else "pass"
    )
    limit = thresholds.pre_trend_fail if status == "fail" else thresholds.pre_trend_warn
    verdict = "did not move" if status == "pass" else "moved apart rather than"
    text = (
        f"{label}: treated and untreated units {verdict} "
        f"{'apart' if status == 'pass' else 'alike'} before the treatment ({p_text(p)}, {CHANCE})."
    )
    return HealthRow(experiment, check, status, p, limit, text)


def few_units(experiment: str, sides: tuple[int, int]) -> HealthRow:
    """Are there units enough, treated and untreated, to learn from them how much units differ by chance?"""
    treated, untreated = sides
    told = f"{units(treated)} treated, {untreated:,} not"
    value, check = float(min(sides)), "few_units"
    if not are_few(sides):
        return HealthRow(experiment, check, "pass", value, FEW_UNITS, f"Units enough to judge: {told}.")
    text = (
        f"Few units: {told}. Chance is hard to tell from an effect with fewer than {FEW_UNITS} on a side, so intervals "
        "are made wide and p-values large to allow for it; a synthetic control may tell more."
    )
    return HealthRow(experiment, check, "warn", value, FEW_UNITS, text)


def pre_fit(experiment: str, gap: float, level: float, label: str) -> HealthRow:
    """How closely the synthetic control followed the treated units before the treatment, relative to their level."""
    share = gap / abs(level) if level else 0.0
    status: HealthStatus = "fail" if share > POOR_FIT else "warn" if share > FAIR_FIT else "pass"
    limit = POOR_FIT if status == "fail" else FAIR_FIT
    text = (
        f"{label}: before the treatment the weighted mix of untreated units was off by {plain_percent(share)} "
        "of the treated units' level."
    )
    return HealthRow(experiment, "pre_trend", status, share, limit, text)


# A mix of controls that misses the treated level by more than this share is no stand-in for it.
FAIR_FIT, POOR_FIT = 0.1, 0.25


def failures(rows: Sequence[HealthRow]) -> tuple[str, ...]:
    """Sentences of the checks that make every verdict invalid."""
    return tuple(row.text for row in rows if row.status == "fail" and row.check in INVALIDATING)
