"""A drawing and its rows as inline SVG, or as a small picture.

Here belong the conversion and everything that makes its output fit into a page: ids of its own, a title and a
description, nothing but drawing elements. What a chart shows belongs to `charts`.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from xml.etree import ElementTree as ET

import polars as pl
import vl_convert
from markupsafe import Markup

from lakehouse.reports.drawing import CONFIG, ROWS
from lakehouse.reports.png import packed
from lakehouse.reports.words import plain

# More marks than a reader can tell apart make a page slow; reports aggregate before they draw.
_MOST_ROWS = 5000

_DRAWING = frozenset(
    ("svg", "g", "path", "rect", "line", "text", "tspan", "defs", "clipPath", "linearGradient", "stop")
)
_ATTRIBUTES = frozenset(
    name
    for group in (
        ("id", "d", "width", "height", "viewBox", "x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "transform"),
        ("fill", "fill-opacity", "opacity", "stop-color", "offset", "clip-path"),
        (
            "stroke",
            "stroke-width",
            "stroke-opacity",
            "stroke-dasharray",
            "stroke-linecap",
            "stroke-miterlimit",
        ),
        ("text-anchor", "font-family", "font-size", "font-weight", "font-style"),
    )
    for name in group
)
_DEFAULTS = {"opacity": "1", "fill-opacity": "1", "stroke-opacity": "1"}
_Picture = TypeVar("_Picture", str, bytes)
_LOCAL_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def to_svg(
    spec: dict[str, Any],
    rows: pl.DataFrame,
    chart_id: str,
    title: str,
    description: str,
    convert: Callable[..., str] | None = None,
) -> Markup:
    """The rows drawn as an `<svg>` element whose ids all begin with the chart's own id.

    convert: what turns a whole specification into SVG; vl-convert unless one is given.
    Raises ValueError when they can't be drawn, are too many, or give anything but shapes and text.
    """
    root = ET.fromstring(_twice(convert or vl_convert.vegalite_to_svg, spec, rows))  # noqa: S314 - vl-convert's own output
    _keep_drawing_only(root)
    _drop_invisible(root)
    _renumber_ids(root, chart_id)
    root.set("role", "img")
    root.set("aria-labelledby", f"{chart_id}-title {chart_id}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{chart_id}-{tag}"})
        element.text = plain(text)
        root.insert(place, element)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - ElementTree escapes


def to_png(spec: dict[str, Any], rows: pl.DataFrame) -> bytes:
    """The rows drawn as a PNG picture, somewhat smaller than on the page. Raises ValueError as `to_svg` does."""
    return packed(
        _twice(lambda full, **options: vl_convert.vegalite_to_png(full, scale=0.75, **options), spec, rows)
    )


def _twice(convert: Callable[..., _Picture], spec: dict[str, Any], rows: pl.DataFrame) -> _Picture:
    full = {**spec, "config": CONFIG, "datasets": {ROWS: _values(rows)}}
    try:
        return convert(full, allowed_base_urls=[])
    except ValueError:
        # A failed conversion leaves vl-convert in a state that spoils the one after it, so one retry is due.
        return convert(full, allowed_base_urls=[])


def _values(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows as Vega reads them: days as milliseconds at midnight UTC, decimals as floats."""
    if len(rows) > _MOST_ROWS:
        raise ValueError(
            f"expected at most {_MOST_ROWS} rows to draw, found {len(rows)}: aggregate them first"
        )
    return [{name: _plain_value(value) for name, value in row.items()} for row in rows.iter_rows(named=True)]


def _plain_value(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return int(value.replace(tzinfo=UTC).timestamp() * 1000)
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000)
    return plain(value) if isinstance(value, str) else value


def _keep_drawing_only(root: ET.Element) -> None:
    for element in root.iter():
        element.tag = element.tag.partition("}")[2] or element.tag
        if element.tag not in _DRAWING:
            raise ValueError(f"a chart may hold only shapes and text, found <{element.tag}>")
        for name, value in list(element.attrib.items()):
            if name not in _ATTRIBUTES or _DEFAULTS.get(name) == value:
                del element.attrib[name]


def _drop_invisible(parent: ET.Element) -> None:
    """Take out empty paths and groups: a third of the bytes draw nothing."""
    for child in list(parent):
        _drop_invisible(child)
        # The root group says fill none, so a path without a paint of its own draws nothing.
        is_unpainted = child.tag == "path" and not {"fill", "stroke"} & set(child.attrib)
        is_empty_path = child.tag == "path" and not child.get("d")
        is_empty_group = child.tag == "g" and len(child) == 0
        if is_unpainted or is_empty_path or is_empty_group:
            parent.remove(child)


def _renumber_ids(root: ET.Element, chart_id: str) -> None:
    """vl-convert numbers ids over the whole process; the page needs them unique and the same every time."""
    renumbered: dict[str, str] = {}

    def own(old: str) -> str:
        return renumbered.setdefault(old, f"{chart_id}-{len(renumbered)}")

    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, own(value))
            elif "url(#" in value:
                element.set(name, _LOCAL_REFERENCE.sub(lambda found: f"url(#{own(found.group(1))})", value))
