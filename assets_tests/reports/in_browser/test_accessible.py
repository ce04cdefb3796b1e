"""Pages for everyone: no violation that axe knows of, and everything within reach of a keyboard."""

from collections.abc import Callable
from importlib.resources import files

import pytest
from playwright.sync_api import Page as Tab

from lakehouse.reports.page import Page

OPEN_ALL = "() => document.querySelectorAll('details').forEach(each => each.open = true)"
# Rows of a table are alike, and axe looks at each cell for a while.
FEW_ROWS = "() => document.querySelectorAll('tbody tr:nth-child(n+9)').forEach(each => each.remove())"
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
RULES = """async (tags) => {
    const told = await axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
    return told.violations.map(each => `${each.id}: ${each.help}: ${each.nodes.slice(0, 5).map(node => node.html)}`);
}"""

# What the focus can stand on, told by what it is; and whether it is seen there.
FOCUSED = """() => {
    const each = document.activeElement;
    const style = getComputedStyle(each);
    const name = each.id || each.getAttribute("aria-label") || each.textContent.trim().slice(0, 80);
    return [each.tagName, name, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""
REACHABLE = """() => {
    const all = document.querySelectorAll("a[href], button, select, summary, [tabindex='0']");
    return [...all].filter(each => each.checkVisibility({ visibilityProperty: true })).length;
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core; a page's policy lets no script be added, so it is evaluated."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def test_axe_finds_nothing_once_the_charts_are_drawn(visit: Callable[..., Tab], axe: str, name: str) -> None:
    tab = visit(name)
    tab.evaluate(OPEN_ALL)
    tab.evaluate(FEW_ROWS)
    tab.evaluate(axe)

    assert tab.evaluate(RULES, ALL_RULES) == []
    tab.emulate_media(color_scheme="dark")
    assert tab.evaluate(RULES, ["cat.color"]) == []


def test_axe_finds_nothing_on_a_phone_as_the_page_opens(
    visit: Callable[..., Tab], axe: str, name: str
) -> None:
    tab = visit(name, width=390, height=844, drawn="")
    tab.evaluate(OPEN_ALL)
    tab.evaluate(FEW_ROWS)
    tab.evaluate(axe)

    assert tab.evaluate(RULES, ALL_RULES) == []


def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(
    visit: Callable[..., Tab], built: dict[str, Page], name: str
) -> None:
    tab = visit(name, width=390, drawn="")
    tab.evaluate(OPEN_ALL)
    expected = tab.evaluate(REACHABLE)
    reached = []
    tab.keyboard.press("Tab")
    while (focused := tab.evaluate(FOCUSED))[0] != "BODY":
        reached.append(focused)
        tab.keyboard.press("Tab")

    assert len(reached) == expected
    assert [what for *what, is_seen in reached if not is_seen] == []
    kinds = {"A"} if name == "index" else {"A", "SUMMARY", "DIV"}
    if name in built and built[name].filters:
        kinds |= {"SELECT", "BUTTON"}
    assert {kind for kind, *_ in reached} >= kinds


def test_filters_legends_and_tables_answer_to_the_keyboard(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="")
    tab.locator("#filter-from").focus()
    tab.keyboard.press("End")
    assert tab.locator("#filter-state").inner_text().startswith("Shown: 19 May 2025 to 25 May 2025")
    tab.locator("#filters button").focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#filter-state").inner_text().startswith("Shown: 6 Jan 2025 to 25 May 2025")
    tab.locator("#net summary").focus()
    tab.keyboard.press("Space")
    assert tab.locator("#net-table").is_visible()


@pytest.mark.parametrize("figure", ["net", "stack", "retention"])
def test_a_series_is_picked_out_by_keyboard_and_let_go_again(visit: Callable[..., Tab], figure: str) -> None:
    def faint() -> int:
        marks = tab.locator(
            f"#{figure} .live .role-mark path[opacity='0.15'], #{figure} .live .role-mark [opacity='0.15']"
        )
        return marks.count()

    tab = visit("sample", drawn=f"#{figure}")
    button = tab.locator(f"#{figure} .keys button").first
    assert (button.get_attribute("aria-pressed"), faint()) == ("false", 0)
    button.focus()
    tab.keyboard.press("Enter")
    tab.locator(f"#{figure} .keys button[aria-pressed=true]").wait_for()
    tab.locator(f"#{figure} .live .role-mark [opacity='0.15']").first.wait_for(state="attached")
    assert faint() > 0
    tab.keyboard.press("Space")
    tab.locator(f"#{figure} .live .role-mark [opacity='0.15']").first.wait_for(state="detached")
    assert tab.locator(f"#{figure} .keys button[aria-pressed=true]").count() == 0


def test_a_picked_series_stays_picked_under_a_filter(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="#net")
    tab.locator("#net .keys button").last.click()
    tab.select_option("#filter-member", "France")
    tab.locator("#net .drawing:not([aria-busy])").wait_for()
    tab.locator("#net .live .role-mark [opacity='0.15']").first.wait_for(state="attached")

    assert tab.locator("#net .keys button[aria-pressed=true]").count() == 1
    assert tab.locator("#net .live").count() == 1
