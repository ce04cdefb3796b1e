"""Every page is whole and silent: wide and on a phone, in the light and in the dark, with scripts and without."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect
from playwright.sync_api import Page as Tab

from lakehouse.reports.page import Page

PHONE = 390

# The size on the screen, not the one in the stylesheet: a drawing that is shrunk shrinks its text too.
TOO_SMALL = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const small = [];
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
        const svg = element.closest("svg");
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        const size = parseFloat(getComputedStyle(element).fontSize) * scale;
        if (size < 11) small.push([walker.currentNode.data, size]);
    }
    return small;
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "() => getComputedStyle(document.body).backgroundColor"
GROUNDS = {"light": "rgb(244, 245, 247)", "dark": "rgb(20, 23, 27)"}
DRAWN_ON = """() => [...document.querySelectorAll(".drawing, .swatch")]
    .map(each => getComputedStyle(each).backgroundColor)"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach(each => each.open = true)"


def assert_drawn(figures: Locator, drawing: str) -> None:
    """Each chart is one picture of a sensible size, or says that there is nothing."""
    for figure in figures.all():
        if figure.locator(".nothing").is_visible():
            assert not figure.locator(".drawing").is_visible()
            continue
        visible = [each for each in figure.locator(".drawing svg").all() if each.is_visible()]
        box = visible[0].bounding_box()
        assert box is not None
        assert len(visible) == figure.locator(f"{drawing} svg:visible").count() == 1
        assert box["width"] > 250
        assert box["height"] > 60


def assert_whole(tab: Tab, drawing: str) -> None:
    """The page as it stands, then with everything opened, in the light and in the dark."""
    assert_drawn(tab.locator("figure"), drawing)
    for state in ("as it opens", "with everything opened"):
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            assert tab.evaluate(OVERFLOW) == 0, (state, scheme)
            assert tab.evaluate(TOO_SMALL) == [], (state, scheme)
            assert tab.evaluate(GROUND) == GROUNDS[scheme]
            assert set(tab.evaluate(DRAWN_ON)) <= {"rgb(255, 255, 255)"}, scheme
        tab.evaluate(OPEN_ALL)
    assert all(table.is_visible() for table in tab.locator("table").all())


@pytest.mark.parametrize("width", [1280, PHONE], ids=["wide", "phone"])
def test_a_page_is_whole_and_silent(
    visit: Callable[..., Tab], built: dict[str, Page], name: str, width: int
) -> None:
    tab = visit(name, width=width)
    if name in built:
        page = built[name]
        assert tab.locator("figure").count() == sum(len(section.charts) for section in page.sections)
        assert tab.locator("h2").count() == len(page.sections) + bool(page.definitions)
    has_filters = name in built and built[name].filters is not None
    assert tab.locator("#filters").is_visible() is has_filters
    assert_whole(tab, ".live")


def test_a_page_is_whole_and_silent_without_scripts(visit: Callable[..., Tab], name: str) -> None:
    tab = visit(name, has_scripts=False)

    assert not tab.locator("#filters").is_visible()
    assert_whole(tab, ".wide-only")
    tab.set_viewport_size({"width": PHONE, "height": 844})
    assert_whole(tab, ".narrow-only")


def test_hostile_names_are_read_as_text(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="#rate")
    script = "</script><script>alert(1)</script>"

    assert tab.locator("h1").inner_text() == f"A sample of {script}"
    assert tab.title() == f"A sample of {script}"
    assert tab.locator("#countries bdi", has_text=script).count() == 1
    assert tab.locator("#filter-member option", has_text=script).count() == 1
    assert tab.locator("#rate .keys button", has_text=script).count() == 1
    assert tab.locator("#best-table td", has_text="<img src=x onerror=alert(1)>").count() == 1
    assert tab.locator("img").count() == 0


def test_turning_a_phone_draws_the_charts_anew_for_the_room_there_is(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", width=PHONE, height=844, drawn="#net")
    tab.set_viewport_size({"width": 844, "height": PHONE})
    figure = tab.locator("figure#net")

    expect(figure.locator(".live svg")).to_have_attribute("width", re.compile(r"^[78]\d\d$"))
    expect(figure.locator(".live")).to_have_count(1)
    assert tab.evaluate(OVERFLOW) == 0


def test_days_are_the_same_in_every_time_zone(visit: Callable[..., Tab]) -> None:
    def seen(time_zone: str) -> list[str]:
        tab = visit("sample", time_zone=time_zone, drawn="#net, #single")
        texts = tab.locator(".live text").all_inner_texts()
        lines = tab.locator(".live .mark-line path").evaluate_all(
            "all => all.map(each => each.getAttribute('d'))"
        )
        return [*texts, *lines]

    assert seen("Pacific/Kiritimati") == seen("America/Los_Angeles") == seen("UTC") != []
