"""What comes back: whole orders, single lines or part of a line, mostly within 30 days, some later.

Belongs here: returned lines and what the refund policy makes of them. Doesn't: the stock they go back to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.batch import draw, half_up, stack
from lakehouse.synth.orders import Lines, Orders
from lakehouse.synth.plan import DAY, NEVER, Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.recall import Recall

RETURNING_ORDERS, WHOLE_ORDERS, LATE_RETURNS, EXPLICIT_REFUNDS, SPLIT_LINES = 0.085, 0.40, 0.08, 0.07, 0.25
REFUND_DAYS = 30
REASONS = ("wrong size", "changed mind", "damaged", "late delivery", "not as described", "recalled")
#: Of all reasons but the last, which only a recall gives.
REASON_WEIGHTS = (0.22, 0.35, 0.18, 0.08, 0.17)
POLICY = -1


@dataclass(frozen=True, slots=True)
class Returns:
    """Returned lines: `order` is the order's number, `item` the line's position in the month's Lines.

    `refund` is the explicit refund in cents of the order's currency, POLICY where the refund policy decides.
    """

    order: Ints
    item: Ints
    line: Ints
    product: Ints
    quantity: Ints
    at: Ints
    reason: Ints
    refund: Ints


def send_back(
    plan: GeneratorPlan, month: Month, orders: Orders, lines: Lines, recall: Recall | None = None
) -> tuple[Returns, Ints]:
    """The returns of a month's orders, and when each order was wholly returned (NEVER otherwise)."""
    rng = plan.stream("returns", month.index)
    size = len(orders.number)
    returning = (rng.random(size) < RETURNING_ORDERS) & (orders.delivered < NEVER)
    whole = rng.random(size) < WHOLE_ORDERS
    soon = 1 + np.minimum(rng.gamma(2.2, 4.5, size), REFUND_DAYS - 0.5)
    lag = np.where(rng.random(size) < LATE_RETURNS, rng.uniform(31.5, 75, size), soon)
    back_at = orders.delivered + np.round(lag * DAY).astype(np.int64)

    item = np.flatnonzero(returning[lines.order])
    item = item[whole[lines.order[item]] | (rng.random(len(item)) < 0.45)]
    order, bought = lines.order[item], lines.quantity[item]
    part = 1 + np.floor(rng.random(len(item)) * bought).astype(np.int64)
    quantity = np.where(whole[order], bought, part)
    # Some lines of several units come back in two parcels.
    split = (quantity > 1) & (rng.random(len(item)) < SPLIT_LINES)
    first = _returns(rng, orders, lines, item, np.where(split, 1, quantity), back_at[order])
    later = first.at[split] + rng.integers(DAY, 20 * DAY, int(split.sum()))
    second = _returns(rng, orders, lines, item[split], quantity[split] - 1, later)
    both = stack([first, second])
    _grant_refunds(rng, both, lines)
    if recall is not None:
        recalled = _recalled(plan, month, orders, lines, recall, item)
        both = stack([both, recalled])
        is_recalled = np.arange(len(both.at)) >= len(both.at) - len(recalled.at)
        recall.see(both.product, both.quantity, both.at, is_recalled)

    position = lines.order[both.item]
    last = np.zeros(size, dtype=np.int64)
    np.maximum.at(last, position, both.at)
    units_back = np.bincount(position, weights=both.quantity, minlength=size)
    units = np.bincount(lines.order, weights=lines.quantity, minlength=size)
    return both, np.where((units_back == units) & (units > 0), last, NEVER)


def _returns(
    rng: np.random.Generator, orders: Orders, lines: Lines, item: Ints, quantity: Ints, at: Ints
) -> Returns:
    reason = draw(rng, REASON_WEIGHTS, len(item))
    policy = np.full(len(item), POLICY, dtype=np.int64)
    number = orders.number[lines.order[item]]
    return Returns(number, item, lines.line[item], lines.product[item], quantity, at, reason, policy)


def _recalled(
    plan: GeneratorPlan, month: Month, orders: Orders, lines: Lines, recall: Recall, already: Ints
) -> Returns:
    """What comes back because of the recall: whole lines, wholly refunded however old they are."""
    rng = plan.stream("returns recalled", month.index)
    may = np.ones(len(lines.order), dtype=np.bool_)
    may[already] = False
    created, delivered = orders.created[lines.order], orders.delivered[lines.order]
    item, at = recall.come_back(rng, lines.product, created, delivered, may)
    quantity = lines.quantity[item]
    paid = lines.price[item] * quantity - lines.discount[item] - lines.tax[item]
    number = orders.number[lines.order[item]]
    reason = np.full(len(item), REASONS.index("recalled"), dtype=np.int64)
    return Returns(number, item, lines.line[item], lines.product[item], quantity, at, reason, paid)


def _grant_refunds(rng: np.random.Generator, returns: Returns, lines: Lines) -> None:
    """Give some returns an explicit refund: at most the line's net amount pro rata, rounded down to cents."""
    explicit = rng.random(len(returns.item)) < EXPLICIT_REFUNDS
    item = returns.item[explicit]
    net = lines.price[item] * lines.quantity[item] - lines.discount[item] - lines.tax[item]
    share = rng.choice(np.array([50, 80, 100]), len(item))
    returns.refund[explicit] = net * returns.quantity[explicit] * share // (100 * lines.quantity[item])


def refunds(returns: Returns, orders: Orders, lines: Lines, net: Ints, explicit: Ints) -> Ints:
    """What each return refunds under the business rules, in ten-thousandths of the reporting currency.

    net: each line's net amount; explicit: each return's own refund, both already in those units. A line comes
    back at most twice here, so the running sums of the rule are those of the earlier return of the same line.
    """
    position = lines.order[returns.item]
    refundable = is_within_policy(returns, orders, lines)
    computed = refundable & (returns.refund == POLICY)
    order_of_rows = np.lexsort((returns.at, returns.line, position))
    same = np.zeros(len(order_of_rows), dtype=np.bool_)
    same[1:] = returns.item[order_of_rows[1:]] == returns.item[order_of_rows[:-1]]
    earlier = np.full(len(order_of_rows), -1, dtype=np.int64)
    earlier[order_of_rows[1:]] = np.where(same[1:], order_of_rows[:-1], -1)
    has_earlier = earlier >= 0

    bought, line_net = lines.quantity[returns.item], net[returns.item]
    before = np.where(has_earlier & computed[earlier], returns.quantity[earlier], 0)
    upto = np.minimum(before + returns.quantity, bought)
    by_policy = half_up(line_net * upto, bought) - half_up(line_net * before, bought)
    raw = np.where(returns.refund == POLICY, np.where(computed, by_policy, 0), explicit)
    left = line_net - np.where(has_earlier, raw[earlier], 0)
    capped = np.maximum(np.minimum(raw, left), 0)
    return np.where(returns.refund == POLICY, capped, explicit)


def is_within_policy(returns: Returns, orders: Orders, lines: Lines) -> Bools:
    days = returns.at // DAY - orders.delivered[lines.order[returns.item]] // DAY
    within: Bools = (days >= 0) & (days <= REFUND_DAYS)
    return within
