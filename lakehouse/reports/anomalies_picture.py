"""The picture of one anomaly, for whoever tells of it elsewhere than on the page.

Here belongs finding the anomaly; what is drawn is the first chart of its section on the page.
"""

import duckdb

from lakehouse.reports.anomalies_charts import band
from lakehouse.reports.anomalies_data import read_watch
from lakehouse.reports.anomalies_words import heading
from lakehouse.reports.picture import markdown_picture


def anomaly_picture(connection: duckdb.DuckDBPyConnection, anomaly_id: str) -> str:
    """Markdown with the anomaly's series, its expectation and the periods out of the ordinary; empty where nothing is known.

    Raises LookupError for an anomaly that the tables don't hold, duckdb.CatalogException when a table is missing.
    """
    watch = read_watch(connection)
    found = next((each for each in watch.anomalies if each.id == anomaly_id), None)
    if found is None:
        raise LookupError(f"expected an anomaly of the table, found {anomaly_id}")
    chart = band(connection, watch, found, 1)
    return markdown_picture(chart, heading(watch, found)) if chart else ""
