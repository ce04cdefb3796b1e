"""The form of an experiment: what was tried on whom, when, and how it will be judged.

One file of the registry is one Experiment; its file's stem is its id. Everything that one file alone can get wrong is
told here. Not here: whether tables and columns exist (binding.py), and what is computed from it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from lakehouse.configuration import describe, nearest
from lakehouse.contracts.format import Listed, Strict
from lakehouse.experiments.metric import Metric
from lakehouse.stats.spending import DEFAULT_PARAMETERS

Unit = Literal["visitor", "customer"]
Design = Literal["randomized", "difference_in_differences", "synthetic_control"]
Handling = Literal["exclude", "first_exposure", "intention_to_treat"]
HANDLINGS: tuple[Handling, ...] = ("exclude", "first_exposure", "intention_to_treat")
Role = Literal["primary", "secondary", "guardrail"]
EVEN = "Even shares need no numbers: variants: [control, new]."
NOT_IN_EXPERIMENT = "(not in the experiment)"


def _as_text(value: object) -> object:
    """Variants are texts in the feed. YAML reads 0 and 1 as numbers, and what it makes of `on` nobody can tell back."""
    if isinstance(value, bool | float):
        hint = "YAML reads it as a number or a truth: write it in quotation marks, as exposures carry it."
        raise ValueError(f"expected a variant's name, found {value}\n{hint}")  # noqa: TRY004  pydantic gathers it
    return str(value) if isinstance(value, int) else value


def _as_moment(value: object) -> object:
    """A date, or the number of a panel's period; texts and moments are told what they should have been."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"expected a date such as 2026-03-02, found {describe(value)}") from None
    if isinstance(value, datetime):
        raise ValueError(  # noqa: TRY004  pydantic gathers it
            f"expected a date such as 2026-03-02, found {value}\nDays begin at midnight of the business time zone."
        )
    return value


VariantName = Annotated[str, BeforeValidator(_as_text)]
Moment = Annotated[int | date | None, BeforeValidator(_as_moment)]
# Shares are written with few digits (0.33 thrice): a sum that is off by no more is rounding, and is put right.
ROUNDING = 0.011


class Eligibility(Strict):
    """Who counts. `rules`: conditions on attributes, all of which must hold; what they can't tell of doesn't hold."""

    rules: Listed = ()
    existing_customers: Literal["include", "exclude"] = "include"
    contamination: Handling = "exclude"


class Attributes(Strict):
    """Where a unit's attributes stand, when not in the visitor's or customer's own dimension."""

    source: str
    unit: str


class Roles(Strict):
    """Names of metrics by role."""

    primary: str
    secondary: Listed = ()
    guardrails: Listed = ()

    @property
    def by_name(self) -> dict[str, Role]:
        """Every metric once, the primary first; a name that stands twice keeps its first role."""
        named: dict[str, Role] = {self.primary: "primary"}
        for name in self.secondary:
            named.setdefault(name, "secondary")
        for name in self.guardrails:
            named.setdefault(name, "guardrail")
        return named


class Sequential(Strict):
    """How results may be looked at before the end."""

    method: Literal["none", "confidence_sequence", "group_sequential"] = "none"
    looks: int = Field(5, ge=1, le=50)
    spending: Literal["obrien_fleming", "pocock", "hwang_shih_decani", "power"] = "obrien_fleming"
    parameter: float | None = None
    planned_units: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _spends_as_its_family(self) -> Self:
        """A plan that can't be made would leave every look without a verdict."""
        if self.parameter is not None and self.spending not in DEFAULT_PARAMETERS:
            families = " or ".join(DEFAULT_PARAMETERS)
            raise ValueError(
                f"expected parameter with spending {families} only, found it with {self.spending}"
            )
        if self.spending == "power" and self.parameter is not None and self.parameter <= 0:
            raise ValueError(f"expected parameter above 0 for spending power, found {self.parameter:g}")
        return self


class Thresholds(Strict):
    """From where on a health check warns or fails: p-values below, shares above."""

    sample_ratio: float = Field(0.001, gt=0, lt=1)
    pre_period: float = Field(0.001, gt=0, lt=1)
    contamination_warn: float = Field(0.01, ge=0, le=1)
    contamination_fail: float = Field(0.05, ge=0, le=1)
    pre_trend_warn: float = Field(0.05, gt=0, lt=1)
    pre_trend_fail: float = Field(0.01, gt=0, lt=1)


class Analysis(Strict):
    """How it is judged."""

    alpha: float = Field(0.05, gt=0, lt=0.5)
    power: float = Field(0.8, gt=0.05, lt=1)
    minimum_effect: float | None = Field(None, gt=0)
    sequential: Sequential = Sequential()
    multiplicity: Literal["none", "bonferroni", "holm", "holm-sidak", "hochberg", "bh", "by"] = "holm"
    cuped: bool = True
    variances: Literal["unequal", "equal"] = "unequal"
    controls: Literal["never_treated", "not_yet_treated"] = "never_treated"
    aggregation: Literal["simple", "group", "dynamic", "calendar"] = "simple"
    estimator: Literal["default", "synthetic_did"] = "default"
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _power_is_above_alpha(self) -> Self:
        if self.power <= self.alpha:
            raise ValueError(f"expected power above alpha ({self.alpha:g}), found {self.power:g}")
        return self


