"""What runs in a page: the drawing library, the page's own script, and the data that both read.

Here belong the bundle, the escaping of data inside HTML, and the hashes by which a browser is allowed to run the two
scripts and nothing else. What the scripts do stands in `templates/*.js`.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

from lakehouse.durable import write_whole
from lakehouse.reports.dataset import Dataset, form_json
from lakehouse.reports.drawing import AXIS_ROOM, CONFIG, HEIGHT, NARROW_HEIGHT
from lakehouse.reports.page import Chart, Filters, Page, Table, Tile
from lakehouse.reports.words import plain

# What could end a script element, open a comment, or end a line inside JavaScript.
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "&<>\u2028\u2029"}


@cache
def bundle(folder: Path | None = None) -> str:
    """Vega-Embed with all that it needs, as one script; the same for one version of vl-convert.

    folder: where it is kept for the next process; making it takes more than a second.
    Raises ValueError when it can't stand inside a script element as it is.
    """
    kept = folder / f"vega-embed-{version('vl-convert-python')}.js" if folder else None
    if kept is not None and kept.exists():
        return kept.read_text(encoding="utf-8")
    text: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub lacks its default
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("expected a bundle that can be inlined, found the end of a script element in it")
    if kept is not None:
        write_whole(text.encode(), kept)
    return text


def sha256(text: str) -> str:
    """The hash by which a content security policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def inline_json(value: Any) -> Markup:
    """JSON that may stand inside a script element, whatever text it holds. Raises ValueError for NaN or infinity."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - every character that HTML gives a meaning is escaped


def page_data(page: Page) -> dict[str, Any]:
    """Everything that the page's script needs to draw, filter and save: specifications, rows, rules."""
    charts = [chart for section in page.sections for chart in section.charts]
    tables = [chart.table for chart in charts]
    tables += [table for section in page.sections for table in section.tables]
    tiles = [tile for section in page.sections for tile in section.tiles if tile.measure is not None]
    datasets: dict[str, Dataset] = {}
    for dataset in (
        *(table.source.dataset for table in tables),
        *(tile.measure.dataset for tile in tiles if tile.measure is not None),
    ):
        known = datasets.setdefault(dataset.name, dataset)
        if known is not dataset:
            raise ValueError(f"expected one dataset of the name {dataset.name} on a page, found two")
    return {
        "config": CONFIG,
        "axisRoom": AXIS_ROOM,
        "heights": [HEIGHT, NARROW_HEIGHT],
        "datasets": {name: dataset.to_json() for name, dataset in datasets.items()},
        "charts": [_chart(chart) for chart in charts],
        "tables": [
            _table(table_id, table)
            for table_id, table in (
                *((table_id_of(chart), chart.table) for chart in charts),
                *((table.table_id, table) for section in page.sections for table in section.tables),
            )
        ],
        "tiles": [tile.measure.to_json() for tile in tiles if tile.measure is not None],
        "filters": _filters(page.filters) if page.filters else None,
    }


def table_id_of(chart: Chart) -> str:
    """The id of the table under a chart."""
    return f"{chart.chart_id}-table"


def is_filtered(tile: Tile) -> bool:
    """Whether a filter gives the tile anew."""
    return tile.measure is not None


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "id": chart.chart_id,
        "title": chart.title,
        "source": chart.table.source.to_json(),
        "drawn": chart.drawn_rows,
        "form": chart.drawing.form,
        "rowHeight": chart.drawing.row_height,
    }


def _table(table_id: str, table: Table) -> dict[str, Any]:
    return {
        "id": table_id,
        "source": table.source.to_json(),
        "columns": [
            {"label": each.label, "name": each.name, "form": form_json(each.form), "isName": each.is_name}
            for each in table.columns
        ],
        "noun": list(table.noun),
    }


def _filters(filters: Filters) -> dict[str, Any]:
    return {
        "periods": [[each.first.isoformat(), each.last.isoformat()] for each in filters.periods],
        "default": [filters.default.first.isoformat(), filters.default.last.isoformat()],
        "dimension": filters.dimension,
        "everything": filters.everything,
        "members": [plain(member) for member in filters.members],
    }
