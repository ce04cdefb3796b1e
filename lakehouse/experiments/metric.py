"""The form of a metric: what is measured of a unit, from which table, within which window.

Everything here is validated when configuration loads. Not here: whether the source has the columns (binding.py), and
the SQL that measures (measure.py).
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from lakehouse.contracts.format import Strict

Kind = Literal["proportion", "mean", "ratio", "quantile"]


class Prior(Strict):
    """What is believed of an effect beforehand: normal, on the relative or the absolute effect."""

    mean: float = 0.0
    sd: float = Field(gt=0)
    scale: Literal["relative", "absolute"] = "relative"


class Metric(Strict):
    """One metric; its name is its key.

    A unit's value is `value`, an aggregate over its rows of `source` (a ratio's are `numerator` and `denominator`).
    Null counts as 0. So does a value that is not finite, and the metric then has no readout; both are counted in
    exp_metrics. A unit of a proportion counts as 1 where its value is above 0. `winsorize` caps means and ratios at
    that quantile of all arms' units together, covariates at their own.
    """

    label: str
    description: str = ""
    kind: Kind
    source: str | None = None
    unit: str | None = None
    time: str | None = None
    value: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    quantile: float | None = Field(None, gt=0, lt=1)
    window_days: int | None = Field(None, ge=1, le=3650)
    direction: Literal["up", "down"] = "up"
    winsorize: float | None = Field(None, gt=0.5, lt=1)
    covariate_days: int | None = Field(None, ge=1, le=3650)
    covariate: str | None = None
    margin: float | None = Field(None, gt=0, lt=1)
    prior: Prior | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        needed = {"ratio": ("numerator", "denominator"), "quantile": ("value", "quantile")}.get(
            self.kind, ("value",)
        )
        parts = ("value", "numerator", "denominator", "quantile")
        missing = [name for name in needed if getattr(self, name) is None]
        foreign = [name for name in parts if name not in needed and getattr(self, name) is not None]
        if missing or foreign:
            given = [name for name in parts if getattr(self, name) is not None]
            listed = " and ".join(needed)
            raise ValueError(f"expected {listed} for a {self.kind}, found {', '.join(given) or 'none'}")
        if self.winsorize is not None and self.kind not in ("mean", "ratio"):
            raise ValueError(
                f"expected winsorize with a mean or a ratio only, found it with a {self.kind}\n"
                "A proportion is 0 or 1, and a quantile minds no outliers."
            )
        if self.covariate is not None and self.kind == "ratio":
            raise ValueError(
                "expected covariate with one value per unit, found it with a ratio\n"
                "A ratio's covariates are its own two parts before the experiment: covariate_days."
            )
        for name in ("window_days", "covariate_days"):
            if getattr(self, name) is not None and self.time is None:
                raise ValueError(
                    f"expected time, the column that {name} is counted on, found none\nName it, or leave {name} out."
                )
        return self

    @property
    def is_ratio(self) -> bool:
        return self.kind == "ratio"

    @property
    def has_covariate(self) -> bool:
        return self.covariate is not None or self.covariate_days is not None

    @property
    def expressions(self) -> dict[str, str]:
        """Its SQL by key."""
        named = {name: getattr(self, name) for name in ("value", "numerator", "denominator", "covariate")}
        return {name: text for name, text in named.items() if text is not None}
