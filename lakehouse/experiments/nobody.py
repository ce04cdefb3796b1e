"""An experiment of which no unit counts: the same tables as any other, without reading what nobody did.

Belongs here: rows of zeros and an empty table of units. Not here: why nobody counts (eligibility.py) and what readouts
say of it (readout.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from lakehouse.experiments.experiment import HANDLINGS
from lakehouse.experiments.measure import slots
from lakehouse.experiments.plan import Plan
from lakehouse.experiments.sums import STATISTICS, Summand
from lakehouse.experiments.units import Audit, columns_of_units
from lakehouse.sql_text import literal


def no_units(connection: duckdb.DuckDBPyConnection) -> None:
    """`_units` as finding nobody leaves it, with the columns that bookings are attributed by."""
    connection.execute(
        "create or replace temp table _units (unit_id varchar, variant varchar, first_exposed_at timestamp, "
        "is_eligible boolean, is_contaminated boolean)"
    )


def build_without_units(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, Audit]:
    """Makes the empty table of units, and the zeros of exp_aggregate; tells of every column that nothing is missing."""
    typed = ", ".join(f"{name} {kind}" for name, kind in columns_of_units(plan).items())
    connection.execute(f"create or replace table {plan.units_table} ({typed})")
    names = ", ".join(["experiment_id", "metric", "variant", "handling", "level", *STATISTICS])
    connection.execute(f"insert into exp_aggregate ({names}) values {', '.join(_zeros(plan))}")
    return {slot.column: Audit(0, 0, None) for slot, _ in slots(plan, has_alternative=False)}


def _zeros(plan: Plan) -> Iterable[str]:
    """Rows of exp_aggregate as values: every metric under the experiment's own handling, the primary under all."""
    own = plan.experiment.eligibility.contamination
    levels = ["unit"] if plan.experiment.cluster is None else ["unit", "cluster"]
    for number, measure in enumerate(plan.measures):
        one = Summand.of(measure, number)
        # What needs a covariate that the metric doesn't have is null, as it is with units.
        sums = ["null" if one.statistic(name) == "null" else "0" for name in STATISTICS]
        kinds = [(own, level) for level in levels]
        if number == 0:
            kinds += [(handling, "unit") for handling in HANDLINGS if handling != own]
        for handling, level in kinds:
            for variant in plan.experiment.variants:
                keys = map(literal, (plan.experiment.id, measure.name, variant, handling, level))
                yield f"({', '.join([*keys, *sums])})"
