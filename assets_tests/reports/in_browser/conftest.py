"""Pages to look at in a real browser, and the browser.

To add a page: its name in `NAMES`, and itself in `built`. Every test of this folder then looks at it too.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, expect, sync_playwright
from playwright.sync_api import Page as Tab

from lakehouse.reports import charts, words
from lakehouse.reports.commerce import commerce_page
from lakehouse.reports.dataset import ALL, Dataset, Measure, Ratio, Rows
from lakehouse.reports.page import (
    Chart,
    Column,
    Definition,
    Entry,
    Fact,
    Origin,
    Page,
    Section,
    Sentence,
    Table,
    tile,
)
from lakehouse.reports.periods import periods_of
from lakehouse.reports.write import issue_report

if TYPE_CHECKING:
    from conftest import Alarmed, Published, Shop, Tried

FILTERED = ("sample", "one-day", "commerce", "operations")
NAMES = (*FILTERED, "anomalies", "experiments", "experiments/tried", "experiments/observed", "index")

CHROMIUM = shutil.which("chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ORIGIN = Origin("b4b0e1d2-6f0f-4a53-9c1e-7d5a1c2f3e4d", "0.1.0+3f2c1ab")
EUR = words.money_form("EUR")
SCRIPT = "</script><script>alert(1)</script>"
HOSTILE = (
    SCRIPT,
    "=cmd|' /C calc'!A0",
    "\u202eright to left\u202c \u200f\u05d0\u05d1\u05d2",
    "x" * 300,
    "long " * 60,
    "☕ mug 👩‍🍳",
    "2025-01-06",
    "control \x00\x0b and\nline",
    "<img src=x onerror=alert(1)>",
)
WEEKS = 20
FIRST = date(2025, 1, 6)
MEMBERS = ("Germany", "France", SCRIPT, HOSTILE[2], "x" * 120, "Atlantis")


def week(place: int) -> date:
    return FIRST + timedelta(days=7 * place)


def weekly() -> Dataset:
    """Weeks of everything and of each member; Atlantis sank after the first, and some figures are missing."""
    rows = []
    for member, name in enumerate((ALL, *MEMBERS)):
        for place in range(1 if name == "Atlantis" else WEEKS):
            net = Decimal(f"{1000 * (member + 1) + 37 * place}.{place:02d}55")
            cost = None if place in (7, 9) else net * Decimal("0.6").quantize(Decimal("0.1"))
            back = Decimal(place - 8) * 5
            rows.append(
                (week(place), name, net, cost, back, 10 * (member + 1) + place % 7, place % 3, place * 11)
            )
    columns = ("net", "cost", "back")
    schema = {"week": pl.Date, "country": pl.String, **dict.fromkeys(columns, pl.Decimal(38, 4))}
    schema |= dict.fromkeys(("orders", "returned", "stock"), pl.Int64)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    ratios = {"average": Ratio("net", "orders"), "rate": Ratio("returned", "orders")}
    return Dataset("weekly", frame, "week", "country", ratios)


def products() -> Dataset:
    """Products whose names would like to be something else."""
    labels = words.chart_labels(HOSTILE)
    rows = [
        (week(place), member, name, label, Decimal(100 * (number + 1) + place))
        for member in (ALL, "Germany")
        for number, (name, label) in enumerate(zip(HOSTILE, labels, strict=True))
        for place in (0, 9, 19)
    ]
    columns = ["week", "country", "name", "label", "net"]
    return Dataset("products", pl.DataFrame(rows, schema=columns, orient="row"), "week", "country")


def cohorts() -> Dataset:
    frame = pl.DataFrame(
        {
            "cohort": [date(2024, 11 + place, 1) for place in (0, 0, 1, 1)],
            "window": ["7", "30", "7", "30"],
            "rate": [0.125, 0.5, float("nan"), 0.25],
            "state": ["complete", "complete", "complete", "incomplete"],
        }
    )
    return Dataset("cohorts", frame)


def landed() -> Dataset:
    frame = pl.DataFrame(
        {
            "at": [datetime(2025, 5, 25, 6, 7, 8, 900), datetime(2025, 1, 7, 23, 59)],
            "file": ["orders.csv", HOSTILE[1]],
            "share": [float("inf"), 0.0512],
            "rows": [1_234_567, -3],
        }
    )
    return Dataset("landed", frame, "at")


def by_week(dataset: Dataset, caption: str, *columns: tuple[str, str, words.Form]) -> Table:
    named = (Column("Week from", "week", words.DAY), *(Column(*column) for column in columns))
    return Table(caption, named, Rows(dataset, order="week"), noun=("week", "weeks"))


def sample_page() -> Page:
    """Every form of chart, tile and table, hostile names, gaps, NaN and infinity, nothing, one row, one day."""
    sales, goods, kept = weekly(), products(), cohorts()
    nothing = Dataset("nothing", sales.frame.head(0), "week", "country", sales.ratios)
    single = Dataset("single", sales.frame.head(1), "week", "country", sales.ratios)
    periods = periods_of(FIRST, week(WEEKS) - timedelta(days=1))

    def trend(chart_id: str, title: str, series: dict[str, str], data: Dataset = sales, *, form: words.Form = EUR, is_wide: bool = True) -> Chart:  # fmt: skip
        table = by_week(data, f"{title}, by week", *((label, name, form) for name, label in series.items()))
        drawing = charts.trend("week", series, form.unit or "Share", form, width=880 if is_wide else 420)
        return Chart(chart_id, title, drawing, table, f"A line of {title}.", is_wide=is_wide)

    def stack(chart_id: str, title: str, series: dict[str, str]) -> Chart:
        table = by_week(sales, f"{title}, by week", *((label, name, EUR) for name, label in series.items()))
        return Chart(chart_id, title, charts.stacked_bars("week", 7, series, "EUR", EUR), table, "Bars.")

    def ranking(chart_id: str, title: str, source: Rows, *, is_wide: bool = True) -> Chart:
        columns = (Column("Product", "name", is_name=True), Column("Net", "net", words.AMOUNT))
        table = Table(f"{title}: figures", columns, source, noun=("product", "products"))
        drawing = charts.ranked_bars("label", "net", "EUR", EUR, width=880 if is_wide else 420)
        return Chart(chart_id, title, drawing, table, "Bars.", is_wide=is_wide)

    def points(chart_id: str, title: str, form: words.Form, axis_format: str) -> Chart:
        columns = (
            Column("Cohort", "cohort", words.MONTH),
            Column("Window", "window"),
            Column("Rate", "rate", form),
            Column("State", "state"),
        )
        drawing = charts.cohort_points(
            "cohort", "window", {"7": "7 days", "30": "30 days"}, "rate", title, form, axis_format
        )
        return Chart(
            chart_id,
            title,
            drawing,
            Table(f"{title}, by cohort", columns, Rows(kept)),
            "Points.",
            is_wide=False,
        )

    best = Rows(goods, ("label", "name"), "net", is_descending=True, limit=5)
    both = {"net": "Net", "cost": "Cost"}
    measures = (
        Measure("Net revenue", sales, "net", EUR, "up"),
        Measure("Orders", sales, "orders", words.COUNT, "up"),
        Measure("Average order value", sales, "average", EUR, "up"),
        Measure("Return rate", sales, "rate", words.PERCENT, "down"),
        Measure("Stock", sales, "stock", words.COUNT, is_balance=True),
        Measure("Rows landed", landed(), "rows", words.COUNT),
        Measure("Retention", kept, "rate", words.PERCENT),
        Measure("Nothing", nothing, "net", EUR),
    )
    names = Table(
        "Countries",
        (
            Column("Country", "country", is_name=True),
            Column("Net", "net", EUR),
            Column("Average", "average", EUR),
        ),
        Rows(sales, ("country",), "net", is_descending=True),
        "countries",
        noun=("country", "countries"),
    )
    files = Table(
        "Files",
        (
            Column("At", "at", words.INSTANT), Column("Day", "at", words.DAY), Column("File", "file"),
            Column("Share", "share", words.PERCENT), Column("Rows", "rows", words.COUNT),
            Column("Seconds", "share", words.Form("number", "s", 3)),
        ),
        Rows(landed(), order="file"),
        "files",
        "A note.",
    )  # fmt: skip
    files = Table(files.caption, files.columns, Rows(measures[5].dataset, order="file"), "files", files.note)
    return Page(
        name="sample",
        title=f"A sample of {SCRIPT}",
        summary=Sentence(f"In 28 days \u2068{HOSTILE[2]}\u2069 sold nothing; {HOSTILE[3]} did.", ("fct_orders", "mart_sales")),
        origin=ORIGIN,
        as_of=periods.last,
        period=periods.spans[0],
        as_of_note=" (configured)",
        facts=(Fact("Reporting currency", "EUR"), Fact("x" * 100, "y" * 100)),
        definitions=(Definition("Net revenue", "What is left."), Definition(SCRIPT, "Text.")),
        warnings=("The orders are 3 days late.", HOSTILE[4]),
        filters=periods.filters("Country", "All countries", MEMBERS),
        links={"index.html": "All reports"},
        sections=(
            Section(
                "key", "Key figures", (Sentence("Net revenue rose.", ("fct_revenue_daily",)),),
                tuple(tile(each, periods.now, periods.before) for each in measures),
            ),
            Section(
                "revenue", "Revenue",
                charts=(
                    trend("net", "Net revenue", both),
                    trend("four", "Four series", {**both, "back": "Sent back", "average": "Average"}),
                    trend("average", "Average order value", {"average": "Average"}, is_wide=False),
                    trend("rate", "Return rate", {"rate": SCRIPT, "net": "It's \"net\" \\"}, form=words.PERCENT, is_wide=False),
                    stack("stack", "Stacked", {"net": "Net", "orders": "Orders", "returned": "Returned", "stock": "Stock"}),
                    stack("stack-two", "Stack of two", both),
                ),
            ),
            Section(
                "products", "Products", (Sentence("It leads."),),
                charts=(
                    ranking("best", "Best products", best),
                    ranking("worst", "Worst products", Rows(goods, ("label", "name"), "net"), is_wide=False),
                    ranking("one-bar", "One product", Rows(goods, ("label", "name"), "net", limit=1), is_wide=False),
                    points("retention", "Retention", words.PERCENT, ".0%"),
                    points("value", "Lifetime value", EUR, "~s"),
                ),
                tables=(names, files),
            ),
            Section("edges", "Edges", charts=(
                trend("empty", "No week", both, nothing),
                trend("single", "One week", both, single),
            )),
            Section("none", "Nothing here", empty="Nothing has been sold yet."),
            Section("list", "Other pages", entries=(
                Entry("index.html", "Good", "A text.", ("run 1",)),
                Entry("index.html", SCRIPT, "A text.", ("run 1", "x" * 80), "Late."),
                Entry("index.html", "Small", "A text.", is_small=True),
            )),
        ),
    )  # fmt: skip


def one_day_page() -> Page:
    """The first day of a shop: no filter has anything to choose from, no figure has a past."""
    frame = pl.DataFrame({"day": [FIRST], "net": [Decimal("12.50")], "orders": [1]})
    sales = Dataset("sales", frame, "day", ratios={"average": Ratio("net", "orders")})
    periods = periods_of(FIRST, FIRST)
    table = Table(
        "Sales by day", (Column("Day", "day", words.DAY), Column("Net", "net", EUR)), Rows(sales, order="day")
    )
    drawing = charts.trend("day", {"net": "Net", "average": "Average"}, "EUR", EUR)
    chart = Chart("net", "Net revenue", drawing, table, "A point.")
    measures = (Measure("Net revenue", sales, "net", EUR, "up"), Measure("Average", sales, "average", EUR))
    section = Section(
        "sales", "Sales", (), tuple(tile(each, periods.now, periods.before) for each in measures), (chart,)
    )
    return Page(
        "one-day",
        "One day",
        Sentence("One order."),
        ORIGIN,
        FIRST,
        periods.spans[0],
        (section,),
        filters=periods.filters(),
    )


def hostile_shop(shop: "Shop") -> "Shop":
    """Its products have names that would like to run."""
    for number, name in enumerate(HOSTILE):
        shop.insert("dim_product_current", (f"h{number}", name))
        shop.day(number, "9000", orders=1, units=1, country=name[:120], product=f"h{number}")
    return shop


def hostile_lake(published: "Published") -> "Published":
    """Its feeds, files and reasons have names that would like to run."""
    for number, name in enumerate(HOSTILE):
        published.file(name, number, 10, bad=1, name=f"{name}/{number}.csv")
        published.reject(
            name, number, f"{name}: {name}", row=json.dumps({name: name}), file=f"{name}/{number}.csv"
        )
        published.feed(name, limit=1, age=100)
        published.check(name, "error", name, passed=False)
    return published


def hostile_trials(tried: "Tried") -> "Tried":
    """Two experiments, of which every name would like to run; figures are missing, few, and far away."""
    tried.experiment(
        "tried", SCRIPT, "x" * 300, HOSTILE[2], name=SCRIPT, hypothesis=HOSTILE[4], owner=HOSTILE[1]
    )
    tried.healthy("tried", freshness="warn", contamination="fail")
    for place, variant in enumerate(("control", SCRIPT, "x" * 300, HOSTILE[2])):
        tried.booked("tried", variant, "1234567.891", 10 * place)
        tried.seen("tried", variant, 3 + place, day=3 + 2 * place)
        tried.seen("tried", variant, 1, reason=f"rule: {HOSTILE[place]}")
        if variant == "control":
            continue
        for number, metric in enumerate((*HOSTILE[:4], "orders")):
            adjusted = (
                {"cuped_lift": 0.1, "cuped_lift_low": 0.02, "cuped_lift_high": 0.2} if number % 2 else {}
            )
            far = {"lift": 40.0, "lift_low": None, "lift_high": None} if number == 2 else {}
            role = ("primary", "secondary", "guardrail")[min(number, 2)]
            tried.reads(
                "tried", variant, metric, label=metric, role=role, margin=0.1, kind="mean", **adjusted, **far
            )
        for number, value in enumerate(HOSTILE):
            tried.segment(
                "tried", variant, value, None if number == 3 else number / 10 - 0.2, metric=HOSTILE[0]
            )
        for day in range(2, 2 + 14 * (place - 1)):
            outer = (0.1 - 3 / day, 0.1 + 3 / day) if place == 2 and day > 4 else None
            tried.day("tried", variant, day, None if day == 5 else 0.1 + 1 / day, outer)
        tried.handled(
            "tried", variant, exclude="ship", first_exposure="keep running", intention_to_treat=None
        )
    quasi = {
        "design": "synthetic_control",
        "unit": None,
        "control": "untreated",
        "starts": "1989",
        "ends": None,
    }
    tried.experiment("observed", name=HOSTILE[3], **quasi)
    tried.healthy("observed")
    tried.reads(
        "observed", "treated", control="untreated", label=SCRIPT, lift=-0.2, lift_low=-0.3, lift_high=-0.1
    )
    tried.panel(
        "observed", [str(year) for year in range(1980, 2000)], {"north": 9, "south": None, "west": None}
    )
    return tried


def hostile_alarms(alarmed: "Alarmed") -> "Alarmed":
    """Anomalies, of which every name would like to run, above those of an ordinary day."""
    for place, name in enumerate(HOSTILE):
        kpi, money = f"kpi{place}", 1e9 / (place + 1)
        label = SCRIPT if place == 0 else f"The {place}th KPI"
        unit = name if place % 2 else "reporting currency"
        alarmed.kpi(kpi, label=label, owner=name, unit=unit, unjudged={name: 2}, is_additive=bool(place % 2))
        segment = {"dimension": f"of {name}"[:30], "segment": name}
        alarmed.values(kpi, money, out={0: 0.1, 1: 1.9}, **segment)
        alarmed.anomaly(
            f"{name}-{place}", kpi, 3, 1, -money, 1.5 * money, money=money, methods=[name, name], note=name, sentence=name,
            explanation=name, is_good=place % 3 == 0, verdict="causes", **segment,
        )  # fmt: skip
        for rank, each in enumerate(HOSTILE):
            alarmed.cause(
                f"{name}-{place}",
                rank + 1,
                each,
                money / (rank + 1) * (-1) ** rank,
                sentence=f"{each}: {each}",
            )
            alarmed.factor(f"{name}-{place}", each, money / (rank + 2))
        alarmed.anomaly(f"part {name}", kpi, 3, 2, 10.0, 3.0, part_of=f"{name}-{place}", note=name, **segment)
        alarmed.anomaly(f"muted {name}", kpi, 30, 28, 10.0, 3.0, status="muted", note=name, **segment)
    alarmed.kpi("long", label="x" * 300, unit="x" * 300, status=HOSTILE[4], judged=0)
    alarmed.anomaly("long", "long", 30, 28, 1e10, 3.0)
    return alarmed


@pytest.fixture(scope="session")
def built(
    kept_shop: "Shop", kept_published: "Published", kept_tried: "Tried", kept_alarmed: "Alarmed"
) -> dict[str, Page]:
    """The pages by name, before they became files."""
    pages = [
        sample_page(),
        one_day_page(),
        commerce_page(hostile_shop(kept_shop).connection, ORIGIN),
        hostile_lake(kept_published).page,
        hostile_alarms(kept_alarmed).page,
        *hostile_trials(kept_tried).pages.values(),
    ]
    return {page.name: page for page in pages}


@pytest.fixture(scope="session")
def pages(
    built: dict[str, Page], built_once: Callable[[str, Callable[[Path], None]], Path]
) -> dict[str, Path]:
    """The pages' files by name, and the index of them with an earlier issue."""

    def fill(folder: Path) -> None:
        issue_report(replace(built["one-day"], as_of=FIRST - timedelta(days=1)), folder, 3650)
        for page in built.values():
            issue_report(page, folder, 3650, folder / "cache")

    folder = built_once("report-pages", fill)
    return {name: folder / f"{name}.html" for name in (*built, "index")}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each page's name in turn."""
    return str(request.param)


