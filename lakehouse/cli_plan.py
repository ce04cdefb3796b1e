"""`lakehouse experiment plan`: how many units and days an experiment takes.

Belongs here: options as arguments of a plan, and what the registry and the published copy give where no option does.
Not here: the plan (experiments/planning.py), its words and its table.
"""
# ruff: noqa: PLC0415  whatever is heavy is imported where it is used, so that --help answers at once

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from lakehouse.configuration import nearest
from lakehouse.terminal import AsJson, catalog_of, configured, console, fail, open_marts

# How the planner's arguments are called on the command line, where that is another name.
_OPTIONS = {"arms": "variants", "level": "baseline", "effect": "mde"}
_MOST_LOOKS = 50


@dataclass(frozen=True, slots=True)
class _Known:
    """What the registry and the published copy say of an experiment, as arguments of a plan."""

    given: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def plan_command(  # noqa: PLR0917  options have names; only typer calls it
    experiment: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Take what isn't given from this experiment of the registry."),
    ] = None,
    baseline: Annotated[float | None, typer.Option(help="The metric's level today: 0.1 is 10%.")] = None,
    mde: Annotated[
        float | None,
        typer.Option(
            help="Smallest effect worth finding: 0.02 is 2% of the baseline, unless --scale says else."
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Show that a variant without effect isn't worse by so much, on the same scale."),
    ] = None,
    sd: Annotated[
        float | None,
        typer.Option(help="Standard deviation of one unit's value, for a mean or a ratio."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="proportion, mean or ratio; with --sd a mean, else a proportion.")
    ] = None,
    scale: Annotated[str, typer.Option(help="relative (of the baseline) or absolute.")] = "relative",
    alpha: Annotated[float | None, typer.Option(help="Chance to find an effect by mistake. [0.05]")] = None,
    power: Annotated[float | None, typer.Option(help="Chance to find one that is there. [0.8]")] = None,
    variants: Annotated[int | None, typer.Option(help="Variants, the control included. [2]")] = None,
    split: Annotated[
        str | None, typer.Option(metavar="S,S,...", help="Shares of the variants, the control first.")
    ] = None,
    daily_units: Annotated[
        str | None,
        typer.Option(
            metavar="N[,N...]", help="Units that come for the first time per day; several repeat in turn."
        ),
    ] = None,
    allocation: Annotated[float, typer.Option(help="Share of the daily units that takes part.")] = 1.0,
    looks: Annotated[
        int | None, typer.Option(min=1, max=_MOST_LOOKS, help="Planned looks at the results. [1]")
    ] = None,
    variance_reduction: Annotated[
        float, typer.Option(help="Share of the variance that values from before the experiment explain.")
    ] = 0.0,
    as_json: AsJson = False,  # noqa: FBT002  an option
) -> None:
    """How many units and days it takes to find an effect, and what half and twice the effect would take.

    [dim]Examples:[/dim]

      lakehouse experiment plan --baseline 0.1 --mde 0.02 --daily-units 5000
      lakehouse experiment plan --baseline 25 --sd 40 --mde 1 --scale absolute --variants 3 --split 0.5,0.25,0.25
      lakehouse experiment plan --baseline 0.1 --mde 0.05 --margin 0.02 --looks 5
      lakehouse experiment plan onboarding_checklist --daily-units 800
    """
    known = _known(experiment, kind, is_relative=scale == "relative") if experiment else _Known()
    own: dict[str, Any] = {
        "baseline": baseline, "mde": mde, "margin": margin, "sd": sd, "kind": kind, "alpha": alpha, "power": power,
        "arms": variants, "split": _numbers(split, "--split"), "looks": looks,
    }  # fmt: skip
    given = {name: value for name, value in own.items() if value is not None}
    taken = dict(known.given)
    if mde is not None or margin is not None:
        taken.pop("mde", None)
    if variants is not None or split is not None:
        taken.pop("split", None)
    given = {
        **taken,
        **given,
        "scale": scale,
        "allocation": allocation,
        "variance_reduction": variance_reduction,
    }
    given.setdefault("arms", len(given["split"]) if "split" in given else 2)
    given.setdefault("kind", "proportion" if sd is None else "mean")
    given["daily_units"] = _numbers(daily_units, "--daily-units")
    if "baseline" not in given:
        fail("--baseline: expected the metric's level today, such as 0.1 for 10%, found none.")
    _print_plan(given, known.notes, as_json=as_json)


def _print_plan(given: dict[str, Any], notes: tuple[str, ...], *, as_json: bool) -> None:
    from lakehouse.display_experiments import plan_document, plan_table, to_json
    from lakehouse.experiments.planning import around, plan
    from lakehouse.experiments.planning_words import sentences

    try:
        found = plan(**given)
        sizes = around(**given)
    except ValueError as error:
        name, _, said = str(error).partition(": ")
        fail(f"--{_OPTIONS.get(name, name).replace('_', '-')}: {said}." if said else f"{name}.")
    if as_json:
        typer.echo(to_json(plan_document(found, sentences(found), notes, sizes)))
        return
    for line in (*sentences(found), *notes):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(plan_table(sizes, scale=given["scale"], is_margin=given.get("mde") is None))
    for one in sizes:
        if one.plan is None:
            console.print(f"{one.size:g}: {one.reason}.", markup=False, highlight=False, soft_wrap=True)


def _known(name: str, kind: str | None, *, is_relative: bool) -> _Known:
    """An experiment's own settings, and its control's level where that is published."""
    from lakehouse.experiments.published import control_level

    settings = configured()
    catalog = catalog_of(settings)
    one = catalog.experiments.get(name)
    if one is None:
        fail(f'expected the id of an experiment, found "{name}". {nearest(name, catalog.experiments)}')
    metric = one.measured(catalog.metrics)[one.metrics.primary]
    if one.control is None:
        fail(
            f"{name}: expected a randomized experiment, found design {one.design}: it has no variants to plan."
        )
    if metric.kind == "quantile" and kind is None:
        fail(f"{name}: expected a primary metric that is a proportion, a mean or a ratio, found a quantile.")
    shares = [one.variants[one.control], *(one.variants[v] for v in one.variants if v != one.control)]
    given: dict[str, Any] = {
        "alpha": one.analysis.alpha,
        "power": one.analysis.power,
        "split": shares,
        "kind": metric.kind,
        "direction": metric.direction,
    }
    notes = [f"Taken from {one.shown}: {metric.label}, alpha, power and split, unless given."]
    if one.analysis.minimum_effect is not None and is_relative:
        given["mde"] = one.analysis.minimum_effect
    plan = one.analysis.sequential
    if plan.method == "group_sequential":
        given |= {"looks": plan.looks, "spending": plan.spending, "parameter": plan.parameter}
    elif plan.method == "confidence_sequence":
        notes.append(
            "It is judged by a confidence sequence, which takes more units than this plan of one look."
        )
    if kind in (None, metric.kind) and settings.paths.marts.exists():
        with open_marts(settings) as connection:
            level = control_level(connection, one, metric)
        if level is not None:
            given["baseline"] = level[0]
            given |= {} if metric.kind == "proportion" else {"sd": level[1]}
            notes.append(f"Its control's level as last published: {level[0]:.6g}.")
    return _Known(given, tuple(notes))


def _numbers(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        fail(f"{option}: expected numbers such as 0.5,0.25,0.25, found {text!r}.")
