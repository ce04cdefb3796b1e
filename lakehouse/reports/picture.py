"""One chart as a picture inside Markdown, for places that show no page: asset metadata, messages.

Here belong encoding and its limit of size. What a chart shows belongs to the report that made it.
"""

import base64
import unicodedata

from lakehouse.reports.page import Chart
from lakehouse.reports.render import drawn
from lakehouse.reports.svg import to_png

# Metadata stand in an instance's database and in each of its pages that lists them.
MOST_BYTES = 60_000
# What Markdown gives a meaning.
_MEANT = "[]()<>!`\\"


def markdown_picture(chart: Chart, text: str = "") -> str:
    """The chart as an inline image; the smaller drawing where the wide one is too large, empty where both are.

    text: what stands for the picture where it can't be shown; the chart's title unless one is given.
    """
    rows = drawn(chart)
    for is_narrow in () if rows.is_empty() else (False, True):
        spec = chart.drawing.spec(len(rows), is_narrow=is_narrow)
        picture = base64.b64encode(to_png(spec, rows)).decode()
        if len(picture) <= MOST_BYTES:
            return f"![{_alternative(text or chart.title)}](data:image/png;base64,{picture})"
    return ""


def _alternative(text: str) -> str:
    """The text without what would end it, or begin something else, in Markdown; marks that only steer others go."""
    told = "".join(each for each in text if unicodedata.category(each) != "Cf")
    return " ".join(
        "".join(" " if each in _MEANT or not each.isprintable() else each for each in told).split()
    )
