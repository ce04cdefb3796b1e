"""The parts of a report page, and the one function that turns them into HTML.

Here belongs what every page shares: its parts as plain data, the template's environment, the content security
policy. What a page says belongs to the report's own module; how a chart is drawn, to `charts` and `svg`.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from lakehouse.reports.words import Direction, plain

ARROWS: dict[Direction, str] = {"up": "▲", "down": "▼", "level": "■", "unknown": ""}


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the header: what the reader must know before reading a figure."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure, how it moved and against what. `verdict` is better, worse, or empty where it is neither."""

    label: str
    value: str
    direction: Direction = "unknown"
    change: str = ""
    verdict: str = ""
    basis: str = ""

    @property
    def arrow(self) -> str:
        """The sign of the direction, beside the words that say the same."""
        return ARROWS[self.direction]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Numbers stand right; names may be long, and of any script."""

    label: str
    is_number: bool = False
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text, formatted already; `note` says what the rows leave out."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart with the table that proves it. `svg` comes from `lakehouse.reports.svg.to_svg`."""

    chart_id: str
    title: str
    svg: Markup
    table: Table
    note: str = ""
    is_wide: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under one heading. `empty` stands where there is nothing to show, and says why."""

    section_id: str
    title: str
    sentences: tuple[str, ...] = ()
    tiles: tuple[Tile, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric's name and what it means on this page."""

    term: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report page."""

    title: str
    summary: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    definitions: tuple[Definition, ...] = ()
    warnings: tuple[str, ...] = ()


def render(page: Page) -> str:
    """The page as one HTML document that loads nothing and runs nothing; equal pages give equal bytes."""
    css = _read("page.css")
    template = _environment().get_template("page.html.j2")
    return template.render(page=page, css=Markup(css), policy=_policy(css))  # noqa: S704 - our own file


def _policy(css: str) -> str:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> Environment:
    return Environment(
        autoescape=True,
        finalize=_without_forbidden_characters,
        loader=FunctionLoader(_read),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def _without_forbidden_characters(value: object) -> object:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read(name: str) -> str:
    return (files("lakehouse.reports") / "templates" / name).read_text(encoding="utf-8")
