"""The company's arrays as rows of the feeds: columns, texts and formats of the contracts.

Belongs here: what a row of the shop's feeds looks like. Doesn't: the feeds of the web (web_feeds.py), and which
rows go into which file (company.py, write.py).
Amounts become floats only to be written: a cent amount below 2**53 prints exactly with two decimals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lakehouse.synth.catalogue import Catalogue, Versions
from lakehouse.synth.cells import chosen, ids, times
from lakehouse.synth.fx import RATE_SCALE, Rates
from lakehouse.synth.orders import CHANNELS, METHODS, STATUSES, Lines, Orders
from lakehouse.synth.people import ACQUISITION, AGE_GROUPS, GUEST, People, is_foreign
from lakehouse.synth.plan import DAY, FOREIGN_CURRENCY, REPORTING_CURRENCY
from lakehouse.synth.promotions import Promotion
from lakehouse.synth.returns import POLICY, REASONS, Returns
from lakehouse.synth.stock import KINDS, Movements
from lakehouse.synth.words import COUNTRIES, REGIONS, Words

MAIL_HOSTS = ("example.com", "example.org", "example.net")


def customers(people: People, words: Words) -> pl.DataFrame:
    first, last = chosen(words.first_names, people.first_name), chosen(words.last_names, people.last_name)
    mail = pl.DataFrame(
        {
            "first": chosen(words.first_email_names, people.first_name),
            "last": chosen(words.last_email_names, people.last_name),
            "number": people.number + 1,
            "host": chosen(MAIL_HOSTS, (people.number + people.email_version) % len(MAIL_HOSTS)),
        }
    )
    email = pl.concat_str("first", pl.lit("."), "last", "number", pl.lit("@"), "host").alias("email")
    return pl.DataFrame(
        {
            "customer_id": ids("C", people.number),
            "email": mail.select(email).to_series(),
            "full_name": pl.select(pl.concat_str(first, last, separator=" ")).to_series(),
            "country": chosen(COUNTRIES, people.country),
            "region": chosen(REGIONS, people.country),
            "age_group": chosen(AGE_GROUPS, people.age_group),
            "acquisition_channel": chosen([name for name, _, _ in ACQUISITION], people.channel),
            "acquisition_cost": people.cost / 100,
            "registered_at": times(people.registered_at),
            "updated_at": times(people.at),
        }
    )


def products(versions: Versions, catalogue: Catalogue) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "product_id": ids("P", versions.product),
            "name": chosen(catalogue.names, versions.product),
            "category": chosen(catalogue.categories, versions.product),
            "brand": chosen(catalogue.brands, versions.product),
            "list_price": versions.price / 100,
            "unit_cost": versions.cost / 100,
            "reorder_point": versions.reorder_point,
            "updated_at": times(versions.at),
        }
    )


def orders(orders: Orders, instant: int) -> pl.DataFrame:
    """The orders as they stand just before the instant."""
    customer = pl.select(
        pl.when(pl.Series(orders.customer != GUEST)).then(ids("C", orders.customer)).otherwise(None)
    ).to_series()
    return pl.DataFrame(
        {
            "order_id": ids("O", orders.number),
            "customer_id": customer,
            "status": chosen(STATUSES, orders.status_at(instant)),
            "created_at": times(orders.created),
            "paid_at": times(orders.paid, instant),
            "fulfilled_at": times(orders.fulfilled, instant),
            "delivered_at": times(orders.delivered, instant),
            "channel": chosen(CHANNELS, orders.channel),
            "country": chosen(COUNTRIES, orders.country),
            "currency": chosen(
                (REPORTING_CURRENCY, FOREIGN_CURRENCY), is_foreign(orders.country).astype(np.int64)
            ),
            "payment_method": chosen(METHODS, orders.method),
        }
    )


def order_items(lines: Lines, orders: Orders) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "order_id": ids("O", orders.number[lines.order]),
            "line_number": lines.line,
            "product_id": ids("P", lines.product),
            "quantity": lines.quantity,
            "unit_price": lines.price / 100,
            "discount": lines.discount / 100,
            "tax": lines.tax / 100,
        }
    )


def returns(returns: Returns, first_number: int) -> pl.DataFrame:
    refund = np.where(returns.refund == POLICY, np.nan, returns.refund / 100)
    return pl.DataFrame(
        {
            "return_id": ids("R", np.arange(first_number, first_number + len(returns.at), dtype=np.int64)),
            "order_id": ids("O", returns.order),
            "line_number": returns.line,
            "quantity": returns.quantity,
            "returned_at": times(returns.at),
            "reason": chosen(REASONS, returns.reason),
            "refund_amount": pl.Series(refund, nan_to_null=True),
        }
    )


def inventory_movements(movements: Movements, first_number: int) -> pl.DataFrame:
    number = np.arange(first_number, first_number + len(movements.at), dtype=np.int64)
    return pl.DataFrame(
        {
            "movement_id": ids("M", number),
            "product_id": ids("P", movements.product),
            "moved_at": times(movements.at),
            "kind": chosen(KINDS, movements.kind),
            "quantity": movements.quantity,
        }
    )


def promotions(promotions: Sequence[Promotion]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "promotion_id": [one.promotion_id for one in promotions],
            "name": [one.name for one in promotions],
            "kind": [one.kind for one in promotions],
            "starts_on": [one.starts_on for one in promotions],
            "ends_on": [one.ends_on for one in promotions],
            "country": pl.Series([one.country for one in promotions], dtype=pl.String),
        }
    )


def fx_rates(rates: Rates) -> pl.DataFrame:
    # A rate has six decimals and every other amount two: it is written out as text.
    text = [f"{rate // RATE_SCALE}.{rate % RATE_SCALE:06d}" for rate in rates.rates.tolist()]
    return pl.DataFrame(
        {"date": times(rates.days * DAY).dt.date(), "currency": FOREIGN_CURRENCY, "rate": text}
    )
