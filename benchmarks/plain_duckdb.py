"""The peer: the same dims and facts from the same files by plain DuckDB, without validation, lineage or quarantine.

It reads the CSV files with `read_csv`, keeps the last row of each key, and runs the same SELECTs one after the
other. What it leaves out is what the lake costs: text kept as it came, contracts, reasons, checks, metadata, a
published copy, a report.

    python -m benchmarks.plain_duckdb LANDING_DIR
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

from lakehouse.catalog import load_catalog
from lakehouse.contracts import Contract
from lakehouse.settings import Settings
from lakehouse.warehouse.session import connection_config, prepare


def _read(contract: Contract, landing: Path) -> str:
    files = sorted(str(path) for path in (landing / contract.name).glob("*.csv"))
    header = Path(files[0]).read_text(encoding="utf-8").partition("\n")[0].split(",") if files else []
    kept = ", ".join(name for name in contract.columns if name in header)
    types = ", ".join(f"'{name}': '{contract.columns[name].sql_type}'" for name in header)
    missing = "".join(
        f", null::{column.sql_type} as {name}"
        for name, column in contract.columns.items()
        if name not in header
    )
    if not files:
        empty = ", ".join(f"null::{column.sql_type} as {name}" for name, column in contract.columns.items())
        return f"select {empty}, null::timestamp as _ingested_at, null::bigint as _row_number where false"
    return (
        f"select {kept}{missing}, timestamp '2026-01-01' as _ingested_at, null::bigint as _row_number, filename "
        f"from read_csv({files}, header = true, columns = {{{types}}}, filename = true)"
    )


def run(landing: Path) -> dict[str, float]:
    """Seconds per part, and figures to compare with the lake's."""
    catalog = load_catalog()
    connection = duckdb.connect(
        config={**connection_config(Settings()), "temp_directory": str(landing.parent / "tmp")}
    )
    prepare(connection, Settings())
    begun = time.perf_counter()
    for contract in catalog.contracts.values():
        if contract.source is not None:
            continue
        key = ", ".join(contract.key)
        columns = ", ".join([*contract.columns, "_ingested_at", "_row_number"])
        source = _read(contract, landing)
        if contract.history or "filename" not in source:
            body = f"select {columns} from ({source})"
        else:
            body = f"select {columns} from ({source}) qualify row_number() over (partition by {key} order by filename desc) = 1"
        connection.execute(f"create table core_{contract.name} as select 'native' as source, * from ({body})")
    read = time.perf_counter() - begun
    begun = time.perf_counter()
    for model in catalog.models:
        if model.path is not None and "sources" not in model.path.parts:
            kind = "view" if model.is_view else "table"
            connection.execute(f"create {kind} {model.name} as {model.sql}")
    models = time.perf_counter() - begun
    net, items = connection.execute(
        "select (select sum(net_revenue) from fct_orders)::double, (select count(*) from fct_order_items)::double"
    ).fetchall()[0]
    return {"read": read, "models": models, "net_revenue": net, "order_items": items}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
