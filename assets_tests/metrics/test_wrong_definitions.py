"""A wrong definition stops the load with the file, the key, what was expected and the nearest right name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.catalog import Catalog, load_catalog
from lakehouse.configuration import ConfigurationError
from lakehouse.metrics.load import load_kpis

GOOD: dict[str, Any] = {
    "label": "Orders of ours",
    "owner": "Operations",
    "unit": "orders",
    "direction": "up",
    "cadence": ["daily", "weekly"],
    "source": "fct_orders",
    "time": "order_date",
    "value": "count(*)",
    "dimensions": ["country"],
}
NAMED = "ours/metrics/definitions/our_orders.yaml"


def write(root: Path, stem: str = "our_orders", **changes: object) -> Path:
    """A team's folder with the good definition and its changes; None takes a key away."""
    folder = root / "ours" / "metrics" / "definitions"
    folder.mkdir(parents=True, exist_ok=True)
    said = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    (folder / f"{stem}.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return root / "ours"


FORMS: dict[str, tuple[dict[str, object], str]] = {
    "unknown key": (
        {"dimension": ["country"]},
        'dimension: expected a known key, found "dimension".\n  Did you mean "dimensions"?',
    ),
    "no label": ({"label": None}, "label: expected a value, found nothing."),
    "no source": ({"source": None}, "source: expected a value, found nothing."),
    "unknown owner": (
        {"owner": "Sales"},
        "owner: expected 'Finance', 'Operations', 'Product', 'Marketing' or 'Risk', found \"Sales\".",
    ),
    "unknown direction": ({"direction": "higher"}, "direction: expected 'up', 'down' or 'neither', found"),
    "unknown cadence": (
        {"cadence": "monthly"},
        "cadence.0: expected 'daily' or 'weekly', found \"monthly\".",
    ),
    "cadence twice": (
        {"cadence": ["daily", "daily"]},
        "cadence: expected each cadence once, found daily, daily.",
    ),
    "no cadence": ({"cadence": []}, "cadence: expected"),
    "unknown money": (
        {"money": "total_revenu"},
        'money: expected another KPI, found "total_revenu".\n  Did you mean "total_revenue"?',
    ),
    "money of its own": ({"money": "our_orders"}, 'money: expected another KPI, found "our_orders".'),
    "unknown factor": (
        {"factors": ["order_count", "revenue_by_order"]},
        'factors: expected another KPI, found "revenue_by_order".',
    ),
    "no value": ({"value": None}, "expected value, or numerator and denominator, found none."),
    "value and ratio": (
        {"numerator": "count(*)", "denominator": "count(*)"},
        "expected value, or numerator and denominator, found value and numerator and denominator.",
    ),
    "half a ratio": (
        {"value": None, "numerator": "count(*)"},
        "expected value, or numerator and denominator, found numerator.",
    ),
    "top of a ratio": (
        {
            "value": None,
            "numerator": "count(*)",
            "denominator": "count(*)",
            "top": {"by": "country", "count": 3},
        },
        "expected value beside top, found numerator and denominator.",
    ),
    "top of none": (
        {"top": {"by": "country", "count": 0}},
        "top.count: expected greater than or equal to 1, found 0.",
    ),
    "dimensions as text": (
        {"dimensions": "country"},
        'dimensions: expected a list of columns, or names with the SQL of one row, found "country".',
    ),
    "dimension twice": (
        {"dimensions": ["country", "country"]},
        "dimensions: expected each dimension once, found country twice.",
    ),
    "dimension's name": (
        {"dimensions": {"By Country": "country"}},
        'dimensions: expected a lower-case name such as country, found "By Country".',
    ),
    "target of another cadence": (
        {"cadence": "daily", "target": {"weekly": 5}},
        "expected targets of daily, found weekly.",
    ),
    "one target for day and week": (
        {"target": 5},
        "expected a target for each cadence, found 5.\n  A week's value is not a day's: target: {daily: 5, weekly: ...}.",
    ),
    "thresholds crossed": (
        {"thresholds": {"low": 2, "high": 1}},
        "thresholds: expected low below high, found 2.0 and 1.0.",
    ),
    "thresholds' key": (
        {"thresholds": {"lower": 2}},
        'thresholds.lower: expected a known key, found "lower".\n  Did you mean "low"?',
    ),
    "no sensitivity": ({"sensitivity": 0}, "sensitivity: expected greater than 0, found 0."),
    "endless target": ({"cadence": "daily", "target": float("inf")}, "target"),
    "another name": ({"name": "others"}, 'name: expected "our_orders", found "others".'),
    "closed day": (
        {"calendar": {"closed": ["sundays"]}},
        'calendar.closed.0: expected a date such as 2026-12-25 or a weekday, found "sundays".\n  Did you mean "sunday"?',
    ),
    "closed number": (
        {"calendar": {"closed": [7]}},
        "calendar.closed.0: expected a date such as 2026-12-25 or a weekday, found 7.",
    ),
    "unknown country": (
        {"calendar": {"holidays": ["Germny"]}},
        'calendar.holidays.0: expected a country by ISO code or English name, or home, found "Germny".\n  Did you mean "Germany"?',
    ),
    "the country NO": (
        {"calendar": {"holidays": [False]}},
        "calendar.holidays.0: expected a country by ISO code or English name, or home, found false.\n  Write Norway, or NO in quotes.",
    ),
}


@pytest.mark.parametrize("case", FORMS)
def test_a_wrong_form_is_told_by_file_and_key(case: str, tmp_path: Path) -> None:
    changes, told = FORMS[case]
    with pytest.raises(ConfigurationError) as caught:
        load_kpis(write(tmp_path, **changes))
    assert f"{NAMED}: {told}" in str(caught.value)


def test_files_that_nothing_would_read_and_broken_ones_are_told_together(tmp_path: Path) -> None:
    root = write(tmp_path)
    folder = root / "metrics" / "definitions"
    (folder / "our_orders.yml").write_text("label: again", encoding="utf-8")
    (folder / "Our Orders.yaml").write_text("label: again", encoding="utf-8")
    (folder / "broken.yaml").write_text("label: [", encoding="utf-8")
    (folder / "list.yaml").write_text("- label", encoding="utf-8")
    (root / "metrics" / "astray.yaml").write_text("label: astray", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_kpis(root)
    told = str(caught.value)
    assert "5 problems" in told
    for expected in (
        "ours/metrics/astray.yaml: expected the folder definitions and calendar.yaml only, found astray.yaml.",
        "our_orders.yml: expected one file per KPI, found our_orders.yaml, too.",
        'Our Orders.yaml: expected a lower-case file name, found "Our Orders".',
        "broken.yaml: line",
        "list.yaml: expected a mapping of keys to values",
    ):
        assert expected in told


def test_every_mistake_against_the_lake_is_told_at_once(tmp_path: Path) -> None:
    root = write(tmp_path, "table", source="fct_order")
    write(tmp_path, "unpublished", source="core_orders", time="created_at")
    write(tmp_path, "columns", time="order_dat", dimensions=["countri"], filter="is_purchas", n="sum(unit)")
    write(tmp_path, "function", value="median(units)")
    write(tmp_path, "row", value="units", dimensions={"size": "sum(units)"})
    write(tmp_path, "text", value="max(country)")
    write(tmp_path, "no_time", time="country")
    write(tmp_path, "no_truth", filter="order_date")
    write(tmp_path, "group", top={"by": "product", "count": 3})
    write(tmp_path, "feed", calendar={"promotions": "order"})
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(root)
    told = str(caught.value)
    at = "ours/metrics/definitions"
    for expected in (
        f'{at}/table.yaml: source: expected a published model, found "fct_order".\n  Did you mean "fct_orders"?',
        f'{at}/unpublished.yaml: source: expected a published model, found "core_orders".',
        f'{at}/columns.yaml: time: expected a column of fct_orders, found "order_dat".\n  Did you mean "order_date"?',
        f'{at}/columns.yaml: dimensions: expected a column of fct_orders, found "countri".\n  Did you mean "country"?',
        f'{at}/columns.yaml: filter: expected a column of fct_orders, found "is_purchas".\n  Did you mean "is_purchase"?',
        f'{at}/columns.yaml: n: expected a column of fct_orders, found "unit".\n  Did you mean "units"?',
        f"{at}/function.yaml: value: expected only known functions, found median.",
        f'{at}/row.yaml: value: expected an aggregate such as sum(amount), found "units".',
        f"{at}/row.yaml: dimensions.size: expected an expression over one row, found an aggregate",
        f"{at}/text.yaml: value: expected SQL that DuckDB understands",
        f"{at}/no_time.yaml: time: expected SQL that DuckDB understands",
        f"{at}/no_truth.yaml: filter: expected SQL that DuckDB understands",
        f'{at}/group.yaml: top.by: expected a column of fct_orders, found "product".',
        f'{at}/feed.yaml: calendar.promotions: expected a feed, found "order".\n  Did you mean "orders"?',
    ):
        assert expected in told
    assert "14 problems" in told


def test_a_teams_definition_wins_over_the_shipped_one_of_the_same_name(
    tmp_path: Path, catalog: Catalog
) -> None:
    kpis = load_kpis(write(tmp_path, "order_count", label="Parcels"))
    assert kpis["order_count"].label == "Parcels"
    assert kpis.keys() == catalog.kpis.keys()


def test_a_good_definition_of_ones_own_is_planned_with_the_feeds_behind_its_time(tmp_path: Path) -> None:
    root = write(tmp_path, dimensions={"is_web": "channel = 'web'"}, target={"daily": 10, "weekly": 70})
    plans = {plan.kpi.name: plan for plan in load_catalog(root).kpi_plans}
    assert plans["our_orders"].kpi.target_for("weekly") == 70
    assert [feed.table for feed in plans["our_orders"].feeds] == ["stg_online_retail", "stg_orders"]
    assert [feed.table for feed in plans["net_revenue"].feeds] == [
        "stg_online_retail",
        "stg_orders",
        "stg_returns",
    ]
