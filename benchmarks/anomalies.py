"""How good the detection of anomalies is: trends, false alerts against the budget, daily KPIs with troubles, and NAB.

    python -m benchmarks.anomalies [trends] [budget] [confidence] [drift] [daily] [nab] [--draws 5000] [--seed 20260101]

Without names all run, in about 10 minutes. Real series and NAB are read from `data/metrics` and `data/forecast` of the
folder that LAKEHOUSE_SHARED_DIR names (or ../shared), and left out with a word where it is absent. The numbers of a
seed are always the same. The command fails when a promise is broken: trends alarm at less than 8 %, alerts stay in the
budget, those of drifts too, confidence is what it says within 15 points, and made KPIs reach F1 0.55 with
promotions known and 0.42 without, at 3 false alerts a series and year or fewer.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.signals.detectors import DETECTORS
from benchmarks.signals.drifts import BEGINS, STRETCHES, alerts_by_stretch, quiet, told_after
from benchmarks.signals.kpis import all_kpis
from benchmarks.signals.nab import PROFILES, normalised, read_streams
from benchmarks.signals.noises import alerts_per_year, shapes
from benchmarks.signals.reliability import reliability
from benchmarks.signals.scoring import Score
from benchmarks.signals.streams import SCORERS, best_score
from benchmarks.signals.trends import TESTS, alarms

SEED = 20260101
BUDGETS = (1.0, 2.0, 5.0)
CONFIDENCE_BINS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.7), (0.7, 0.78), (0.78, 1.0))
# Beyond the budget by this much is more than the simulation's own error and the heaviest tails' excess.
LEEWAY = 1.2
LEAST_F1 = {"ours, promotions known": 0.55, "ours, promotions unknown": 0.42}
Broken = list[str]


def shared_data() -> Path | None:
    root = Path(os.environ.get("LAKEHOUSE_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared"))
    return root / "data" if (root / "data").is_dir() else None


def row(*cells: object) -> None:
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def header(title: str, columns: Sequence[str]) -> None:
    print(f"\n## {title}\n")
    row(*columns)
    row("---", *["---:"] * (len(columns) - 1))


def trends(draws: int, seed: int) -> Broken:
    """Significant at 5 %: without a trend these are false alarms, with one they are found."""
    header(f"Trends: significant at 5 %, 90 values, {draws:,} draws", ("series", *TESTS))
    broken = []
    for phi in (0.0, 0.3, 0.6, 0.8):
        for slope in (0.0, 0.01, 0.02, 0.03):
            shares = alarms(phi, slope, draws, seed)
            row(f"autocorrelation {phi:g}, slope {slope:g}", *(f"{share:.1%}" for share in shares.values()))
            if slope == 0 and shares["ours"] >= (0.08 if phi <= 0.6 else 0.1):
                broken.append(f"trend alarms in {shares['ours']:.1%} at autocorrelation {phi:g}")
            if slope and shares["ours"] < shares["pre-whitening"] - 0.02:
                broken.append(
                    f"trend at autocorrelation {phi:g}, slope {slope:g}: found less than by pre-whitening"
                )
    return broken


def budget(draws: int, seed: int) -> Broken:
    """Alerts of series that hold nothing but noise."""
    series = max(20, draws // 50)
    header(
        f"Alerts a year on noise, {series} series of three years",
        ("shape", *(f"budget {budget:g}" for budget in BUDGETS)),
    )
    broken = []
    for noise in shapes(series, seed):
        counts = alerts_per_year(noise, BUDGETS)
        row(noise.name, *(f"{count:.2f}" for count in counts))
        if not noise.name.startswith("heaviest"):
            broken += [
                f"{noise.name}: {count:.2f} alerts a year, budget {due:g}"
                for count, due in zip(counts, BUDGETS, strict=True)
                if count > LEEWAY * due
            ]
    return broken


def drifts(draws: int, seed: int) -> Broken:
    """Slow declines of weekly series: alerts where there is none, and weeks until one is told."""
    series = max(40, draws // 10)
    stretches = [f"weeks {low} to {high}" for low, high in STRETCHES]
    broken = []
    for budget in (1.0, 2.0):
        header(
            f"Drifts told of noise a year, budget {budget:g}, {series} series", ("shape", *stretches, "all")
        )
        for shape in quiet(series, seed):
            parts, whole = alerts_by_stretch(shape.values, budget)
            row(shape.name, *(f"{part:.2f}" for part in parts), f"{whole:.2f}")
            if shape.is_promised and whole > LEEWAY * budget:
                broken.append(f"drifts of {shape.name}: {whole:.2f} alerts a year, budget {budget:g}")
    header(
        "Weeks until a decline of 35 % over 11 weeks is told, season and growth of 30 %, budget 2",
        ("noise, begin", "median", "95 %", "within 14"),
    )
    for noise, phi in ((0.05, 0.0), (0.08, 0.0), (0.08, 0.4)):
        for begin in BEGINS:
            after = told_after(noise, phi, begin, 2.0, series, seed)
            within = float(np.mean(after <= 14))
            said = f"noise {noise:.0%}, autocorrelation {phi:g}, from week {begin}"
            row(said, *(f"{np.quantile(after, q):.0f}" for q in (0.5, 0.95)), f"{within:.0%}")
            # Before there is a year to compare with, the season hides some.
            if begin > STRETCHES[0][1] and within < 0.9:
                broken.append(f"{said}: told within 14 weeks in {within:.0%}")
    return broken


def daily(draws: int, seed: int) -> Broken:
    """F1 by episode; `draws` isn't used: the series are what they are."""
    del draws
    data = shared_data()
    kpis = all_kpis(data, seed)
    if data is None:
        print("\n(real series are absent: no LAKEHOUSE_SHARED_DIR and no ../shared)")
    broken = []
    for family in dict.fromkeys(kpi.family for kpi in kpis):
        chosen = [kpi for kpi in kpis if kpi.family == family]
        kinds = sorted({trouble.kind for kpi in chosen for trouble in kpi.troubles})
        header(
            f"Daily KPIs, {family}: {len(chosen)} series, {sum(kpi.years for kpi in chosen):.0f} years",
            ("detector", "F1", "precision", "recall", "false alerts a year", *kinds, "s a series"),
        )
        for name, detector in DETECTORS.items():
            score, begun = Score(), time.perf_counter()
            for kpi in chosen:
                score.add(detector(kpi), kpi.troubles, kpi.years)
            spent = (time.perf_counter() - begun) / len(chosen)
            found = (f"{score.by_kind[kind][0]}/{score.by_kind[kind][1]}" for kind in kinds)
            said = (
                f"{score.f1:.2f}",
                f"{score.precision:.2f}",
                f"{score.recall:.2f}",
                f"{score.false_per_year:.1f}",
            )
            row(name, *said, *found, f"{spent:.2f}")
            is_promised = family == "made" and name in LEAST_F1
            if is_promised and (score.f1 < LEAST_F1[name] or score.false_per_year > 3):
                broken.append(
                    f"made KPIs, {name}: F1 {score.f1:.2f}, {score.false_per_year:.1f} false alerts a year"
                )
    return broken


