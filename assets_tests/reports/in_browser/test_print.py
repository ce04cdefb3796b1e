"""On paper: everything within the sheet, light, with its tables, each section on a new page, and no controls."""

import re
import unicodedata
from collections.abc import Callable
from io import BytesIO

import pytest
from playwright.sync_api import Page as Tab
from pypdf import PdfReader

# A4 less the margins, in CSS pixels: 186 of 210 mm.
SHEET = 703

# Whatever is laid out wider than the sheet; Chromium would shrink the whole page for it.
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
    .filter(each => each.getClientRects().length && !each.closest("svg svg, .hidden"))
    .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map(each => each.outerHTML.slice(0, 120))"""
CUT = """() => [...document.querySelectorAll("td, th, .tile, figcaption, p")]
    .filter(each => each.getClientRects().length && each.scrollWidth > each.clientWidth + 1 && !each.closest(".hidden"))
    .map(each => each.outerHTML.slice(0, 120))"""


def assert_fits(tab: Tab) -> None:
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": SHEET, "height": 1000})

    assert tab.evaluate(TOO_WIDE) == []
    assert tab.evaluate(CUT) == []
    assert tab.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert all(each.is_visible() for each in tab.locator("table, .caption").all())
    assert not any(
        each.is_visible() for each in tab.locator("#filters, nav, .save, #vg-tooltip-element").all()
    )
    for figure in tab.locator("figure:has(.drawing:not([hidden]))").all():
        assert figure.locator(".drawing svg:visible").count() == 1


def one_line(text: str) -> str:
    """The text without line breaks and ligatures."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def beginning(title: str) -> str:
    """A heading's letters as one word, up to the first that a sheet's text may tell elsewhere: right-to-left, say."""
    # The marks that set a name apart are spaces on the sheet, if anything.
    return re.sub(r"[\s\u2068\u2069]", "", re.split(r"[^\x20-\x7e\u2068\u2069]", title)[0])


def test_without_scripts_nothing_is_wider_than_the_sheet(visit: Callable[..., Tab], name: str) -> None:
    assert_fits(visit(name, is_dark=True, has_scripts=False))


@pytest.mark.parametrize("width", [390, 1280], ids=["from a phone", "from a desk"])
def test_charts_drawn_anew_are_not_wider_than_the_sheet(visit: Callable[..., Tab], width: int) -> None:
    assert_fits(visit("sample", width=width, is_dark=True))


def test_each_section_begins_on_a_new_page_and_every_figure_is_there(
    visit: Callable[..., Tab], name: str
) -> None:
    tab = visit(name, is_dark=True)
    titles = [beginning(one_line(text)) for text in tab.locator("h2").all_text_contents()]
    figures = tab.locator("td.number").all_text_contents()
    reader = PdfReader(BytesIO(tab.pdf(prefer_css_page_size=True, print_background=True)))
    texts = [one_line(page.extract_text()) for page in reader.pages]
    whole = " ".join(texts)

    sizes = {(round(float(page.mediabox.width)), round(float(page.mediabox.height))) for page in reader.pages}
    assert sizes == {(595, 842)}
    assert [figure for figure in figures if figure not in whole] == []
    begun = [
        next(place for place, text in enumerate(texts) if re.sub(r"\s", "", text).startswith(title))
        for title in titles[1:]
    ]
    assert begun == sorted(set(begun))
    assert "Show everything" not in whole
    assert "Save as CSV" not in whole
