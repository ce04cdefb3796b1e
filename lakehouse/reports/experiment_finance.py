"""What finance booked while the experiment ran, by variant and of everyone else.

Here belongs exp_finance, whose rows sum to all bookings to the cent.
"""

from decimal import Decimal

import duckdb
import polars as pl

from lakehouse.reports import words
from lakehouse.reports.dataset import Dataset, Ratio, Rows, quotient
from lakehouse.reports.experiment_data import Trial
from lakehouse.reports.page import Column, Section, Sentence, Table
from lakehouse.warehouse.query import read

_TABLE = "exp_finance"
NOT_IN_EXPERIMENT = "(not in the experiment)"
_TOTAL = "All bookings"

_FINANCE = """
select variant, units, customers, bookings, amount, new_mrr, net_mrr
from exp_finance
where experiment_id = $experiment
order by variant = $outside, variant <> $control, variant
"""


def finance(connection: duckdb.DuckDBPyConnection, trial: Trial) -> Section:
    """Bookings and recurring revenue of each variant's units, and of everyone else."""
    title = "What finance booked"
    found = read(connection, _FINANCE, experiment=trial.id, outside=NOT_IN_EXPERIMENT, control=trial.control)
    if not found["bookings"].sum():
        return Section("finance", title, empty="Finance has booked nothing up to the as-of day.")
    return Section("finance", title, _sentences(trial, found), tables=(_table(trial, found),))


def _sentences(trial: Trial, found: pl.DataFrame) -> tuple[Sentence, ...]:
    money = words.money_form(trial.currency)

    def per_unit(row: dict[str, Decimal | int | None], column: str) -> str:
        return words.show(quotient(row[column], row["units"]), money)

    rows = {row["variant"]: row for row in found.iter_rows(named=True)}
    outside = rows.pop(NOT_IN_EXPERIMENT, None)
    one = trial.units[0]
    told = "; ".join(
        f"{words.named(name)} {words.show(row['amount'], money)} ({per_unit(row, 'amount')} per {one}), recurring revenue "
        f"moved by {words.show(row['net_mrr'], money)} a month"
        for name, row in rows.items()
    )
    sentences = [
        Sentence(f"Booked from first exposure to the experiment's end: {told}.", (_TABLE,)),
        Sentence(
            "These are sums, not tests: whether a difference is more than chance is told by the metrics above."
        ),
    ]
    if outside is not None:
        whole = sum(row["amount"] for row in found.iter_rows(named=True))
        sentences.insert(
            1,
            Sentence(
                f"Everyone else was booked {words.show(outside['amount'], money)}; together {words.show(whole, money)}, all "
                "that finance has.",
                (_TABLE, "fct_bookings"),
            ),
        )
    return tuple(sentences)


def _table(trial: Trial, found: pl.DataFrame) -> Table:
    sums = [pl.col(name).sum() for name in found.columns if name not in ("variant", "units", "customers")]
    total = found.select(sums).with_columns(pl.lit(_TOTAL).alias("variant"))
    frame = pl.concat([found, total], how="diagonal_relaxed").select(found.columns)
    ratios = {"amount_per_unit": Ratio("amount", "units"), "mrr_per_unit": Ratio("net_mrr", "units")}
    one, many = trial.units
    columns = (
        Column("Variant", "variant", is_name=True),
        Column(many.capitalize(), "units", words.COUNT),
        Column("Customers", "customers", words.COUNT),
        Column("Bookings", "bookings", words.COUNT),
        Column("Amount", "amount", words.AMOUNT),
        Column(f"Per {one}", "amount_per_unit", words.AMOUNT),
        Column("Net MRR", "net_mrr", words.AMOUNT),
        Column(f"Net MRR per {one}", "mrr_per_unit", words.AMOUNT),
    )
    return Table(
        f"Bookings and monthly recurring revenue (MRR){f', {trial.currency}' if trial.currency else ''}",
        columns,
        Rows(Dataset("finance", frame, ratios=ratios)),
        "bookings",
        noun=("variant", "variants"),
    )