def confidences(draws: int, seed: int) -> Broken:
    """Said against so: alarms by what confidence.py says of them, and how many were troubles."""
    told = reliability(seed, rounds=max(1, draws // 1000))
    header(
        f"Confidence: {len(told):,} alarms of made series",
        ("said", "alarms", "said on average", "are troubles"),
    )
    broken = []
    for low, high in CONFIDENCE_BINS:
        chosen = [(said, is_trouble) for said, is_trouble in told if low <= said < high]
        if not chosen:
            continue
        said, so = (float(np.mean([pair[i] for pair in chosen])) for i in (0, 1))
        row(f"{low:.0%} to {high:.0%}", len(chosen), f"{said:.0%}", f"{so:.0%}")
        if abs(said - so) > 0.15 + 2 * np.sqrt(so * (1 - so) / len(chosen)):
            broken.append(f"alarms said to be {said:.0%} sure are troubles in {so:.0%}")
    return broken


def nab(draws: int, seed: int) -> Broken:
    """The benchmark's score; neither argument is used."""
    del draws, seed
    data = shared_data()
    if data is None:
        print("\n(NAB is absent: no LAKEHOUSE_SHARED_DIR and no ../shared)")
        return []
    streams = read_streams(data / "metrics")
    header(
        "NAB, 58 series",
        (
            "detector",
            *(f"{profile.name}{kind}" for kind in ("", ", one alert per episode") for profile in PROFILES),
        ),
    )
    never = [np.zeros(0, dtype=int)] * len(streams)
    at_once = [np.array([first for first, _ in stream.windows], dtype=int) for stream in streams]
    known = {"null": (never, 0.0), "perfect": (at_once, 100.0)}
    broken = []
    for name, (found, due) in known.items():
        scores = [normalised(streams, found, profile) for profile in PROFILES]
        row(name, *(f"{score:.1f}" for score in (*scores, *scores)))
        broken += [f"the {name} detector scores {score:.2f}" for score in scores if abs(score - due) > 1e-9]
    for name, scorer in SCORERS.items():
        points = [scorer(stream) for stream in streams]
        row(
            name,
            *(
                f"{best_score(streams, points, profile, quiet=quiet):.1f}"
                for quiet in (False, True)
                for profile in PROFILES
            ),
        )
    return broken


SECTIONS: dict[str, Callable[[int, int], Broken]] = {
    "trends": trends,
    "budget": budget,
    "confidence": confidences,
    "drift": drifts,
    "daily": daily,
    "nab": nab,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"expected {', '.join(SECTIONS)}, found {', '.join(sorted(unknown))}")
    broken = [
        line
        for name in arguments.sections or SECTIONS
        for line in SECTIONS[name](arguments.draws, arguments.seed)
    ]
    print("\n" + "\n".join(["promises broken:", *broken] if broken else ["every promise was kept"]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
