"""What the published copy tells of a metric's level, for the plan of the next experiment.

Not here: readouts as they were published (the reports read those).
"""

from __future__ import annotations

import math

import duckdb

from lakehouse.experiments.experiment import Experiment
from lakehouse.experiments.metric import Metric
from lakehouse.experiments.readout_source import Tables
from lakehouse.experiments.readout_sums import NoReadout, Sums

_CONTROL = """
select *
from exp_aggregate
where experiment_id = $1 and metric = $2 and variant = $3 and handling = $4 and level = 'unit'
"""


def control_level(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment, metric: Metric
) -> tuple[float, float] | None:
    """The primary metric's level in the control, and one unit's standard deviation; None where nothing is known yet.

    Of a ratio it is the deviation of a unit's contribution.
    """
    key = [
        experiment.id,
        experiment.metrics.primary,
        experiment.control,
        experiment.eligibility.contamination,
    ]
    row = next(Tables.of(connection).rows(_CONTROL, key, "exp_aggregate"), None)
    if row is None:
        return None
    try:
        found = Sums.from_row(row).arm(is_ratio=metric.is_ratio)
    except NoReadout:
        return None
    return found.mean, math.sqrt(found.variance)
