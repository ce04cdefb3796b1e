"""Flat files of A/B tests in the shapes in which they are published, each with nothing but a contract, a mapping and a
registry file: every one gets a readout, and its figures are those of the rows.

Belongs here: ids that are missing or repeat, days that aren't told, odd headers, words for outcomes, clusters, splits.
Their configuration lies in flat_files/. Not here: published results (test_real_experiments.py).
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

CONFIGURATION = Path(__file__).parent / "flat_files"
Row = list[Any]


def game(dice: random.Random) -> tuple[str, list[Row]]:
    """Truths as words, a few players without end."""
    rows = [
        [
            116 + 3 * number,
            dice.choice(["gate_30", "gate_40"]),
            int(dice.expovariate(0.02)),
            dice.random() < 0.4,
        ]
        for number in range(1500)
    ]
    rows[7][2] = 49_854
    return "userid,version,sum_gamerounds,retention_1,retention_7", [
        [*row, dice.random() < 0.2] for row in rows
    ]


def pages(dice: random.Random) -> tuple[str, list[Row]]:
    """Users who come twice, and rows whose group and page contradict each other."""
    rows = []
    for number in range(1500):
        group = dice.choice(["control", "treatment"])
        page = "new_page" if (group == "treatment") != (dice.random() < 0.02) else "old_page"
        seen = datetime(2017, 1, 2, 13, 42, 5, 378582) + timedelta(seconds=dice.random() * 21 * 86_400)
        rows.append([630_000 + number, seen, group, page, int(dice.random() < 0.12)])
    again = [[row[0], row[1] + timedelta(minutes=5), *row[2:]] for row in rows[:20]]
    return "user_id,timestamp,group,landing_page,converted", rows + again


def mails(dice: random.Random) -> tuple[str, list[Row]]:
    """No id and no day, three groups; equal rows are different people."""
    rows = []
    for _ in range(2400):
        group = dice.choice(["Mens E-Mail", "Womens E-Mail", "No E-Mail"])
        has_visited = dice.random() < (0.11 if group == "No E-Mail" else 0.2)
        has_bought = has_visited and dice.random() < 0.2
        spent = round(dice.uniform(29, 499), 2) if has_bought else 0
        history = [dice.randint(1, 12), round(dice.uniform(30, 900), 2), dice.choice(["Urban", "Rural"])]
        habits = [dice.randint(0, 1), dice.choice(["Web", "Phone"])]
        rows.append([*history, *habits, group, int(has_visited), int(has_bought), spent])
    return "recency,history,zip_code,newbie,channel,segment,visit,conversion,spend", rows + rows[:30]


def ads(dice: random.Random) -> tuple[str, list[Row]]:
    """A first column without a header, headers with blanks, a split of 96 to 4."""
    rows = [
        [
            number, 1_069_124 + number, "ad" if dice.random() < 0.96 else "psa", dice.random() < 0.1,
            dice.randint(1, 300), dice.choice(["Monday", "Friday"]), dice.randint(0, 23),
        ]
        for number in range(3000)
    ]  # fmt: skip
    return ",user id,test group,converted,total ads,most ads day,most ads hour", rows


def shop_promotions(dice: random.Random) -> tuple[str, list[Row]]:
    """Four weeks of each shop, shops in markets."""
    rows = []
    for shop in range(137):
        market, promotion, size = shop // 14 + 1, dice.randint(1, 3), dice.choice(["Small", "Large"])
        level = dice.gauss(50 + market, 5) + (6 if promotion == 1 else 0)
        for week in range(1, 5):
            sales = round(level + dice.gauss(0, 2), 2)
            rows.append([market, size, shop * 100, dice.randint(1, 28), promotion, week, sales])
    return "MarketID,MarketSize,LocationID,AgeOfStore,Promotion,week,SalesInThousands", rows


def uplift(dice: random.Random) -> tuple[str, list[Row]]:
    """No id, numbers for the variants, columns that nobody needs."""
    rows = []
    for _ in range(4000):
        treated, visited = int(dice.random() < 0.85), dice.random() < 0.1
        rows.append(
            [round(dice.gauss(20, 5), 6), treated, int(visited and dice.random() < 0.2), int(visited), 0]
        )
    return "f0,treatment,conversion,visit,exposure", rows


def events(dice: random.Random) -> tuple[str, list[Row]]:
    """One row per event, purchases before the exposure and after the window too, prices with a currency sign."""
    rows = []
    for user in range(800):
        seen = datetime(2024, 1, 1) + timedelta(minutes=dice.randint(0, 14 * 1440 - 1))
        rows.append([user, dice.choice(["on", "off"]), f"{seen:%m/%d/%Y %H:%M}", "view", ""])
        for days in (-20, -10, 2, 5, 12):
            if dice.random() < 0.3:
                at = seen + timedelta(days=days)
                price = f"${dice.uniform(5, 50):.2f}"
                rows.append([user, "", f"{at:%m/%d/%Y %H:%M}", "buy", price])
    return "user,variant,at,kind,price", rows


def campaigns(dice: random.Random) -> list[Row]:
    """A day is a unit, days are written as 1.08.2019, each variant has a file."""
    return [
        [
            campaign,
            f"{day}.08.2019",
            dice.randint(1500, 3000),
            dice.randint(30_000, 90_000),
            dice.randint(300, 900),
        ]
        for campaign in ("Control Campaign", "Test Campaign")
        for day in range(1, 31)
    ]


CAMPAIGNS = campaigns(random.Random(7))
SHAPES = {
    shape.__name__: shape(random.Random(number))
    for number, shape in enumerate((game, pages, mails, ads, shop_promotions, uplift, events))
}


@pytest.fixture(scope="module")
def flat(built_once: Callable[[str, Callable[[Path], None]], Path], lake_at: Callable[[Path], Any]) -> Any:
    """A lake with all the files, run once; the events are complete two months later."""

    def opened(root: Path) -> Any:
        lake = lake_at(root)
        lake.configure(CONFIGURATION)
        lake.changes["as_of"] = date(2024, 3, 1)
        return lake

    def fill(root: Path) -> None:
        lake = opened(root)
        for name, (header, rows) in SHAPES.items():
            folder = lake.settings.paths.landing / name
            folder.mkdir(parents=True)
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                file.write(f"{header}\n")
                csv.writer(file).writerows(rows)
        folder = lake.settings.paths.landing / "campaigns"
        folder.mkdir()
        for campaign in ("Control Campaign", "Test Campaign"):
            listed = [";".join(map(str, row)) for row in CAMPAIGNS if row[0] == campaign]
            header = "Campaign Name;Date;Spend [USD];# of Impressions;# of Purchase"
            (folder / f"{campaign}.csv").write_text("\n".join([header, *listed, ""]), encoding="utf-8")
        lake.run()

    return opened(built_once("flat_files", fill))


def rows_of(name: str) -> list[dict[str, Any]]:
    header, rows = SHAPES[name]
    return [dict(zip(header.split(","), row, strict=True)) for row in rows]


def read(lake: Any, experiment: str, metric: str) -> dict[str, tuple[int, int, float, float]]:
    """Variant -> units and means of it and of the control."""
    found = lake.published(
        "select variant, n, n_control, mean, mean_control from exp_readout "
        f"where experiment_id = '{experiment}' and metric = '{metric}' and status = 'ok'"
    )
    return {variant: tuple(rest) for variant, *rest in found}


def arms(rows: Iterable[dict[str, Any]], group: str, value: str) -> dict[str, tuple[int, float]]:
    """Group -> rows and mean, reckoned here."""
    by_group: dict[str, list[float]] = {}
    for row in rows:
        by_group.setdefault(str(row[group]), []).append(float(row[value]))
    return {name: (len(values), mean(values)) for name, values in by_group.items()}


def expected(found: dict[str, tuple[int, float]], control: str) -> dict[str, Any]:
    n_control, level = found[control]
    return {
        name: pytest.approx((n, n_control, value, level))
        for name, (n, value) in found.items()
        if name != control
    }


@pytest.mark.parametrize(
    ("name", "group", "column", "metric", "control"),
    [
        ("game", "version", "retention_7", "retention_7", "gate_30"),
        ("game", "version", "retention_1", "retention_1", "gate_30"),
        ("mails", "segment", "visit", "visit", "No E-Mail"),
        ("mails", "segment", "spend", "spend", "No E-Mail"),
        ("ads", "test group", "converted", "converted", "psa"),
        ("uplift", "treatment", "visit", "visit", "0"),
        ("uplift", "treatment", "conversion", "conversion", "0"),
    ],
)
def test_the_figures_are_those_of_the_rows(
    flat: Any, name: str, group: str, column: str, metric: str, control: str
) -> None:
    assert read(flat, name, metric) == expected(arms(rows_of(name), group, column), control)


def test_a_huge_value_is_capped(flat: Any) -> None:
    found = read(flat, "game", "rounds")["gate_40"]
    assert max(found[2:]) < 60
    assert max(level for _, level in arms(rows_of("game"), "version", "sum_gamerounds").values()) > 75


def test_users_who_come_twice_count_once_and_contradictions_are_no_exposures(flat: Any) -> None:
    whole = {
        row["user_id"]: row
        for row in rows_of("pages")
        if (row["group"] == "treatment") == (row["landing_page"] == "new_page")
    }
    counted = arms(whole.values(), "group", "converted")
    assert read(flat, "pages", "conversion") == expected(counted, "control")


def test_shops_are_units_and_markets_clusters(flat: Any) -> None:
    shops: dict[tuple[int, int], list[float]] = {}
    for row in rows_of("shop_promotions"):
        shops.setdefault((row["LocationID"], row["Promotion"]), []).append(row["SalesInThousands"])
    means = [{"promotion": key[1], "sales": mean(values)} for key, values in shops.items()]
    assert read(flat, "shop_promotions", "sales") == expected(arms(means, "promotion", "sales"), "1")
    (method,) = flat.published(
        "select distinct method from exp_readout where experiment_id = 'shop_promotions' and metric = 'sales'"
    )
    assert method == ("cluster-robust by 10 clusters that hold both arms",)
    segments = (
        "select distinct segment_value from exp_segments where experiment_id = 'shop_promotions' order by 1"
    )
    assert flat.published(segments) == [("Large",), ("Small",)]


def test_the_same_file_as_units_and_periods(flat: Any) -> None:
    (row,) = flat.published(
        "select status, n + n_control, abs(effect) < 3 from exp_readout where experiment_id = 'sales'"
    )
    assert row == ("ok", 137, True)


def test_events_count_within_the_window_and_before_it(flat: Any) -> None:
    users: dict[int, dict[str, Any]] = {}
    for row in rows_of("events"):
        at = datetime.strptime(row["at"], "%m/%d/%Y %H:%M")
        if row["kind"] == "view":
            users[row["user"]] = {"variant": row["variant"], "at": at, "spent": 0.0}
        elif timedelta(0) <= at - users[row["user"]]["at"] < timedelta(days=7):
            users[row["user"]]["spent"] += float(row["price"].removeprefix("$"))
    bought = [{**user, "bought": user["spent"] > 0} for user in users.values()]
    assert read(flat, "events", "spent") == expected(arms(users.values(), "variant", "spent"), "off")
    assert read(flat, "events", "bought") == expected(arms(bought, "variant", "bought"), "off")
    assert flat.published(
        "select count(*), bool_and(is_mature) from exp_base where experiment_id = 'events'"
    ) == [(1600, True)]


def test_a_unit_without_an_id_of_its_own_gets_one_in_a_table_beside_the_mapping(flat: Any) -> None:
    bought, shown = (dict.fromkeys(("Control Campaign", "Test Campaign"), 0.0) for _ in range(2))
    for campaign, _, _, impressions, purchases in CAMPAIGNS:
        bought[campaign] += purchases
        shown[campaign] += impressions
    rates = {name: (30, bought[name] / shown[name]) for name in bought}
    assert read(flat, "campaigns", "purchase_rate") == expected(rates, "Control Campaign")
    daily = {name: (30, bought[name] / 30) for name in bought}
    assert read(flat, "campaigns", "purchases") == expected(daily, "Control Campaign")


def test_every_file_ends_with_a_verdict_and_no_check_fails(flat: Any) -> None:
    asked: Sequence[str] = [*SHAPES, "sales", "campaigns"]
    listed = ", ".join(f"'{name}'" for name in asked)
    verdicts = flat.published(
        "select distinct experiment_id from exp_readout where role = 'primary' and decision in "
        f"('ship', 'do not ship', 'keep running') and experiment_id in ({listed})"
    )
    assert {name for (name,) in verdicts} == set(asked)
    assert (
        flat.published(f"select * from exp_health where status = 'fail' and experiment_id in ({listed})")
        == []
    )
