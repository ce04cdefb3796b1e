"""The verdict: the page's first sentence, each variant's reason in full, and the figures that it rests on.

Here belong the rules that turn a decision into words. The decision itself is the readout's.
"""

from collections.abc import Mapping
from decimal import Decimal

from lakehouse.experiments.readout_rows import ReadoutRow
from lakehouse.experiments.readout_words import amount, plain_percent, unadjusted_p
from lakehouse.reports import words
from lakehouse.reports.experiment_data import HEALTH, READOUT, REGISTRY, Trial
from lakehouse.reports.experiment_words import (
    changed,
    interval,
    is_moved,
    level,
    rested,
    result,
    sentence_of,
    signed,
)
from lakehouse.reports.page import Section, Sentence, Tile

NO_READOUT = "no readout"

# How a verdict opens a sentence; {} is the variant.
_RANDOMIZED: Mapping[str, str] = {
    "ship": "Ship {}",
    "do not ship": "Do not ship {}",
    "guardrail hurt": "Do not ship {}",
    "keep running": "Keep running, there is no verdict on {} yet",
}
# Nothing is shipped where something has already happened to some.
_HARM = "it did harm"
_OBSERVED: Mapping[str, str] = {
    "ship": "it worked",
    "do not ship": "it is not shown to have worked",
    "guardrail hurt": _HARM,
    "keep running": "there is no verdict yet",
}
_WITHOUT_CHANCE = "Nobody was assigned by chance here: the figures hold as far as treated and untreated units would have moved alike."


def verdict_of(row: ReadoutRow) -> str:
    """The row's decision, or that there is none."""
    return row.decision or NO_READOUT


def judged_as(trial: Trial, row: ReadoutRow) -> str:
    """The decision in the words of the design: nothing is shipped where something has already happened."""
    if row.decision is None or trial.is_randomized or row.decision not in _OBSERVED:
        return verdict_of(row)
    if row.decision == "do not ship" and is_moved(row, trial.alpha):
        return _HARM
    return _OBSERVED[row.decision]


def is_invalid(trial: Trial) -> bool:
    """Whether the experiment's figures can't be trusted at all."""
    return any(row.decision == "invalid" for row in trial.primary)


def summary(trial: Trial) -> Sentence:
    """Every variant's verdict in one sentence."""
    rows = trial.primary
    if not rows:
        return Sentence("There is no readout of this experiment yet.", (READOUT,))
    if is_invalid(trial):
        told = " ".join(row.text for row in trial.health if row.status == "fail")
        return Sentence(f"Invalid, so nothing can be concluded: {told}", (READOUT, HEALTH))
    reasons = {row.reason for row in rows}
    if all(row.decision is None for row in rows) and len(reasons) == 1:
        return Sentence(sentence_of(reasons.pop()), (READOUT,))
    parts = [_told(trial, row).removesuffix(".") for row in rows]
    # One sentence: what follows the first semicolon begins small.
    told = "; ".join(
        [sentence_of(parts[0]).removesuffix("."), *(f"{part[:1].lower()}{part[1:]}" for part in parts[1:])]
    )
    return Sentence(f"{told}.", (READOUT,))


def verdict(trial: Trial) -> Section:
    """What was expected, what is decided and why, and the deciding metric's figures."""
    sentences = [Sentence(f"Hypothesis: {trial.hypothesis}", (REGISTRY,))] if trial.hypothesis else []
    for row in trial.primary:
        reason = sentence_of(row.reason)
        sentences.append(
            Sentence(f"Verdict on {words.named(row.variant)}: {judged_as(trial, row)}. {reason}", (READOUT,))
        )
    if not trial.is_randomized:
        sentences.append(Sentence(_WITHOUT_CHANCE))
    tiles = [tile for row in trial.primary if row.status == "ok" for tile in _tiles(trial, row)]
    empty = "" if trial.primary else "The registry knows the experiment; the tables hold no readout of it."
    return Section("verdict", "Verdict", tuple(sentences), tuple(tiles), empty=empty)


