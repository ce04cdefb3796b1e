"""The parts of a report page, as plain data.

Here belongs what a report's own module fills in: sentences, figures, charts, tables, and what every page says of
itself. What a page says belongs to the report; how it becomes HTML, to `render`; how a chart is drawn, to `charts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from lakehouse.reports import words
from lakehouse.reports.dataset import Filter, Measure, Rows, value_of
from lakehouse.reports.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Sentence:
    """A statement made from figures by a rule, and the published tables that prove it."""

    text: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What made the page: the run, and the version of the code."""

    run_id: str
    code_version: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the header: what the reader must know before reading a figure."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure over a span of days, how it moved and against what. verdict: better, worse, or empty.

    measure: what the figure is made of, so that a filter gives it anew; None: a text that no filter changes.
    """

    label: str
    value: str
    direction: words.Direction = "unknown"
    change: str = ""
    verdict: str = ""
    basis: str = ""
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a column or ratio of its dataset. `is_name`: may be long, and of any script."""

    label: str
    name: str
    form: words.Form = words.TEXT
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What a source's rows say, as text. noun: one and many of what a row is, for the note on rows left out.

    table_id: unique on the page; a chart's table needs none.
    """

    caption: str
    columns: tuple[Column, ...]
    source: Rows
    table_id: str = ""
    note: str = ""
    noun: tuple[str, str] = ("row", "rows")


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of a table's rows. description: what the picture shows, for who doesn't see it.

    drawn_rows: how many of the table's first rows are drawn, None for all.
    """

    chart_id: str
    title: str
    drawing: Drawing
    table: Table
    description: str
    note: str = ""
    is_wide: bool = True
    drawn_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a list that leads to another page.

    status: what is wrong with it, empty where nothing is; then `good` stands there.
    """

    href: str
    title: str
    text: str
    facts: tuple[str, ...] = ()
    status: str = ""
    is_small: bool = False
    good: str = "Up to date"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under one heading. `empty` stands where there is nothing to show, and says why."""

    section_id: str
    title: str
    sentences: tuple[Sentence, ...] = ()
    tiles: tuple[Tile, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    entries: tuple[Entry, ...] = ()
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric's name and what it means on this page."""

    term: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Period:
    """A step of the page's date range, both days included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader can narrow the page to: whole periods, and one member of the main dimension.

    default: the days that tiles cover while no range is chosen.
    """

    periods: tuple[Period, ...]
    default: Period
    dimension: str = ""
    everything: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report page; `name` is its file's, without the ending, and may lie in a folder."""

    name: str
    title: str
    summary: Sentence
    origin: Origin
    as_of: date | None
    period: Period | None
    sections: tuple[Section, ...]
    as_of_note: str = ""
    facts: tuple[Fact, ...] = ()
    definitions: tuple[Definition, ...] = ()
    warnings: tuple[str, ...] = ()
    filters: Filters | None = None
    links: Mapping[str, str] = field(default_factory=dict)


def tile(measure: Measure, now: Filter, before: Filter | None = None) -> Tile:
    """The measure's figure over `now`, against the days of `before` where the history reaches back so far."""
    value = value_of(measure, now)
    text = words.show(value, measure.form)
    if before is None:
        return Tile(measure.label, text, measure=measure)
    earlier = value_of(measure, before)
    compare = words.change_in_points if measure.form.kind == "percent" else words.change
    moved = compare(value, earlier)
    verdict = ""
    if measure.good and moved.direction in ("up", "down"):
        verdict = "better" if moved.direction == measure.good else "worse"
    basis = f"before: {words.show(earlier, measure.form)}"
    return Tile(measure.label, text, moved.direction, moved.words, verdict, basis, measure)
