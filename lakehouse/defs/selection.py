"""What a person selects for a run: names as they are spoken, or Dagster's selection syntax in full."""

from __future__ import annotations

import re
import warnings

import dagster as dg

_OPERATORS = ("and", "or", "not")
# A name, with `+` for all that feeds it or all that follows it, or `2+` for so many steps.
_NAME = re.compile(r"(\d*\+)?([A-Za-z_]\w*\*?)(\+\d*)?")


def select_assets(definitions: dg.Definitions, selection: str) -> set[dg.AssetKey]:
    """The selected assets. Raises ValueError when the selection can't be read or names nothing."""
    graph = definitions.resolve_asset_graph()
    try:
        with warnings.catch_warnings():
            # Dagster's own parser warns of a parameter that it sets itself.
            warnings.simplefilter("ignore", dg.BetaWarning)
            chosen = (
                dg.AssetSelection.all()
                if selection == "*"
                else dg.AssetSelection.from_string(_full(selection))
            )
            keys = set(chosen.resolve(graph))
    except dg.DagsterError as error:
        raise ValueError(_help(selection, str(error).splitlines()[0])) from error
    if not keys:
        raise ValueError(_help(selection, "nothing has that name"))
    return keys


def _full(selection: str) -> str:
    """Plain names in full syntax: by themselves, Dagster reads their `+` as one step only."""
    words = re.split(r"[\s,]+", selection.strip())
    if not all(_NAME.fullmatch(word) for word in words):
        return selection
    keys = [word if word in _OPERATORS else _NAME.sub(r'\1key:"\2"\3', word) for word in words]
    return (" " if set(words) & set(_OPERATORS) else " or ").join(keys)


def _help(selection: str, why: str) -> str:
    return (
        f'expected assets to select, found "{selection}" ({why}). '
        "Write a name (fct_orders), several (fct_orders fct_returns), a group (group:facts), or a name with all "
        "that feeds it (+fct_orders) or follows it (stg_orders+)."
    )