def _told(trial: Trial, row: ReadoutRow) -> str:
    if row.decision is None:
        return f"no verdict on {words.named(row.variant)}: {row.reason}"
    if trial.is_randomized:
        lead = _RANDOMIZED[row.decision].format(words.named(row.variant))
    else:
        lead = judged_as(trial, row)
    if row.decision == "guardrail hurt":
        return f"{lead}: {row.reason}"
    if row.status != "ok":
        return f"{lead}: {row.reason}"
    far = " so far" if row.decision == "keep running" else ""
    return (
        f"{lead}: {row.label} changed{far} by {changed(row, trial.level)} against {_baseline(trial)}"
        f"{_tail(trial, row)}"
    )


def _baseline(trial: Trial) -> str:
    return words.named(trial.control) if trial.is_randomized else "what would have been"


def _tail(trial: Trial, row: ReadoutRow) -> str:
    fragile = ", but the verdict is fragile" if row.is_fragile else ""
    if row.decision == "ship":
        has_guardrails = any(other.role == "guardrail" for other in trial.of(row.variant))
        return f", {'and no guardrail metric is hurt' if has_guardrails else 'more than chance explains'}{fragile}"
    if row.decision == "keep running":
        return fragile
    if is_moved(row, trial.alpha):
        return f", worse than chance explains{fragile}"
    alone = unadjusted_p(row)
    # Its interval leaves out zero, and only the number of comparisons says why that is not enough.
    is_one_of_many = alone is not None and alone <= trial.alpha
    told = "could explain among several comparisons" if is_one_of_many else "alone could explain"
    return f", which chance {told}{fragile}"


def _tiles(trial: Trial, row: ReadoutRow) -> list[Tile]:
    """The deciding metric's figures; none of them changes with a filter."""
    before = trial.said(row.variant)
    found = rested(row)
    judged = result(row, trial.alpha)
    other, untreated = (
        ("control", "control") if trial.is_randomized else ("without the treatment", "never treated")
    )
    waiting = f"; waiting for their window to end: {words.count(row.immature)}" if row.immature else ""
    tiles = [
        Tile(
            f"{before}change of {row.label}" if before else f"Change of {row.label}",
            signed(found.lift) if found.lift is not None else amount(row.effect or 0.0, row.kind),
            change=f"{trial.level} interval {interval(found.low, found.high)}"
            if found.lift is not None
            else "",
            verdict=judged if judged in ("better", "worse") else "",
            basis=found.note,
        ),
        Tile(
            f"{before}{row.label}",
            level(row.mean, row.kind),
            basis=f"{other}: {level(row.mean_control, row.kind)}",
        ),
        Tile(
            f"{before}units that count",
            words.count(row.n),
            basis=f"{untreated}: {words.count(row.n_control)}{waiting}",
        ),
    ]
    if row.chance_to_win is not None:
        told = "that it is better than the control, given these data"
        tiles.append(Tile(f"{before}chance to be better", words.percent(row.chance_to_win), basis=told))
    if row.expected_loss is not None:
        told = f"of {row.label}, forgone on average by choosing it"
        tiles.append(Tile(f"{before}expected loss", _loss(row.expected_loss, row.kind), basis=told))
    if row.current_power is not None and trial.minimum_effect:
        needed = f"; that takes {words.count(row.required_n)} {trial.units[1]}" if row.required_n else ""
        told = f"to find a change of {plain_percent(trial.minimum_effect)}{needed}"
        tiles.append(Tile(f"{before}power so far", words.percent(row.current_power), basis=told))
    return [tile if before else _capital(tile) for tile in tiles]


def _loss(value: float, kind: str) -> str:
    """An amount of the metric's own unit, of a proportion in points; never so many digits that nothing is said."""
    scale, unit = (100, " points") if kind == "proportion" else (1, "")
    return (
        f"under 0.01{unit}"
        if 0 <= scale * value < 0.01
        else f"{words.amount(Decimal(repr(scale * value)))}{unit}"
    )


def _capital(tile: Tile) -> Tile:
    label = f"{tile.label[:1].upper()}{tile.label[1:]}"
    return Tile(label, tile.value, tile.direction, tile.change, tile.verdict, tile.basis, tile.measure)
