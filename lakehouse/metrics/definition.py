"""The form of a KPI: what is summed, over which table and column of time, and how it is judged.

Everything here is validated when configuration loads. Not here: whether the source has the columns (binding.py), and
the SQL that computes (values_sql.py).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from lakehouse.configuration import describe, nearest
from lakehouse.contracts.contract import NAME
from lakehouse.contracts.format import Strict
from lakehouse.metrics.countries import country_or_home

Owner = Literal["Finance", "Operations", "Product", "Marketing", "Risk"]
Direction = Literal["up", "down", "neither"]
Cadence = Literal["daily", "weekly"]
CADENCES: tuple[Cadence, ...] = ("daily", "weekly")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def _each_by_name(value: object) -> object:
    """A list of columns is each of them by its own name."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        twice = sorted({one for one in value if value.count(one) > 1})
        if twice:
            raise ValueError(f"expected each dimension once, found {twice[0]} twice")
        return {one: one for one in value}
    if isinstance(value, list | str):
        raise ValueError(  # noqa: TRY004  a user's mistake
            f"expected a list of columns, or names with the SQL of one row, found {describe(value)}"
        )
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str | date) else value


def _closed_day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    expected = f"expected a date such as 2026-12-25 or a weekday, found {describe(value)}"
    if not isinstance(value, str):
        raise ValueError(expected)  # noqa: TRY004  a user's mistake
    if value.lower() in WEEKDAYS:
        return value.lower()
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{expected}\n{nearest(value, WEEKDAYS)}") from None


Country = Annotated[str, BeforeValidator(country_or_home)]
ClosedDay = Annotated[date | Weekday, BeforeValidator(_closed_day)]


class Top(Strict):
    """A KPI of concentration: the share that the largest `count` values of column `by` have in the whole."""

    by: str
    count: int = Field(ge=1, le=10_000)


class Thresholds(Strict):
    """Bounds of the whole's value, and the rows below which a period is too thin to be judged."""

    low: float | None = None
    high: float | None = None
    minimum_n: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"expected low below high, found {self.low} and {self.high}")
        return self


class Calendar(Strict):
    """Days on which another value is expected: holidays by country, closed days, and the feed that tells promotions.

    What a KPI doesn't say itself (`model_fields_set`) is said by the company's (company_calendar.py).
    """

    holidays: Annotated[tuple[Country, ...], BeforeValidator(_one_or_more)] = ()
    closed: Annotated[tuple[ClosedDay, ...], BeforeValidator(_one_or_more)] = ()
    promotions: str | None = None


class Kpi(Strict):
    """One KPI; its name is its file's.

    A period's value is `value`, an aggregate over the rows of `source` whose `time` falls into it, or `numerator` over
    `denominator`. With `top`, it is the share of the largest groups in `value`. `money`
    names the KPI of money that moves in proportion to it, `factors` the KPIs whose product it is.
    """

    name: str
    shown: str
    label: str
    description: str = ""
    owner: Owner
    unit: str
    direction: Direction
    cadence: Annotated[tuple[Cadence, ...], BeforeValidator(_one_or_more)] = Field(min_length=1)
    source: str
    time: str
    value: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    n: str | None = None
    top: Top | None = None
    filter: str | None = None
    dimensions: Annotated[dict[str, str], BeforeValidator(_each_by_name)] = Field(default_factory=dict)
    matures_after_days: int = Field(0, ge=0, le=3650)
    target: float | dict[Cadence, float] | None = None
    thresholds: Thresholds = Thresholds()
    sensitivity: float = Field(4.0, gt=0, le=366)
    calendar: Calendar = Calendar()
    money: str | None = None
    factors: tuple[str, ...] = Field((), max_length=5)

    @field_validator("cadence", mode="after")
    @classmethod
    def _each_cadence_once(cls, value: tuple[Cadence, ...]) -> tuple[Cadence, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"expected each cadence once, found {', '.join(value)}")
        return tuple(one for one in CADENCES if one in value)

    @field_validator("dimensions", mode="after")
    @classmethod
    def _plain_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not NAME.match(name):
                raise ValueError(f"expected a lower-case name such as country, found {describe(name)}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = [name for name in ("value", "numerator", "denominator") if getattr(self, name) is not None]
        if given not in (["value"], ["numerator", "denominator"]):
            raise ValueError(
                f"expected value, or numerator and denominator, found {' and '.join(given) or 'none'}\n"
                "value: sum(amount); or numerator: sum(amount), denominator: count(*)."
            )
        if self.top is not None and self.value is None:
            raise ValueError(
                "expected value beside top, found numerator and denominator\nThe share is made of value."
            )
        if isinstance(self.target, dict):
            other = [one for one in self.target if one not in self.cadence]
            if other:
                raise ValueError(
                    f"expected targets of {' and '.join(self.cadence)}, found {other[0]}\nName it under cadence, too."
                )
        elif self.target is not None and not self.is_ratio and len(self.cadence) > 1:
            raise ValueError(
                f"expected a target for each cadence, found {self.target:g}\n"
                f"A week's value is not a day's: target: {{daily: {self.target:g}, weekly: ...}}."
            )
        return self

    @property
    def is_ratio(self) -> bool:
        return self.value is None or self.top is not None

    @property
    def expressions(self) -> dict[str, str]:
        """Its aggregates by key."""
        named = {name: getattr(self, name) for name in ("value", "numerator", "denominator", "n")}
        return {name: text for name, text in named.items() if text is not None}

    def target_for(self, cadence: str) -> float | None:
        if isinstance(self.target, dict):
            return {str(key): value for key, value in self.target.items()}.get(cadence)
        return self.target
