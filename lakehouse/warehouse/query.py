"""One query's result as a Polars frame."""

import duckdb
import polars as pl


def read(connection: duckdb.DuckDBPyConnection, query: str, **parameters: object) -> pl.DataFrame:
    """The rows of the query. parameters: values for its `$name` places, never part of its text."""
    frame = pl.from_arrow(connection.sql(query, params=parameters or None).to_arrow_table())
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"expected a table from the query, found {type(frame).__name__}")
    return frame
