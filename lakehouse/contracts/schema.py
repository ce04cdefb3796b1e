"""The Pandera schema of a contract, and its verdict on a frame: every bad row with all its reasons."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from lakehouse.contracts.checks import pandera_check
from lakehouse.contracts.contract import Contract


def pandera_schema(contract: Contract) -> pa.DataFrameSchema:
    """The contract as a Pandera schema over typed columns; nulls of required columns are reported by the cast."""
    columns = {
        name: pa.Column(
            column.polars_type,
            checks=[
                pandera_check(check, value, column.polars_type) for check, value in column.checks.items()
            ],
            nullable=True,
        )
        for name, column in contract.columns.items()
    }
    rules = [_row_rule(name, rule) for name, rule in contract.rules.items()]
    return pa.DataFrameSchema(columns, checks=rules)


def _row_rule(name: str, rule: str) -> pa.Check:
    expression = pl.sql_expr(rule)

    def holds(data: PolarsData) -> pl.LazyFrame:
        # A rule over a null is not broken: required columns have their own reason.
        return data.lazyframe.select(expression.fill_null(value=True))

    return pa.Check(holds, name=name, title=f"rule {name}: {rule}")


def broken_checks(frame: pl.DataFrame, schema: pa.DataFrameSchema) -> list[tuple[str, pl.Series]]:
    """Each check that some row breaks: its reason and a boolean series, true where the row is bad.

    `frame` must be eager: on a LazyFrame Pandera judges the schema only, without saying so.
    """
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        broken = []
        for one in error.schema_errors:
            output = getattr(one, "check_output", None)
            if not isinstance(output, pl.DataFrame):
                raise
            name = getattr(one.schema, "name", None)
            title = getattr(one.check, "title", None) or str(one.check)
            reason = f"{name}: {title}" if name else title
            broken.append((reason, ~output["check_output"].fill_null(value=True)))
        return broken
    return []
