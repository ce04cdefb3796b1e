"""The real file of Online Retail through the public path: land, run, query.

What the file comes to, landed whole, and that 305 daily files in any order come to the same.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

FEED = "online_retail"
DAYS = 305
NET_REVENUE = Decimal("9758809.994")

# Figures of the real file: of its lines, then of what the lake makes of them.
IN_THE_WAREHOUSE: dict[str, tuple[str, tuple[Any, ...]]] = {
    "lines": ("select count(*) from stg_online_retail", (541_909,)),
    "worth of all lines": (
        "select sum(quantity * unit_price) from stg_online_retail",
        (Decimal("9747747.934"),),
    ),
    "credit lines, on credit notes, worth": (
        (
            "select count(*), count(distinct invoice_no), sum(quantity * unit_price) from stg_online_retail "
            "where invoice_no like 'C%'"
        ),
        (9_288, 3_836, Decimal("-896812.49")),
    ),
    "bad debt lines and their net": (
        "select count(*), sum(quantity * unit_price) from stg_online_retail where invoice_no like 'A%'",
        (3, Decimal("-11062.06")),
    ),
    "known customer and positive quantity and price": (
        (
            "select count(*), sum(quantity * unit_price) from stg_online_retail "
            "where customer_id is not null and quantity > 0 and unit_price > 0"
        ),
        (397_884, Decimal("8911407.904")),
    ),
    "price 0, of them negative": (
        "select count(*), count(*) filter (where quantity < 0) from stg_online_retail where unit_price = 0",
        (2_515, 1_336),
    ),
    "invoices, countries, customers": (
        (
            "select count(distinct invoice_no), count(distinct country), count(distinct customer_id) "
            "from stg_online_retail"
        ),
        (25_900, 38, 4_372),
    ),
    "without customer, without description": (
        (
            "select count(*) filter (where customer_id is null), count(*) filter (where description is null) "
            "from stg_online_retail"
        ),
        (135_080, 1_454),
    ),
    "stock codes as written, and upper-cased": (
        "select count(distinct stock_code), count(distinct upper(stock_code)) from stg_online_retail",
        (4_070, 3_958),
    ),
    "nothing in quarantine": ("select count(*) from quarantine", (0,)),
    "ids carry the source's name": (
        "select count(*) filter (where order_id like 'online_retail:%') = count(*) from core_orders",
        (True,),
    ),
}
PUBLISHED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "net revenue of orders": ("select sum(net_revenue) from fct_orders", (NET_REVENUE,)),
    "net revenue of days": ("select sum(net_revenue) from fct_revenue_daily", (NET_REVENUE,)),
    "refunds": (
        "select count(*), sum(refund_amount), bool_and(is_counted) from fct_returns",
        (9_288, Decimal("896812.49"), True),
    ),
    "goods and services": ("select count(distinct product_id) from dim_product_current", (3_958,)),
    "customers": ("select count(*) from dim_customer_current", (4_372,)),
    "no invented members": (
        (
            "select (select count(*) from dim_customer where is_inferred), "
            "(select count(*) from dim_product where is_inferred)"
        ),
        (0, 0),
    ),
    "orders, of them credit notes": (
        (
            "select count(*) filter (where status = 'delivered'), count(*) filter (where status = 'returned') "
            "from fct_orders"
        ),
        (19_959, 969),
    ),
    "price changes": ("select max(version) > 5 from dim_product", (True,)),
    "as of the last day, in pounds": (
        "select as_of_date::varchar, reporting_currency from run_settings",
        ("2011-12-09", "GBP"),
    ),
    "the file in the lake's own account": (
        "select count(*), sum(rows), sum(staged), sum(quarantined) from meta_files",
        (1, 541_909, 541_909, 0),
    ),
}


def test_the_real_file_reconciles_to_its_facts(online_retail: Any) -> None:
    facts = {name: tuple(online_retail.rows(query)[0]) for name, (query, _) in IN_THE_WAREHOUSE.items()}
    facts |= {name: tuple(online_retail.published(query)[0]) for name, (query, _) in PUBLISHED.items()}
    expected = {name: answer for name, (_, answer) in (IN_THE_WAREHOUSE | PUBLISHED).items()}
    assert facts == expected


def test_the_report_of_the_real_file_is_small_and_reconciles(online_retail: Any) -> None:
    report = online_retail.settings.paths.reports_dir / "commerce.html"
    assert 10_000 < report.stat().st_size < 2_000_000
    # 53 whole weeks up to the last day; the three days before them are in no period.
    ((total, outside),) = online_retail.published(
        "select sum(net_revenue) filter (where date >= '2010-12-04'), "
        "sum(net_revenue) filter (where date < '2010-12-04') from fct_revenue_daily"
    )
    assert total + outside == NET_REVENUE
    assert f"{total.quantize(Decimal('0.01'), ROUND_HALF_UP):,}" in report.read_text(encoding="utf-8")


def test_daily_files_in_shuffled_order_over_several_runs_give_the_same_tables(
    online_retail: Any, lake: Any, online_retail_file: Path
) -> None:
    files = daily_files(online_retail_file)
    assert len(files) == DAYS
    days = sorted(files)
    random.Random(305).shuffle(days)
    ingest_only = f"raw_{FEED}, stg_{FEED}"
    for first, last, select in (
        (0, 90, "*"),
        (90, 170, ingest_only),
        (170, 171, ingest_only),
        (171, DAYS, "*"),
    ):
        for day in days[first:last]:
            folder = lake.settings.paths.landing / FEED
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"invoices_{day}.csv").write_text(files[day], encoding="utf-8", newline="")
        lake.run(select)
        assert lake.rows("select count(*), bool_and(staged = rows) from meta_files") == [(last, True)]
    assert lake.differing_tables(online_retail) == {}


def daily_files(path: Path) -> dict[str, str]:
    """Day -> the text of its file: the day's lines as they stand, below the header."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        header, *lines = stream.read().splitlines(keepends=True)
    texts: dict[str, list[str]] = defaultdict(lambda: [header])
    for line, row in zip(lines, csv.reader(lines), strict=True):
        texts[row[4][:10]].append(line)
    return {day: "".join(text) for day, text in texts.items()}
