"""The company's arrays as rows of the feeds: columns, texts and formats of the contracts.

Belongs here: what a feed's row looks like. Doesn't: which rows go into which file (company.py, write.py).
Amounts become floats only to be written: a cent amount below 2**53 prints exactly with two decimals.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.synth.catalogue import Catalogue, Versions
from lakehouse.synth.fx import RATE_SCALE, Rates
from lakehouse.synth.orders import CHANNELS, METHODS, STATUSES, Lines, Orders
from lakehouse.synth.people import ACQUISITION, AGE_GROUPS, GUEST, People, is_foreign
from lakehouse.synth.plan import DAY, FOREIGN_CURRENCY, NEVER, REPORTING_CURRENCY, Ints
from lakehouse.synth.returns import POLICY, REASONS, Returns
from lakehouse.synth.stock import KINDS, Movements
from lakehouse.synth.words import COUNTRIES, REGIONS, Words

FIRST_NUMBER = 10_000_001
MAIL_HOSTS = ("example.com", "example.org", "example.net")


def customers(people: People, words: Words) -> pl.DataFrame:
    first, last = _chosen(words.first_names, people.first_name), _chosen(words.last_names, people.last_name)
    mail = pl.DataFrame(
        {
            "first": _chosen(words.first_email_names, people.first_name),
            "last": _chosen(words.last_email_names, people.last_name),
            "number": people.number + 1,
            "host": _chosen(MAIL_HOSTS, (people.number + people.email_version) % len(MAIL_HOSTS)),
        }
    )
    email = pl.concat_str("first", pl.lit("."), "last", "number", pl.lit("@"), "host").alias("email")
    return pl.DataFrame(
        {
            "customer_id": _ids("C", people.number),
            "email": mail.select(email).to_series(),
            "full_name": pl.select(pl.concat_str(first, last, separator=" ")).to_series(),
            "country": _chosen(COUNTRIES, people.country),
            "region": _chosen(REGIONS, people.country),
            "age_group": _chosen(AGE_GROUPS, people.age_group),
            "acquisition_channel": _chosen([name for name, _, _ in ACQUISITION], people.channel),
            "acquisition_cost": people.cost / 100,
            "registered_at": _times(people.registered_at),
            "updated_at": _times(people.at),
        }
    )


def products(versions: Versions, catalogue: Catalogue) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "product_id": _ids("P", versions.product),
            "name": _chosen(catalogue.names, versions.product),
            "category": _chosen(catalogue.categories, versions.product),
            "brand": _chosen(catalogue.brands, versions.product),
            "list_price": versions.price / 100,
            "unit_cost": versions.cost / 100,
            "reorder_point": versions.reorder_point,
            "updated_at": _times(versions.at),
        }
    )


def orders(orders: Orders, instant: int) -> pl.DataFrame:
    """The orders as they stand just before the instant."""
    customer = pl.select(
        pl.when(pl.Series(orders.customer != GUEST)).then(_ids("C", orders.customer)).otherwise(None)
    ).to_series()
    return pl.DataFrame(
        {
            "order_id": _ids("O", orders.number),
            "customer_id": customer,
            "status": _chosen(STATUSES, orders.status_at(instant)),
            "created_at": _times(orders.created),
            "paid_at": _times(orders.paid, instant),
            "fulfilled_at": _times(orders.fulfilled, instant),
            "delivered_at": _times(orders.delivered, instant),
            "channel": _chosen(CHANNELS, orders.channel),
            "country": _chosen(COUNTRIES, orders.country),
            "currency": _chosen(
                (REPORTING_CURRENCY, FOREIGN_CURRENCY), is_foreign(orders.country).astype(np.int64)
            ),
            "payment_method": _chosen(METHODS, orders.method),
        }
    )


def order_items(lines: Lines, orders: Orders) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "order_id": _ids("O", orders.number[lines.order]),
            "line_number": lines.line,
            "product_id": _ids("P", lines.product),
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
            "return_id": _ids("R", np.arange(first_number, first_number + len(returns.at), dtype=np.int64)),
            "order_id": _ids("O", returns.order),
            "line_number": returns.line,
            "quantity": returns.quantity,
            "returned_at": _times(returns.at),
            "reason": _chosen(REASONS, returns.reason),
            "refund_amount": pl.Series(refund, nan_to_null=True),
        }
    )


def inventory_movements(movements: Movements, first_number: int) -> pl.DataFrame:
    number = np.arange(first_number, first_number + len(movements.at), dtype=np.int64)
    return pl.DataFrame(
        {
            "movement_id": _ids("M", number),
            "product_id": _ids("P", movements.product),
            "moved_at": _times(movements.at),
            "kind": _chosen(KINDS, movements.kind),
            "quantity": movements.quantity,
        }
    )


def fx_rates(rates: Rates) -> pl.DataFrame:
    # A rate has six decimals and every other amount two: it is written out as text.
    text = [f"{rate // RATE_SCALE}.{rate % RATE_SCALE:06d}" for rate in rates.rates.tolist()]
    return pl.DataFrame(
        {"date": _times(rates.days * DAY).dt.date(), "currency": FOREIGN_CURRENCY, "rate": text}
    )


def _ids(letter: str, numbers: Ints) -> pl.Series:
    return pl.select(pl.concat_str(pl.lit(letter), pl.Series(numbers + FIRST_NUMBER))).to_series()


def _chosen(pool: tuple[str, ...] | list[str], positions: Ints) -> pl.Series:
    return pl.Series(pool, dtype=pl.String).gather(positions)


def _times(seconds: Ints, instant: int = NEVER) -> pl.Series:
    """Times as they are known just before the instant: null for what is still to come."""
    times = pl.from_epoch(pl.Series(np.where(seconds < instant, seconds, 0)), time_unit="s")
    if instant == NEVER:
        return times
    return pl.select(pl.when(pl.Series(seconds < instant)).then(times).otherwise(None)).to_series()
