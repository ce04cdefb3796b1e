"""The whole company, month by month: `generate` is what the command line and the tests call.

Belongs here: the order in which the parts act and what passes from month to month. Doesn't: their behaviour.
Only one month is held at a time, with the orders, returns and movements that reach into later months.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from lakehouse.synth import feeds, web_feeds
from lakehouse.synth.batch import pick, stack
from lakehouse.synth.catalogue import Catalogue, Versions, make_catalogue
from lakehouse.synth.demand import daily_orders, order_times
from lakehouse.synth.dirt import Dirt
from lakehouse.synth.fx import LEAD_DAYS, Rates, make_rates
from lakehouse.synth.happenings import happen
from lakehouse.synth.orders import Orders, fill_lines, place_orders
from lakehouse.synth.people import People, Population
from lakehouse.synth.plan import DAY, GeneratorPlan, Ints, Month
from lakehouse.synth.promotions import announced_in, closed_days
from lakehouse.synth.returns import Returns, send_back
from lakehouse.synth.signs import tell_trouble
from lakehouse.synth.stock import Warehouse, movements_of
from lakehouse.synth.tally import Tally
from lakehouse.synth.trials import Floats
from lakehouse.synth.truth import GroundTruth, OvertakenVersion
from lakehouse.synth.web import Web, counts_of, order_values
from lakehouse.synth.words import make_words
from lakehouse.synth.write import Landing, Progress


def generate(
    plan: GeneratorPlan, into: Path, progress: Progress | None = None, *, truth_path: Path | None = None
) -> GroundTruth:
    """Write the company's landing files below `into` and the truth about them; same plan, same bytes.

    progress: called with a feed and the rows just written. truth_path: where the truth goes, by default
    `ground_truth.json` beside `into`: inside it, it would be taken for a feed's file.
    """
    words = make_words(plan.seed)
    catalogue = make_catalogue(plan, words)
    rates = make_rates(plan)
    events = happen(plan, catalogue)
    conditions, recall = events.conditions, events.recall
    per_day = daily_orders(plan, conditions.orders)
    population = Population(plan, words)
    warehouse = Warehouse(plan, catalogue)
    dirt, tally = Dirt(plan), Tally(plan)
    landing = Landing(into, dirt, progress)
    web = WebSide(plan, Web(plan, per_day / conditions.kept), Landing(into, Dirt(plan), progress), tally)
    open_orders: list[Orders] = []
    open_returns: list[Returns] = []
    numbers = {"orders": 0, "returns": 0, "movements": 0}

    months = tuple(plan.months())
    overtaken = _deliver_products(months, catalogue, dirt, landing)
    for month, shelf in zip(months, catalogue.shelves, strict=True):
        created = order_times(plan, month, per_day)
        served = population.serve(month, created, conditions)
        placed = place_orders(plan, month, numbers["orders"], created, served, conditions)
        lines = fill_lines(plan, month, placed, shelf, rates, conditions, recall, events.mistakes)
        returns, returned = send_back(plan, month, placed, lines, recall)
        placed = replace(placed, returned=returned)
        numbers["orders"] += len(created)

        landing.deliver("customers", month, feeds.customers(served.records, words))
        landing.deliver("order_items", month, feeds.order_items(lines, placed))
        open_orders = [_deliver_orders(plan, month, stack([*open_orders, placed]), landing)]
        every_return = stack([*open_returns, returns])
        back = pick(every_return, every_return.at < month.end)
        back = pick(back, np.argsort(back.at, kind="stable"))
        landing.deliver("returns", month, feeds.returns(back, numbers["returns"]))
        numbers["returns"] += len(back.at)
        ahead = (every_return.at >= month.end) & (every_return.at < plan.end_second)
        open_returns = [pick(every_return, ahead)]
        moved = warehouse.run(
            month, movements_of(placed, lines, returns), shelf.after.reorder_point, shelf.on_sale
        )
        landing.deliver("inventory_movements", month, feeds.inventory_movements(moved, numbers["movements"]))
        numbers["movements"] += len(moved.at)
        if plan.foreign_share > 0:
            landing.deliver("fx_rates", month, feeds.fx_rates(_rates_of(rates, month)))
        if announced := announced_in(month, events.promotions):
            landing.deliver("promotions", month, feeds.promotions(announced))

        tally.people(served.records)
        tally.orders(placed, lines, returns, rates)
        tally.movements(moved)
        if plan.visitors_per_order > 0:
            web.deliver(month, placed, order_values(plan, placed, lines, rates), served.records)

    truth = GroundTruth(
        plan=asdict(plan) | {"start": plan.start.isoformat(), "end": plan.end.isoformat()},
        files=tuple(sorted([*landing.files, *web.landing.files], key=lambda file: file.file)),
        out_of_order_versions=overtaken,
        totals=tally.totals(catalogue, catalogue.shelves[-1], warehouse),
        experiments=web.web.truth(),
        anomalies=tuple(tell_trouble(plan, one, catalogue, recall) for one in events.troubles),
        promotions=tuple(one.told() for one in events.promotions),
        closed_days=tuple(day.isoformat() for day in closed_days(plan)),
    )
    truth.write(truth_path or into.resolve().parent / "ground_truth.json")
    return truth


@dataclass
class WebSide:
    """The web's feeds beside the shop's: with a landing and dirt of its own it changes no byte of theirs."""

    plan: GeneratorPlan
    web: Web
    landing: Landing
    tally: Tally
    sessions: int = 0
    events: int = 0
    bookings: int = 0

    def deliver(self, month: Month, orders: Orders, value: Floats, people: People) -> None:
        before = self.web.audience.count
        ran = self.web.run(month, orders, value, people)
        events = web_feeds.web_events(ran.sessions, self.web.audience, self.sessions, self.events)
        self.landing.deliver("web_events", month, events)
        self.landing.deliver("visitor_identities", month, web_feeds.visitor_identities(ran.links))
        self.landing.deliver("experiment_exposures", month, web_feeds.experiment_exposures(ran.exposures))
        self.landing.deliver("bookings", month, web_feeds.bookings(ran.bookings, self.bookings))
        self.tally.web(self.web.audience.count - before, events.height, counts_of(ran.sessions))
        self.tally.bookings(ran.bookings)
        self.sessions += len(ran.sessions.start)
        self.events += events.height
        self.bookings += len(ran.bookings.at)


def _deliver_orders(plan: GeneratorPlan, month: Month, orders: Orders, landing: Landing) -> Orders:
    """Send every order to which something happened in the month; give back those whose life goes on."""
    sent = pick(orders, orders.happens(month.start, month.end))
    # An order that will be sent again must not come late: its older state would land behind the newer one.
    goes_on = sent.happens(month.end, plan.end_second)
    landing.deliver("orders", month, feeds.orders(sent, month.end), ~goes_on)
    return pick(orders, orders.happens(month.end, plan.end_second))


def _deliver_products(
    months: tuple[Month, ...], catalogue: Catalogue, dirt: Dirt, landing: Landing
) -> tuple[OvertakenVersion, ...]:
    """Send the product versions of each month, and behind them those that the month's versions overtook."""
    versions = catalogue.versions
    month_of = np.searchsorted([month.start for month in months], versions.at, side="right") - 1
    overtaker = dirt.overtaken(versions, month_of)
    in_time = overtaker < 0
    delivered_in = np.where(in_time, month_of, month_of[overtaker])
    told: list[OvertakenVersion] = []
    for month in months:
        held = np.flatnonzero(~in_time & (delivered_in == month.index))
        rows = np.concatenate([np.flatnonzero(in_time & (delivered_in == month.index)), held])
        landing.deliver("products", month, feeds.products(pick(versions, rows), catalogue))
        told += _tell(versions, held, overtaker[held], month, catalogue)
    return tuple(told)


def _tell(
    versions: Versions, held: Ints, newer: Ints, month: Month, catalogue: Catalogue
) -> list[OvertakenVersion]:
    late = feeds.products(pick(versions, held), catalogue)
    overtakers = feeds.products(pick(versions, newer), catalogue)
    return [
        OvertakenVersion(product, str(at), str(newer_at), f"products/products_{month.label}.csv")
        for product, at, newer_at in zip(
            late["product_id"], late["updated_at"], overtakers["updated_at"], strict=True
        )
    ]


def _rates_of(rates: Rates, month: Month) -> Rates:
    """The month's rates; the first month brings the days before the plan with it."""
    start = month.start - (LEAD_DAYS * DAY if month.index == 0 else 0)
    rows = (rates.days * DAY >= start) & (rates.days * DAY < month.end)
    return pick(rates, rows)
