"""An Altair chart as inline SVG: the only room that calls vl-convert.

Here belong the conversion and everything that makes its output fit into a page: ids of its own, a title and a
description, nothing but drawing elements. What a chart shows belongs to `charts`.
"""

import re
from xml.etree import ElementTree as ET

import vl_convert
from markupsafe import Markup

from lakehouse.reports.charts import AnyChart
from lakehouse.reports.words import plain

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
_LOCAL_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def to_svg(chart: AnyChart, chart_id: str, title: str, description: str) -> Markup:
    """The chart as an `<svg>` element whose ids all begin with the chart's own id.

    Raises ValueError when the chart can't be drawn, or when the drawing holds anything but shapes and text.
    """
    root = ET.fromstring(_convert(chart.to_dict()))  # noqa: S314 - the text is vl-convert's own output
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


def _convert(spec: dict[str, object]) -> str:
    try:
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    except ValueError:
        # A failed conversion leaves vl-convert in a state that spoils the one after it, so one retry is due.
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])


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
