"""A page as one HTML document that loads nothing.

Here belong the template's environment, the static form of charts and tables, and the content security policy.
The parts of a page stand in `page`, what runs in it in `script`.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from lakehouse.reports import words
from lakehouse.reports.csv_data import csv_text, data_uri
from lakehouse.reports.dataset import narrowed, shown
from lakehouse.reports.kept_drawings import KeptDrawings
from lakehouse.reports.page import Chart, Page, Table
from lakehouse.reports.script import bundle, inline_json, page_data, sha256, table_id_of
from lakehouse.reports.svg import to_svg

_ARROWS: Mapping[words.Direction, str] = {"up": "▲", "down": "▼", "level": "■", "unknown": ""}


def render(page: Page, *, is_interactive: bool = True, cache: Path | None = None) -> str:
    """The page as HTML; equal pages give equal bytes.

    Without scripts it is complete; is_interactive adds what makes it answer: tooltips, highlights, filters.
    cache: a folder where the drawing library, and the drawings of the page's last issue, are kept between processes.
    """
    kept = KeptDrawings(cache / "drawings" / f"{page.name}.json.gz") if cache else None
    css = _read("page.css")
    charts = any(section.charts for section in page.sections)
    code = _script() if is_interactive and (charts or page.filters) else ""
    library = bundle(cache) if code and charts else ""
    template = _environment().get_template("page.html.j2")
    html = template.render(
        page=page,
        chart_view=partial(_chart_view, convert=kept),
        css=Markup(css),  # noqa: S704 - our own file
        code=Markup(code),  # noqa: S704 - our own file
        library=Markup(library),  # noqa: S704 - checked by `bundle`
        data=inline_json(page_data(page)) if code else "",
        policy=_policy(css, code, library),
        mark=inline_json(mark_of(page)),
    )
    if kept is not None:
        kept.keep()
    return html


def mark_of(page: Page) -> dict[str, Any]:
    """What a page says of itself to the index: it is read back from the file."""
    return {
        "title": page.title,
        "summary": page.summary.text,
        "as_of": page.as_of.isoformat() if page.as_of else None,
        "run_id": page.origin.run_id,
        "code_version": page.origin.code_version,
        "warnings": list(page.warnings),
    }


@cache
def _script() -> str:
    parts = "\n".join(_read(name) for name in ("dataset.js", "charts.js", "page.js"))
    data = 'const PAGE = JSON.parse(document.getElementById("page-data").textContent);'
    return f'(() => {{\n"use strict";\n{data}\n{parts}}})();'


def _policy(css: str, code: str, library: str) -> str:
    scripts = " ".join(f"'{sha256(each)}'" for each in (code, library) if each)
    allowed = f"script-src {scripts}; " if scripts else ""
    return (
        f"default-src 'none'; {allowed}style-src '{sha256(css)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def drawn(chart: Chart) -> pl.DataFrame:
    """The rows that a chart draws at first."""
    rows = shown(chart.table.source)
    return rows if chart.drawn_rows is None else rows.head(chart.drawn_rows)


def _table_view(table: Table, table_id: str) -> dict[str, Any]:
    """The rows that a table shows at first, as text, and the link that saves them."""
    everything = narrowed(table.source)
    limit = table.source.limit
    rows = everything if limit is None else everything.head(limit)
    names = [column.name for column in table.columns]
    text = csv_text(rows, names, [column.label for column in table.columns])
    return {
        "id": table_id,
        "caption": table.caption,
        "columns": table.columns,
        "rows": [
            [words.show(value, column.form) for value, column in zip(row, table.columns, strict=True)]
            for row in zip(*(rows[name] for name in names), strict=True)
        ],
        "left_out": _left_out(len(everything), limit, table.noun),
        "note": table.note,
        "href": data_uri(text),
        "file": f"{table_id}.csv",
    }


def _left_out(total: int, limit: int | None, noun: tuple[str, str]) -> str:
    if total == 0:
        return f"No {noun[1]}."
    return "" if limit is None else words.shown(limit, total, *noun)


def _chart_view(chart: Chart, convert: Callable[..., str] | None) -> dict[str, Any]:
    rows = drawn(chart)
    pictures = {"wide": "", "narrow": ""}
    for size in pictures if len(rows) else ():
        spec = chart.drawing.spec(len(rows), is_narrow=size == "narrow")
        chart_id = f"{chart.chart_id}-{size[0]}"
        pictures[size] = to_svg(spec, rows, chart_id, chart.title, chart.description, convert)
    return {
        **pictures,
        "table": _table_view(chart.table, table_id_of(chart)),
        "is_empty": rows.is_empty(),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        finalize=_without_forbidden_characters,
        loader=FunctionLoader(_read),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(table_view=_table_view, arrows=_ARROWS)
    environment.filters.update(day=words.day)
    return environment


def _without_forbidden_characters(value: object) -> object:
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read(name: str) -> str:
    return (files("lakehouse.reports") / "templates" / name).read_text(encoding="utf-8")