@pytest.fixture(params=FILTERED)
def filtered(request: pytest.FixtureRequest) -> str:
    """The name of each page with filters in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt install chromium")
    expect.set_options(timeout=30_000)  # a machine that is busy with other tests draws slowly
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Visits:
    """Tabs on pages, and whatever a silent page doesn't do: messages, errors, dialogs, requests, refused content."""

    browser: Browser
    pages: dict[str, Path]
    noise: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self,
        name: str,
        *,
        width: int = 1280,
        height: int = 900,
        is_dark: bool = False,
        has_scripts: bool = True,
        time_zone: str = "UTC",
        drawn: str = "figure",
    ) -> Tab:
        """A tab with the page; the selected charts have been drawn by the page's own script, where there is one."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if is_dark else "light",
            java_script_enabled=has_scripts,
            timezone_id=time_zone,
        )
        self.contexts.append(context)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', "
            "each => console.error('refused: ' + each.violatedDirective + ' ' + each.sample))"
        )
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.noise.append(f"{name}: error: {error.error}"))
        context.on("dialog", lambda dialog: self.noise.append(f"{name}: dialog: {dialog.message}"))
        context.on(
            "request",
            lambda request: (
                None
                if request.is_navigation_request() or request.url == "data:,"
                else self.noise.append(f"{name}: request: {request.url[:200]}")
            ),
        )
        tab = context.new_page()
        tab.goto(self.pages[name].as_uri())
        for figure in (
            tab.locator(f":is({drawn}):has(.drawing:not([hidden]))").all() if has_scripts and drawn else ()
        ):
            figure.scroll_into_view_if_needed()
            figure.locator(".live svg").wait_for(state="attached")
        if has_scripts:
            tab.evaluate("scrollTo(0, 0)")
        return tab

    def _hear(self, message: ConsoleMessage) -> None:
        self.noise.append(f"console: {message.text}")


@pytest.fixture
def visit(browser: Browser, pages: dict[str, Path]) -> Iterator[Callable[..., Tab]]:
    """Opens pages; the test fails when one of them was not silent."""
    visits = Visits(browser, pages)
    yield visits
    for context in visits.contexts:
        context.close()
    assert visits.noise == []
