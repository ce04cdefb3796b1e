"""One sentence per anomaly, in the numbers that a reader holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from lakehouse.metrics.anomalies.found import Found
from lakehouse.metrics.anomalies.series import Series
from lakehouse.metrics.anomalies.wording import sentence, value
from lakehouse.metrics.definition import Kpi

ORDERS = {"label": "Orders", "value": "count(*)", "unit": "orders"}
RATE = {
    "label": "Approval rate",
    "numerator": "count(*) filter (where amount > 0)",
    "denominator": "count(*)",
    "unit": "ratio",
}
ACTIVE = {"label": "Active customers", "value": "count(distinct product)", "unit": "customers"}

SENTENCES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a day": (ORDERS, {}, "Orders: 50 on 5 May 2025, 50% below the 100 expected."),
    "a segment": (
        ORDERS,
        {"place": ("payment_method", "paypal"), "is_open": True},
        "Orders, payment method paypal: 50 on 5 May 2025, 50% below the 100 expected, and it may go on.",
    ),
    "days of one month": (ORDERS, {"end": date(2025, 5, 9)}, "Orders: 50 from 5 to 9 May 2025, 50% below the 100 expected."),
    "days of two months": (
        ORDERS, {"end": date(2025, 6, 2)}, "Orders: 50 from 5 May to 2 Jun 2025, 50% below the 100 expected."
    ),
    "over the year's end": (
        ORDERS, {"end": date(2026, 1, 2)}, "Orders: 50 from 5 May 2025 to 2 Jan 2026, 50% below the 100 expected."
    ),
    "many times": (ORDERS, {"actual": 1234.0}, "Orders: 1,234 on 5 May 2025, 12.3 times the 100 expected."),
    "out of nothing": (ORDERS, {"expected": 0.0}, "Orders: 50 on 5 May 2025, where 0 was expected."),
    "a ratio": (RATE, {"expected": 0.9, "actual": 0.855}, "Approval rate: 85.5% on 5 May 2025, 5% below the 90.0% expected."),
    "a mean per day": (
        ACTIVE,
        {"end": date(2025, 5, 6), "periods": (1, 2)},
        "Active customers: 50 a day from 5 to 6 May 2025, 50% below the 100 expected.",
    ),
    "a drift": (
        ORDERS,
        {"end": date(2025, 8, 3), "methods": ("trend",)},
        "Orders went down steadily from 5 May to 3 Aug 2025: 50, 50% below the 100 expected.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences(name: str, kpi_of: Callable[..., Kpi]) -> None:
    kpi, said, expected = SENTENCES[name]
    told = dict(said)
    series = Series(kpi_of(**kpi), "daily", *told.pop("place", ("", "")), 400, "ok")
    start = date(2025, 5, 5)
    common: dict[str, Any] = {
        "direction": "down", "is_open": False, "methods": ("expectation",), "p_value": 1e-4, "confidence": 0.7,
        "expected": 100.0, "actual": 50.0, "periods": (1,),
    }  # fmt: skip
    found = Found(series, start, start, told.pop("end", start), **{**common, **told})
    assert sentence(found) == expected


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(0.1234, "ratio", "12.3%"), (0.00123, "ratio", "0.12%"), (0.0, "ratio", "0.0%"), (12.345, "EUR", "12.3"), (1234.5, "EUR", "1,234"), (7.0, "orders", "7")],
)  # fmt: skip
def test_values(number: float, unit: str, text: str) -> None:
    assert value(number, unit) == text
