"""DAGSTER_HOME under data/: one instance for the command line, the UI and the daemon."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
from filelock import FileLock

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
        # Whole or not at all: another process may look for it at this moment.
        unfinished = home / f".dagster.yaml.{os.getpid()}"
        unfinished.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
        unfinished.replace(target)
    return home


def open_instance(paths: LakePaths) -> dg.DagsterInstance:
    """The lake's instance. One process at a time: two that make its databases at once would spoil them for ever."""
    home = prepare_home(paths)
    with FileLock(home / ".instance.lock"):
        return dg.DagsterInstance.from_config(str(home))
