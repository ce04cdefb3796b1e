"""The commerce report in a real browser: complete without scripts, silent, readable on a phone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.write import write_report

if TYPE_CHECKING:
    from conftest import Shop

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt install chromium")

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)

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
OPEN_ALL = "() => document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def report(busy_shop: "Shop", tmp_path: Path) -> Path:
    """The busy shop's report, one product of which has a name that would like to run."""
    worth = ("x" * 300, "kitchen", 1, 1, 9000, 9000, 0)
    busy_shop.insert("mart_product_sales", ("long", *worth))
    busy_shop.insert("mart_product_sales", ("bad", "</script><script>alert(1)</script>", *worth[1:]))
    page = commerce_page(busy_shop.connection, "b4b0e1d2-6f0f-4a53-9c1e-7d5a1c2f3e4d", "0.1.0+3f2c1ab")
    return write_report(page, tmp_path / "commerce.html")


def watched(context: BrowserContext) -> list[str]:
    """Everything that a silent page doesn't do: console messages, errors, dialogs, requests beyond itself."""
    noise: list[str] = []
    context.on("console", lambda message: noise.append(f"console: {message.text}"))
    context.on("weberror", lambda error: noise.append(f"error: {error.error}"))
    context.on("dialog", lambda dialog: noise.append(f"dialog: {dialog.message}"))
    context.on(
        "request",
        lambda request: None if request.is_navigation_request() else noise.append(f"request: {request.url}"),
    )
    return noise


@pytest.mark.parametrize("has_scripts", [False, True], ids=["without scripts", "with scripts"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_the_page_is_whole_and_silent(
    browser: Browser, report: Path, viewport: ViewportSize, *, has_scripts: bool, is_dark: bool
) -> None:
    context = browser.new_context(
        java_script_enabled=has_scripts, viewport=viewport, color_scheme="dark" if is_dark else "light"
    )
    noise = watched(context)
    page = context.new_page()
    page.goto(report.as_uri())
    drawings = page.locator("svg")

    assert drawings.count() == 9
    for place in range(drawings.count()):
        box = drawings.nth(place).bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 80
    assert page.locator("h2").count() == 10
    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate(TOO_SMALL) == []
    assert noise == []
    context.close()


def test_the_opened_tables_do_not_push_the_page_aside_on_a_phone(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(report.as_uri())
    page.evaluate(OPEN_ALL)

    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate(TOO_SMALL) == []
    context.close()


def test_charts_stay_on_white_in_the_dark(browser: Browser, report: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())

    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") != "rgb(244, 245, 247)"
    backgrounds = page.eval_on_selector_all(
        ".drawing", "all => all.map(each => getComputedStyle(each).backgroundColor)"
    )
    assert set(backgrounds) == {"rgb(255, 255, 255)"}
    context.close()


def test_print_is_light_and_keeps_the_tables_within_the_sheet(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport=ViewportSize(width=703, height=1000), color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")

    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tables = page.locator("figure table")
    assert tables.count() == 9
    assert all(tables.nth(place).is_visible() for place in range(9))
    assert page.evaluate(OVERFLOW) == 0
    context.close()


def test_every_part_is_reached_by_keyboard(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(report.as_uri())
    page.keyboard.press("Tab")
    reached = set()
    for _ in range(60):
        reached.add(page.evaluate("() => document.activeElement.tagName + document.activeElement.className"))
        page.keyboard.press("Tab")

    assert {"A", "SUMMARY", "DIVdrawing scroll", "DIVscroll"} <= reached
    context.close()
