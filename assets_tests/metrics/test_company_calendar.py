"""The calendar of all KPIs: the shipped file, a team's own over it, a KPI's own keys over both, and their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.catalog import Catalog, load_catalog
from lakehouse.configuration import ConfigurationError
from lakehouse.metrics.load import load_kpis

KPI = """\
label: Orders of ours
owner: Operations
unit: orders
direction: up
cadence: daily
source: fct_orders
time: order_date
value: count(*)
"""
DEALS = """\
description: One row per deal.
owner: marketing
key: [deal_id]
columns:
  deal_id:   {type: id, required: true, description: Its number.}
  start_on:  {type: date, description: First day.}
  ends_on:   {type: timestamp, description: Last day.}
"""


def write(root: Path, **files: str) -> Path:
    """A team's folder: `calendar`, and KPIs by name with what they say beyond the common."""
    folder = root / "ours" / "metrics"
    (folder / "definitions").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if name == "calendar":
            (folder / "calendar.yaml").write_text(text, encoding="utf-8")
        else:
            (folder / "definitions" / f"{name}.yaml").write_text(KPI + text, encoding="utf-8")
    return root / "ours"


def test_the_shipped_calendar_holds_for_every_shipped_kpi(catalog: Catalog) -> None:
    said = {
        (kpi.calendar.holidays, kpi.calendar.closed, kpi.calendar.promotions) for kpi in catalog.kpis.values()
    }
    assert said == {(("home",), (), "promotions")}


def test_a_teams_calendar_and_then_a_kpis_own_win_key_by_key(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        calendar="holidays: [DE, France]\nclosed: sunday\n",
        plain="",
        own="calendar: {holidays: [], promotions: null}\n",
        shut="calendar: {closed: [2026-12-24]}\n",
    )
    kpis = load_catalog(root).kpis
    shown = {
        name: (kpis[name].calendar.holidays, kpis[name].calendar.closed, kpis[name].calendar.promotions)
        for name in ("plain", "own", "order_count")
    }
    assert shown["plain"] == shown["order_count"] == (("DE", "FR"), ("sunday",), "promotions")
    assert shown["own"] == ((), ("sunday",), None)
    assert [str(day) for day in kpis["shut"].calendar.closed] == ["2026-12-24"]
    assert kpis["shut"].calendar.holidays == ("DE", "FR")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("holiday: [DE]", 'holiday: expected a known key, found "holiday".\n  Did you mean "holidays"?'),
        (
            "holidays: [DE, Frence]",
            'holidays.1: expected a country by ISO code or English name, or home, found "Frence".\n  Did you mean "France"?',
        ),
        ("closed: [someday]", 'closed.0: expected a date such as 2026-12-25 or a weekday, found "someday".'),
        (
            "closed: [2026-02-30]",
            'closed.0: expected a date such as 2026-12-25 or a weekday, found "2026-02-30".',
        ),
        ("- closed", " expected a mapping of keys to values"),
        ("closed: [", "line 1: expected valid YAML"),
        ("promotions: [a]", "promotions: expected a"),
    ],
)
def test_a_wrong_calendar_is_told_by_file_and_key_once(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_kpis(write(tmp_path, calendar=text, plain=""))
    assert "1 problem in" in str(caught.value)
    assert f"ours/metrics/calendar.yaml:{'' if told[0] == ' ' else ' '}{told}" in str(caught.value)


def test_wrong_definitions_and_a_wrong_calendar_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="2 problems in"):
        load_kpis(write(tmp_path, calendar="holiday: []", plain="money: 7\n"))


def test_an_unknown_feed_is_told_once_where_it_stands(tmp_path: Path) -> None:
    root = write(tmp_path, calendar="promotions: promotion", plain="", own="calendar: {promotions: order}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(root)
    told = str(caught.value)
    assert "2 problems in" in told
    assert (
        'ours/metrics/calendar.yaml: promotions: expected a feed, found "promotion".\n  Did you mean "promotions"?'
        in told
    )
    assert (
        'ours/metrics/definitions/own.yaml: calendar.promotions: expected a feed, found "order".\n'
        '  Did you mean "orders"?'
    ) in told


def test_a_feed_of_promotions_tells_first_and_last_days(tmp_path: Path) -> None:
    root = write(tmp_path, calendar="promotions: deals")
    (root / "contracts").mkdir()
    (root / "contracts" / "deals.yaml").write_text(DEALS, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(root)
    told = str(caught.value)
    for expected in (
        'promotions: expected a feed with a date starts_on, found none in "deals".\n  Did you mean "start_on"?',
        "promotions: expected a feed with a date ends_on, found a timestamp.\n  Make it of type date.",
    ):
        assert f"ours/metrics/calendar.yaml: {expected}" in told
