"""What a rejected row looks like in quarantine: its feed, file and place, all its reasons, and the row as it came."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from lakehouse.ingest.raw import RawFile
from lakehouse.ingest.table import TEXT

QUARANTINE_SCHEMA = pa.schema(
    [
        ("feed", pa.large_string()),
        ("file", pa.large_string()),
        ("row_number", pa.int64()),
        ("reasons", pa.large_list(pa.large_string())),
        ("row", pa.large_string()),
        ("ingested_at", pa.timestamp("us")),
    ]
)


def quarantined_rows(
    feed: str, frame: pl.DataFrame, reasons: pl.Series, columns: Sequence[str]
) -> pl.DataFrame:
    """Raw rows with their reasons. A row that could not be split into `columns` is kept as its text."""
    # Series, not names: a column may be called "*" or "^.*$", which polars would read as a pattern.
    whole = pl.struct([frame[name] for name in columns]).struct.json_encode() if columns else pl.lit("{}")
    text = pl.struct(pl.col(TEXT).alias("_text")).struct.json_encode()
    return frame.select(
        pl.lit(feed).alias("feed"),
        pl.col("_source_file").alias("file"),
        pl.col("_row_number").alias("row_number"),
        reasons.alias("reasons"),
        pl.when(pl.col(TEXT).is_not_null()).then(text).otherwise(whole).alias("row"),
        pl.col("_ingested_at").alias("ingested_at"),
    )


def quarantined_file(feed: str, raw: RawFile) -> pl.DataFrame:
    """A file that could not be read at all: one entry, row 0."""
    row = {
        "feed": feed,
        "file": raw.source_file,
        "row_number": 0,
        "reasons": [raw.reason],
        "row": json.dumps({"_file": raw.source_file}),
        "ingested_at": raw.name.ingested_at.replace(tzinfo=None),
    }
    return pl.DataFrame([row], schema_overrides={"row_number": pl.Int64, "ingested_at": pl.Datetime("us")})
