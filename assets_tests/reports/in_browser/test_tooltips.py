"""Pointing at a mark tells its figures, as text whatever the data say."""

from collections.abc import Callable

from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

TIP = "#vg-tooltip-element"
NET = "#net .live .mark-symbol path[fill='#0072B2']"


def point_at(tab: Tab, marks: str, place: int = 0) -> list[str]:
    """The rows of the tooltip of one mark."""
    mark = tab.locator(marks).nth(place)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tab.locator(TIP)).to_be_visible()
    return [" ".join(text.split()) for text in tab.locator(f"{TIP} tr").all_inner_texts()]


def test_a_point_tells_its_day_its_series_and_its_figure(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="#net")

    assert point_at(tab, NET, 19) == [
        "From 19 May 2025",
        "Series Net",
        "EUR 1,703.20",
    ]


def test_a_bar_tells_a_hostile_name_as_text(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="#worst, #best")
    found = point_at(tab, "#worst .live .mark-rect path")

    assert found == ["Name </script><script>alert(1)</script>", "EUR 328.00"]
    assert point_at(tab, "#best .live .mark-rect path")[0] == "Name <img src=x onerror=alert(1)>"
    assert tab.locator(f"{TIP} img, {TIP} script").count() == 0


def test_a_tooltip_stays_within_the_window_and_goes_away(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", width=390, height=844, drawn="#worst")
    point_at(tab, "#worst .live .mark-rect path", 3)
    box = tab.locator(TIP).bounding_box()

    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    tab.mouse.move(1, 1)
    expect(tab.locator(TIP)).to_be_hidden()


def test_a_tooltip_tells_the_chosen_figure(visit: Callable[..., Tab]) -> None:
    tab = visit("sample", drawn="#net")
    tab.select_option("#filter-member", "Germany")
    expect(tab.locator("[aria-busy]")).to_have_count(0)

    assert point_at(tab, NET, 19) == [
        "From 19 May 2025",
        "Series Net",
        "EUR 2,703.20",
    ]
