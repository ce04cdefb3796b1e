"""The page's own script reckons exactly as Python does: the same rows, the same figures, the same words, for any data."""

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

import polars as pl
from playwright.sync_api import Browser

from lakehouse.reports import words
from lakehouse.reports.dataset import (
    ALL,
    Dataset,
    Filter,
    Measure,
    Ratio,
    Rows,
    form_json,
    narrowed,
    value_of,
)

FIRST = date(2025, 1, 1)
NAMES = ["a", "B", "é", "\ufb01", "😀", "2025-01-06", "a\nb", "", "=1+1", "\u202eא"]
FORMS = (
    *(words.Form(kind, unit) for kind in ("amount", "count", "percent") for unit in ("", "EUR")),
    words.Form("number", "s", 0),
    words.Form("number", "", 7),
    words.DAY, words.MONTH, words.INSTANT, words.TEXT,
)  # fmt: skip

RUN = """(cases) => cases.map(({ datasets, sources, measures, filters, forms }) => {
    const PAGE = { datasets };
    RULES
    const read = (source, row) => Object.fromEntries(Object.entries(row).map(([name, value]) =>
        [name, forms.map((form) => shown(value, form, kindOf(source.dataset, name)))]));
    return filters.map((filter) => [
        sources.map((source) => narrowed(source, filter).map((row) => read(source, row))),
        measures.map((measure) => {
            const [now, before] = [valueOf(measure, filter), valueOf(measure, filters[0])];
            return [forms.map((form) => shown(now, form, "number")), change(now, before, false), change(now, before, true)];
        }),
    ]);
})"""


def some_dataset(chance: random.Random) -> Dataset:
    def maybe(value: Callable[[], Any]) -> Any:
        return None if chance.random() < 0.15 else value()

    def amount(scale: int) -> Decimal:
        digits = chance.choice((1, 4, 12, 25))
        return Decimal(chance.randint(-(10**digits), 10**digits)).scaleb(-scale)

    rows = [
        (
            maybe(lambda: FIRST + timedelta(days=chance.randint(0, 4))),
            maybe(lambda: chance.choice((ALL, ALL, "Germany", "\u202eright"))),
            maybe(lambda: chance.choice(NAMES)),
            maybe(lambda: datetime(2025, 1, chance.randint(1, 3), 5, 6, 7, chance.choice((0, 500_000)))),
            maybe(lambda: amount(4)),
            maybe(lambda: chance.randint(-5, 5)),
            maybe(lambda: chance.choice((0.1, 2.5, float("nan"), float("inf"), 0.0))),
            maybe(lambda: amount(9)),
        )
        for _ in range(chance.randint(0, 15))
    ]
    schema = {
        "day": pl.Date, "country": pl.String, "name": pl.String, "at": pl.Datetime("us"), "net": pl.Decimal(38, 4),
        "orders": pl.Int32, "rate": pl.Float64, "fine": pl.Decimal(38, 9),
    }  # fmt: skip
    ratios = {"average": Ratio("net", "orders"), "per": Ratio("orders", "fine"), "odd": Ratio("rate", "net")}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Dataset("d", frame, chance.choice(("day", "at", None)), chance.choice(("country", None)), ratios)


def change_of(now: Any, before: Any, *, is_share: bool) -> list[str]:
    moved = (words.change_in_points if is_share else words.change)(now, before)
    return [moved.direction, moved.words]


def test_the_script_and_python_agree_on_any_rows_under_any_filter(browser: Browser) -> None:
    chance = random.Random(20250301)
    cases, expected = [], []
    for _ in range(40):
        dataset = some_dataset(chance)
        group = chance.choice(((), ("country",), ("name",), ("day", "country"), ("at",)))
        order = chance.choice(("", "net", "average", "orders", *(group or ("name", "day", "at"))))
        source = Rows(dataset, group, order, chance.random() < 0.5)
        measures = [
            Measure("m", dataset, column, words.COUNT, None, chance.random() < 0.5)
            for column in ("net", "orders", "rate", "fine", "average", "per", "odd")
        ]
        days = sorted(FIRST + timedelta(days=chance.randint(0, 4)) for _ in range(2))
        choices = [
            Filter(),
            Filter(days[0], days[1]),
            Filter(None, days[0], "Germany"),
            Filter(member="\u202eright"),
        ]
        cases.append(
            {
                "datasets": {"d": dataset.to_json()},
                "sources": [source.to_json()],
                "measures": [each.to_json() for each in measures],
                "filters": [
                    {
                        "first": each.first and each.first.isoformat(),
                        "last": each.last and each.last.isoformat(),
                        "member": each.member,
                    }
                    for each in choices
                ],
                "forms": [form_json(form) for form in FORMS],
            }
        )
        expected.append(
            [
                [
                    [
                        [
                            {name: [words.show(value, form) for form in FORMS] for name, value in row.items()}
                            for row in narrowed(source, each).iter_rows(named=True)
                        ]
                    ],
                    [
                        [
                            [words.show(value_of(measure, each), form) for form in FORMS],
                            *(
                                change_of(
                                    value_of(measure, each), value_of(measure, choices[0]), is_share=is_share
                                )
                                for is_share in (False, True)
                            ),
                        ]
                        for measure in measures
                    ],
                ]
                for each in choices
            ]
        )
    rules = (files("lakehouse.reports") / "templates" / "dataset.js").read_text(encoding="utf-8")
    tab = browser.new_page()
    found = tab.evaluate(RUN.replace("RULES", rules), json.loads(json.dumps(cases)))
    tab.close()

    for ours, theirs in zip(expected, found, strict=True):
        assert theirs == ours
