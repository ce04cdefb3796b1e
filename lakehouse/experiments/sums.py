"""Sufficient statistics of units: sums of each metric's variables and of their products, as rows of exp_aggregate.

Belongs here: which sums there are, and SQL that makes them of columns and turns them into rows. Not here: over which
units they run (aggregate.py, slices.py).

The variables of a metric: y its numerator, d its denominator (1 where it has none), x and e the same before the
experiment (null without a covariate). A variable is null where the unit's window has not elapsed.

Sums run over whole numbers of a last digit, not over floating-point values: they are the same in whatever order the
units stand, so a repeated run tells the same figures to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import floor, log10

from lakehouse.experiments.plan import Measure
from lakehouse.sql_text import literal

VARIABLES = "ydxe"
PRODUCTS = tuple(a + b for place, a in enumerate(VARIABLES) for b in VARIABLES[place:])
SUMS = tuple(f"s_{name}" for name in VARIABLES) + PRODUCTS
STATISTICS = ("n", "immature", *SUMS)

# No sum of absolute values has more digits than this, so that no sum of products leaves 128 bits.
_MOST_DIGITS = 18
_MOST_DECIMALS = 300


def decimals(largest: float | None, units: int) -> int:
    """Decimals to which a variable is summed: as many as keep `units` values up to `largest` below 10 ** 18.

    The mean is then off by less than 10 ** -17 of the largest value. Negative for values beyond 10 ** 18.
    """
    if not largest or not units:
        return 0
    digits = floor(log10(largest)) + floor(log10(units)) + 2
    return min(_MOST_DIGITS - digits, _MOST_DECIMALS)


@dataclass(frozen=True, slots=True)
class Summand:
    """A metric's columns in a table of units. `has_d`, `has_x`: whether the variables are columns, not all 1 or absent.

    `decimals`: variable -> decimals to which it is summed; 0 where it is not named.
    """

    name: str
    number: int
    window_days: int | None
    has_d: bool
    has_x: bool
    decimals: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, measure: Measure, number: int) -> Summand:
        metric = measure.metric
        return cls(measure.name, number, metric.window_days, metric.is_ratio, metric.has_covariate)

    def whole(self, variable: str, value: str) -> str:
        """A variable's value as a whole number of its last decimal."""
        return f"cast(round({value} * {_power(self.decimals.get(variable, 0))}) as bigint)"

    @property
    def columns(self) -> dict[str, str]:
        """Variable -> column, of those that the table has."""
        has = {"y": True, "d": self.has_d, "x": self.has_x, "e": self.has_x and self.has_d}
        return {name: f"{name}{self.number}" for name, is_there in has.items() if is_there}

    def statistic(self, name: str) -> str:
        """A statistic over a table of sums; what needs no sum of its own is another one, or null."""
        if name in ("n", "immature"):
            return f"{name}_{self.number}"
        variables = name.removeprefix("s_")
        if not self.has_x and set(variables) & set("xe"):
            return "null"
        # Factors that are 1 for every unit drop out.
        left = "".join(one for one in variables if one in self.columns)
        if not left:
            return f"n_{self.number}"
        column = f"{'s_' if len(left) == 1 else ''}{left}_{self.number}"
        scale = "".join(f" / {_power(self.decimals.get(one, 0))}" for one in left)
        return f"cast({column} as double){scale}"

    @property
    def sums(self) -> Mapping[str, str]:
        """Column of a table of sums -> SQL over a table of variables that are whole numbers."""
        mine = self.columns
        made = {f"n_{self.number}": f"count({mine['y']})", f"immature_{self.number}": self._immature()}
        for name in mine:
            made[f"s_{name}_{self.number}"] = f"sum({mine[name]})"
        for product in PRODUCTS:
            if set(product) <= set(mine):
                made[f"{product}_{self.number}"] = (
                    f"sum(cast({mine[product[0]]} as hugeint) * {mine[product[1]]})"
                )
        return made

    def _immature(self) -> str:
        return "0" if self.window_days is None else f"count(*) - count(y{self.number})"


def summed(summands: Iterable[Summand]) -> str:
    """The select list of a table of sums."""
    return ", ".join(f"{made} as {column}" for one in summands for column, made in one.sums.items())


def as_rows(summands: Iterable[Summand], table: str, given: Mapping[str, str]) -> str:
    """A query that turns a table of sums, one row per variant (and slice), into one row per metric as well.

    `given`: further columns and their SQL. Sums that are too large for a number are null, as no sum is.
    """
    queries = []
    for one in summands:
        counts = [f"coalesce({one.statistic(name)}, 0)::bigint as {name}" for name in ("n", "immature")]
        values = [_finite(one.statistic(name), name) for name in SUMS]
        extra = [f"{made} as {column}" for column, made in given.items()]
        listed = ", ".join([*extra, f"{literal(one.name)} as metric", *counts, *values])
        queries.append(f"select {listed} from {table}")
    return " union all ".join(queries)


def _power(exponent: int) -> str:
    return f"1e{exponent}"


def _finite(made: str, name: str) -> str:
    if made == "null":
        return f"cast(null as double) as {name}"
    value = f"coalesce(cast({made} as double), 0)"
    return f"case when isfinite({value}) then {value} end as {name}"
