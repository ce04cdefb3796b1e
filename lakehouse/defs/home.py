"""DAGSTER_HOME under data/: one instance for the command line, the UI and the daemon."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from lakehouse.settings import LakePaths

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE / "dagster.yaml", _PACKAGE.parent / "dagster.yaml")


def prepare_home(paths: LakePaths) -> Path:
    """Makes DAGSTER_HOME with the project's dagster.yaml; a changed dagster.yaml of a user's own is kept."""
    home = paths.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    target = home / "dagster.yaml"
    if not target.exists():
        shipped = next(place for place in _PLACES if place.exists())
        target.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    return home


def open_instance(paths: LakePaths) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(prepare_home(paths)))
