"""Kinds of bad rows: how a good row of each feed is spoilt so that its contract must reject it.

Belongs here: the kinds, one tuple per feed. Doesn't: how many there are and where they stand (dirt.py).
A bad row is a copy of a good one under a key of its own, so the clean company never misses a row.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

KEYS = {
    "customers": "customer_id",
    "products": "product_id",
    "orders": "order_id",
    "order_items": "order_id",
    "returns": "return_id",
    "inventory_movements": "movement_id",
    "web_events": "event_id",
    "visitor_identities": "visitor_id",
    "experiment_exposures": "visitor_id",
    "bookings": "booking_id",
}


@dataclass(frozen=True, slots=True)
class Spoiler:
    """Cells to overwrite; `fields_more` fields too many (or too few, below 0) make the row ragged."""

    kind: str
    cells: dict[str, str] = field(default_factory=dict)
    fields_more: int = 0


CUT_OFF = Spoiler("cut_off_row", fields_more=-2)
TOO_LONG = Spoiler("too_many_fields", fields_more=2)

SPOILERS: dict[str, tuple[Spoiler, ...]] = {
    "customers": (
        Spoiler("empty_key", {"customer_id": ""}),
        Spoiler("negative_cost", {"acquisition_cost": "-5.00"}),
        Spoiler("impossible_date", {"registered_at": "2025-02-31 10:00:00"}),
        CUT_OFF,
        TOO_LONG,
    ),
    "products": (
        Spoiler("empty_key", {"product_id": ""}),
        Spoiler("negative_price", {"list_price": "-1.00"}),
        Spoiler("unparsable_cost", {"unit_cost": "on request"}),
        Spoiler("unparsable_time", {"updated_at": "yesterday"}),
        CUT_OFF,
        TOO_LONG,
    ),
    "orders": (
        Spoiler("unknown_status", {"status": "lost"}),
        Spoiler("empty_key", {"order_id": ""}),
        Spoiler("wrong_currency", {"currency": "Euro"}),
        Spoiler("paid_before_created", {"paid_at": "1999-12-31 23:59:59"}),
        Spoiler("impossible_date", {"created_at": "2025-13-45 10:00:00"}),
        CUT_OFF,
        TOO_LONG,
    ),
    "order_items": (
        Spoiler("unparsable_quantity", {"quantity": "two"}),
        Spoiler("negative_price", {"unit_price": "-4.99"}),
        Spoiler("zero_quantity", {"quantity": "0"}),
        Spoiler("empty_key", {"order_id": ""}),
        Spoiler("empty_product", {"product_id": ""}),
        # Several things wrong at once: one row in quarantine, with every reason.
        Spoiler("several_faults", {"quantity": "-1", "discount": "ten", "product_id": ""}),
        CUT_OFF,
        TOO_LONG,
    ),
    "returns": (
        Spoiler("zero_quantity", {"quantity": "0"}),
        Spoiler("empty_key", {"return_id": ""}),
        Spoiler("empty_time", {"returned_at": ""}),
        Spoiler("negative_refund", {"refund_amount": "-20.00"}),
        CUT_OFF,
        TOO_LONG,
    ),
    "inventory_movements": (
        Spoiler("unknown_kind", {"kind": "teleport"}),
        Spoiler("negative_shipment", {"kind": "shipment", "quantity": "-3"}),
        Spoiler("empty_product", {"product_id": ""}),
        Spoiler("empty_key", {"movement_id": ""}),
        CUT_OFF,
        TOO_LONG,
    ),
    "web_events": (
        Spoiler("unknown_kind", {"kind": "teleport"}),
        Spoiler("empty_visitor", {"visitor_id": ""}),
        Spoiler("empty_key", {"event_id": ""}),
        Spoiler("unparsable_time", {"occurred_at": "just now"}),
        CUT_OFF,
        TOO_LONG,
    ),
    "visitor_identities": (
        Spoiler("empty_key", {"visitor_id": ""}),
        Spoiler("empty_customer", {"customer_id": ""}),
        TOO_LONG,
    ),
    "experiment_exposures": (
        Spoiler("empty_variant", {"variant": ""}),
        Spoiler("empty_key", {"visitor_id": ""}),
        Spoiler("impossible_date", {"exposed_at": "2025-02-31 10:00:00"}),
        TOO_LONG,
    ),
    "bookings": (
        Spoiler("unknown_kind", {"kind": "gift"}),
        Spoiler("empty_key", {"booking_id": ""}),
        Spoiler("negative_addition", {"kind": "new", "monthly_recurring_revenue": "-19.00"}),
        Spoiler("unparsable_amount", {"amount": "nineteen"}),
        CUT_OFF,
        TOO_LONG,
    ),
}


def spoil(feed: str, header: bytes, row: bytes, spoiler: Spoiler, key: str) -> bytes:
    """The row as the spoiler leaves it, under the given key unless the key itself is what is wrong."""
    names, cells = _cells(header), _cells(row)
    spoilt = dict(zip(names, cells, strict=True)) | {KEYS[feed]: key} | spoiler.cells
    values = list(spoilt.values())
    if spoiler.fields_more < 0:
        values = values[: spoiler.fields_more]
    values += ["?"] * spoiler.fields_more
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode()]))
