"""Counts of the clean company, worked out from the generator's arrays while they pass by.

Belongs here: the totals of `ground_truth.json`. Doesn't: anything read back from files. The rules are those
of docs/business-rules.md, written a second time in whole numbers, so that the SQL and this judge each other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from lakehouse.synth.catalogue import Catalogue, Shelf
from lakehouse.synth.fx import Rates, to_reporting
from lakehouse.synth.orders import REVENUE_STATUSES, STATUSES, Lines, Orders
from lakehouse.synth.people import GUEST, People, is_foreign
from lakehouse.synth.plan import FOREIGN_CURRENCY, REPORTING_CURRENCY, Bools, GeneratorPlan, Ints
from lakehouse.synth.returns import POLICY, Returns, is_within_policy, refunds
from lakehouse.synth.stock import KINDS, Movements, Warehouse
from lakehouse.synth.subscriptions import BOOKING_KINDS, Bookings


@dataclass(frozen=True, slots=True)
class _Money:
    """A month's lines in ten-thousandths of the reporting currency."""

    price: Ints
    discount: Ints
    tax: Ints


class Tally:
    """Running totals; money is counted in ten-thousandths, which a Counter's whole numbers hold exactly."""

    def __init__(self, plan: GeneratorPlan) -> None:
        self._plan = plan
        self._counts: Counter[tuple[str, str]] = Counter()
        self._buyers = np.zeros(0, dtype=np.int64)

    def _add(self, topic: str, **amounts: int | np.integer[Any]) -> None:
        self._counts.update({(topic, name): int(amount) for name, amount in amounts.items()})

    def people(self, records: People) -> None:
        self._add(
            "customers", versions=len(records.number), registered=np.sum(records.at == records.registered_at)
        )

    def orders(self, orders: Orders, lines: Lines, returns: Returns, rates: Rates) -> None:
        """Count a month's orders with their lines, and their returns up to the plan's end."""
        status = orders.status_at(self._plan.end_second)
        by_status = np.bincount(status, minlength=len(STATUSES))
        self._add("orders_by_status", **dict(zip(STATUSES, by_status, strict=True)))
        foreign = is_foreign(orders.country)
        self._add("orders", total=len(status), guest=np.sum(orders.customer == GUEST), foreign=foreign.sum())
        revenue = np.isin(status, [STATUSES.index(name) for name in REVENUE_STATUSES])
        self._buyers = np.union1d(self._buyers, orders.customer[revenue & (orders.customer != GUEST)])

        abroad, rate = foreign[lines.order], rates.on(orders.created[lines.order])
        money = _Money(*(to_reporting(x, abroad, rate) for x in (lines.price, lines.discount, lines.tax)))
        self._lines(lines, money, abroad, revenue[lines.order])
        self._add("revenue", orders=revenue.sum())
        net = money.price * lines.quantity - money.discount - money.tax
        own = to_reporting(np.maximum(returns.refund, 0), abroad[returns.item], rate[returns.item])
        self._returns(
            returns, refunds(returns, orders, lines, net, own), is_within_policy(returns, orders, lines)
        )

    def _lines(self, lines: Lines, money: _Money, abroad: Bools, counts: Bools) -> None:
        self._add("items", lines=len(lines.line), units=lines.quantity.sum())
        cents = {"gross": lines.price * lines.quantity, "discount": lines.discount, "tax": lines.tax}
        for currency, rows in ((REPORTING_CURRENCY, ~abroad), (FOREIGN_CURRENCY, abroad)):
            self._add(
                f"lines_{currency}", **{name: 100 * amount[rows].sum() for name, amount in cents.items()}
            )
        self._add(
            "revenue",
            lines=counts.sum(),
            units=lines.quantity[counts].sum(),
            gross=(money.price * lines.quantity)[counts].sum(),
            discount=money.discount[counts].sum(),
            tax=money.tax[counts].sum(),
            cost=100 * (lines.cost * lines.quantity)[counts].sum(),
        )

    def _returns(self, returns: Returns, refund: Ints, within: Bools) -> None:
        seen, by_policy = returns.at < self._plan.end_second, returns.refund == POLICY
        for topic, rows in (
            ("returns", seen),
            ("returns_within_30_days", seen & by_policy & within),
            ("returns_after_30_days", seen & by_policy & ~within),
            ("returns_explicit", seen & ~by_policy),
        ):
            self._add(topic, rows=rows.sum(), units=returns.quantity[rows].sum(), refund=refund[rows].sum())

    def movements(self, movements: Movements) -> None:
        for position, kind in enumerate(KINDS):
            units: Ints = movements.quantity[movements.kind == position]
            self._add(f"movements_{kind}", rows=len(units), units=units.sum())

    def web(self, visitors: int, events: int, counts: dict[str, int]) -> None:
        """Count a month's visits; `counts`: the sessions and what happens in them."""
        self._add("web", visitors=visitors, events=events, **counts)

    def bookings(self, bookings: Bookings) -> None:
        for position, kind in enumerate(BOOKING_KINDS):
            rows = bookings.kind == position
            mrr, amount = 100 * bookings.mrr[rows].sum(), 100 * bookings.amount[rows].sum()
            self._add(f"bookings_{kind}", rows=rows.sum(), mrr=mrr, amount=amount)

    def totals(self, catalogue: Catalogue, shelf: Shelf, warehouse: Warehouse) -> dict[str, Any]:
        """The totals by topic; `shelf` is the last month's."""
        counts: dict[str, dict[str, int]] = {}
        for (topic, name), amount in self._counts.items():
            counts.setdefault(topic, {})[name] = amount
        money = {"gross", "discount", "tax", "refund", "cost", "net", "mrr", "amount"}
        revenue = counts["revenue"]
        revenue["refund"] = counts["returns"]["refund"]
        revenue["net"] = revenue["gross"] - revenue["discount"] - revenue["tax"] - revenue["refund"]
        told: dict[str, Any] = {
            topic: {name: _decimal(n) if name in money else n for name, n in amounts.items()}
            for topic, amounts in counts.items()
        }
        told["customers"]["buyers"] = len(self._buyers)
        told["products"] = {"registered": catalogue.count, "versions": len(catalogue.versions.product)}
        listed = warehouse.listed
        available = warehouse.on_hand - warehouse.allocated
        told["stock"] = {
            "products": int(listed.sum()),
            "on_hand": int(warehouse.on_hand.sum()),
            "allocated": int(warehouse.allocated.sum()),
            "at_risk": int(np.sum(listed & (available < shelf.after.reorder_point))),
        }
        return told


def _decimal(ten_thousandths: int) -> str:
    return str(Decimal(ten_thousandths).scaleb(-4))
