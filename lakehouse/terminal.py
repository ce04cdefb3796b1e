"""What all commands share: the two consoles, ending with a message, configuration and the published copy.

Not here: any command (cli.py, cli_experiments.py), and what a run looks like (display.py).
"""

# ruff: noqa: PLC0415  whatever is heavy is imported where it is used, so that --help answers at once

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from lakehouse.configuration import ConfigurationError
from lakehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from lakehouse.catalog import Catalog

console = Console()
errors = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def fail(message: str) -> NoReturn:
    """Ends the command with exit code 1 and the message on stderr."""
    errors.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def configured(**changes: object) -> Settings:
    """The settings of the environment, with what an option changes; a wrong one ends the command."""
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]  # pydantic validates
    except ValidationError as error:
        lines = [
            f"LAKEHOUSE_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}, found {one['input']!r}."
            for one in error.errors()
        ]
        fail("\n".join(lines))


def catalog_of(settings: Settings) -> Catalog:
    """Everything that is configured; mistakes end the command with all of them told."""
    try:
        from lakehouse.catalog import load_catalog

        return load_catalog(settings.config_dir)
    except ConfigurationError as error:
        fail(str(error))


@contextmanager
def open_marts(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy, for reading; a file that is none ends the command."""
    import duckdb

    try:
        connection = duckdb.connect(str(settings.paths.marts), read_only=True)
    except duckdb.Error as error:
        told = str(error).splitlines()[0]
        fail(f"{settings.paths.marts}: expected a DuckDB file, found {told}. Run: lakehouse run")
    with connection:
        yield connection