class Panel(Strict):
    """A quasi-experiment's data: one value per unit and period, and when each unit adopted what is tried.

    Either `adopted`, SQL that gives the unit's time of adoption (null or 0: never), or `treated`, SQL that is true for
    units treated from the experiment's start on. `absent`: what a unit and period without rows is.
    """

    source: str
    unit: str
    time: str
    adopted: str | None = None
    treated: str | None = None
    where: str | None = None
    absent: Literal["missing", "zero"] = "missing"

    @model_validator(mode="after")
    def _one_way_of_treatment(self) -> Self:
        if (self.adopted is None) == (self.treated is None):
            found = "neither" if self.adopted is None else "both"
            raise ValueError(f"expected either adopted or treated, found {found}")
        return self

    @property
    def expressions(self) -> dict[str, str]:
        """Its SQL by key."""
        named = {name: getattr(self, name) for name in ("unit", "time", "adopted", "treated", "where")}
        return {name: text for name, text in named.items() if text is not None}


class Experiment(Strict):
    """One experiment. `id` is given by the loader, `shown` is how messages name its file."""

    id: str
    shown: str = ""
    name: str
    hypothesis: str = ""
    owner: str
    design: Design = "randomized"
    unit: Unit = "visitor"
    cluster: str | None = None
    start: Moment = None
    end: Moment = None
    variants: dict[VariantName, float] = Field(default_factory=dict)
    control: VariantName | None = None
    eligibility: Eligibility = Eligibility()
    attributes: Attributes | None = None
    metrics: Roles
    define: dict[str, Metric] = Field(default_factory=dict)
    segments: dict[str, str] = Field(default_factory=dict)
    analysis: Analysis = Analysis()
    panel: Panel | None = None

    @field_validator("variants", mode="before")
    @classmethod
    def _listed_means_even(cls, value: object) -> object:
        """`[control, new]`: each the same share."""
        return {name: 1 / len(value) for name in value} if isinstance(value, list) else value

    @field_validator("variants")
    @classmethod
    def _shares_without_rounding(cls, shares: dict[str, float]) -> dict[str, float]:
        total = sum(shares.values())
        is_rounded = 1e-6 < abs(total - 1) <= ROUNDING and len(shares) > 2
        return {name: share / total for name, share in shares.items()} if is_rounded else shares

    @field_validator("segments", mode="before")
    @classmethod
    def _named_by_their_column(cls, value: object) -> object:
        """`[region, device]`, or `{age_band: "case when ... end"}`."""
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return {name: name for name in value}
        return value

    @model_validator(mode="after")
    def _fits_its_design(self) -> Self:
        if isinstance(self.start, date) and isinstance(self.end, date) and self.end <= self.start:
            raise ValueError(f"expected end after start ({self.start}), found {self.end}")
        return self._randomized() if self.is_randomized else self._observed()

    def _randomized(self) -> Self:
        for name in ("start", "end"):
            if not isinstance(getattr(self, name), date):
                found = describe(getattr(self, name))
                raise ValueError(f"expected {name}, a date such as 2026-03-02, found {found}")  # noqa: TRY004  pydantic gathers it
        if self.panel is not None:
            raise ValueError(
                'expected no panel, found one\nIt belongs to a quasi-experiment: give its "design".'
            )
        if len(self.variants) < 2:
            raise ValueError(f"expected at least two variants with their shares, found {len(self.variants)}")
        if any(not 0 < share < 1 for share in self.variants.values()):
            raise ValueError(
                f"expected shares of variants between 0 and 1, found {describe(self.variants)}\n{EVEN}"
            )
        total = sum(self.variants.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"expected shares of variants that sum to 1, found {total:g}\n{EVEN}")
        blank = [name for name in self.variants if not name.strip()]
        if blank:
            raise ValueError(f"expected every variant to have a name, found {describe(blank[0])}")
        if NOT_IN_EXPERIMENT in self.variants:
            raise ValueError(f'expected another name of a variant, found "{NOT_IN_EXPERIMENT}"')
        if self.control not in self.variants:
            hint = nearest(self.control or "", self.variants)
            raise ValueError(f"expected control, one of the variants, found {describe(self.control)}\n{hint}")
        return self

    def _observed(self) -> Self:
        if self.panel is None:
            raise ValueError(f"expected panel, the data of a {self.design} design, found none")
        unfit = ("variants", "control", "attributes", "segments", "cluster")
        given = [name for name in unfit if getattr(self, name)]
        if given or self.eligibility != Eligibility():
            found = given[0] if given else "eligibility"
            raise ValueError(
                f"expected no {found} in a {self.design} design, found it\n"
                "Choose rows with panel.where, and treated units with panel.adopted or panel.treated."
            )
        if self.panel.treated is not None and self.start is None:
            raise ValueError("expected start, the time of treatment, beside panel.treated, found none")
        return self

    @property
    def is_randomized(self) -> bool:
        return self.design == "randomized"

    @property
    def days(self) -> tuple[date, date]:
        """First day, and the day after the last; of randomized experiments."""
        if not (isinstance(self.start, date) and isinstance(self.end, date)):
            raise TypeError(f"{self.id}: expected a randomized experiment, found design {self.design}")
        return self.start, self.end

    def measured(self, metrics: dict[str, Metric]) -> dict[str, Metric]:
        """Its metrics in order of role, its own definitions before the common ones; unknown names are left out."""
        known = {**metrics, **self.define}
        return {name: known[name] for name in self.metrics.by_name if name in known}
