"""One experiment beside the company: what its trial has to know of each month, and its truth at the end.

Belongs here: between the company's visits, orders and bookings and a trial's units. Doesn't: assignment
(trials.py) and the metrics (effects.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lakehouse.synth.batch import pick
from lakehouse.synth.designs import Design
from lakehouse.synth.effects import MEASURES, Exposed, Logs, effects_of
from lakehouse.synth.plan import DAY, Bools, GeneratorPlan, Ints, Month
from lakehouse.synth.sessions import Sessions
from lakehouse.synth.subscriptions import NEW, Bookings
from lakehouse.synth.trials import Exposures, Floats, Known, Trial, Visits
from lakehouse.synth.visitors import DEVICES, MOBILE, NOBODY, Audience
from lakehouse.synth.words import COUNTRIES


class Running:
    """One design with its trial and the logs of what its units do."""

    def __init__(self, plan: GeneratorPlan, design: Design) -> None:
        self._plan = plan
        self._design = design
        self._trial = Trial(plan, design)
        windows = [MEASURES[name].window_days or 0 for name in design.metrics]
        self._closes = self._trial.end + max(windows) * DAY
        self._logs: dict[str, list[Logs]] = {"sessions": [], "orders": [], "bookings": []}
        self._members = np.zeros(0, dtype=np.int64)

    @property
    def id(self) -> str:
        return self._design.id

    @property
    def _by_customer(self) -> bool:
        return self._design.unit == "customer"

    def is_open(self, month: Month) -> bool:
        """Whether the month matters: also before, as long as it tells who is a member already."""
        return month.start < self._closes and (self._by_customer or month.end > self._trial.start)

    def run(
        self,
        month: Month,
        sessions: Sessions,
        audience: Audience,
        order_at: Ints,
        order_visitor: Ints,
        value: Floats,
        bookings: Bookings,
    ) -> Exposures:
        """The month's exposures; what units did is logged."""
        unit_of = audience.customer_of if self._by_customer else np.arange(audience.count, dtype=np.int64)
        units = int(unit_of.max(initial=-1)) + 1
        visits = Visits(unit_of[sessions.visitor], sessions.visitor, sessions.start)
        if self._by_customer:
            # Customers are shown it at the end of a visit in which they are logged in, such as after an order.
            known = audience.linked_at[sessions.visitor] <= sessions.end
            visits = Visits(np.where(known, visits.unit, NOBODY), sessions.visitor, sessions.end)
            visits = pick(visits, np.argsort(visits.at, kind="stable"))
        found, first_at = self._trial.newcomers(visits, units)
        if self._by_customer:
            known_units = self._joining(found, first_at, bookings)
        else:
            known_units = self._of_visitors(found, sessions, audience, order_visitor, value)
        exposures = self._trial.run(month, visits, found, first_at, known_units)
        self._log(sessions, unit_of, order_at, order_visitor, value, bookings)
        begun = bookings.customer[bookings.kind == NEW]
        self._members = np.union1d(self._members, begun)
        return exposures

    def _of_visitors(
        self, found: Ints, sessions: Sessions, audience: Audience, order_visitor: Ints, value: Floats
    ) -> Known:
        design, people = self._design, audience.visitors
        done = {"purchase": sessions.purchase, "activation": sessions.activation}[design.outcome] > 0
        may_change = (people.first_seen[found] >= self._trial.start) & self._eligible(found, audience)
        if design.outcome == "activation":
            # Whoever didn't sign up has nothing to become active in.
            may_change &= np.isin(found, sessions.visitor[sessions.signup > 0])
        if design.only_mobile:
            may_change &= people.device[found] == MOBILE
        known = order_visitor != NOBODY
        spent = np.bincount(order_visitor[known], value[known], audience.count).astype(np.float64)
        return Known(may_change, np.isin(found, sessions.visitor[done]), spent[found])

    def _joining(self, found: Ints, first_at: Ints, bookings: Bookings) -> Known:
        begins = bookings.kind == NEW
        joined_at = dict(zip(bookings.customer[begins].tolist(), bookings.at[begins].tolist(), strict=True))
        at = np.array([joined_at.get(customer, -1) for customer in found.tolist()], dtype=np.int64)
        was_member = np.isin(found, self._members) | ((at >= 0) & (at < first_at))
        return Known(~was_member, at >= first_at, np.zeros(len(found)))

    def _eligible(self, units: Ints, audience: Audience) -> Bools:
        """By rule: people, and not of the country that is left out."""
        if self._by_customer:
            return np.ones(len(units), dtype=np.bool_)
        eligible: Bools = audience.visitors.are_people()[units]
        if self._design.without_country is not None:
            eligible &= audience.visitors.country[units] != COUNTRIES.index(self._design.without_country)
        return eligible

    def _log(
        self,
        sessions: Sessions,
        unit_of: Ints,
        order_at: Ints,
        order_visitor: Ints,
        value: Floats,
        bookings: Bookings,
    ) -> None:
        actions = {
            "signup": sessions.signup,
            "activation": sessions.activation,
            "purchase": sessions.purchase,
        }
        ones = np.ones(len(sessions.start))
        did_nothing = sessions.views + sum(sessions.actions()) == 1
        seen = {"count": ones, "bounce": did_nothing.astype(np.float64)}
        seen |= {name: flag.astype(np.float64) for name, flag in actions.items()}
        self._keep("sessions", unit_of[sessions.visitor], sessions.end, seen)
        known = np.flatnonzero((order_visitor >= 0) & (value > 0))
        spent = {"value": value[known], "count": np.ones(len(known))}
        self._keep("orders", unit_of[order_visitor[known]], order_at[known], spent)
        if self._by_customer:
            new = np.where(bookings.kind == NEW, bookings.mrr, 0) / 100
            booked = {"new_mrr": new, "amount": bookings.amount / 100}
            self._keep("bookings", bookings.customer, bookings.at, booked)

    def _keep(self, log: str, unit: Ints, at: Ints, values: dict[str, Floats]) -> None:
        rows = np.flatnonzero((at >= self._trial.start) & (at < self._closes) & (unit >= 0))
        kept = {name: column[rows] for name, column in values.items()}
        self._logs[log].append(Logs(unit[rows], at[rows], kept))

    def truth(self, audience: Audience) -> dict[str, Any] | None:
        """None where nobody was exposed within the plan's days."""
        trial, design = self._trial, self._design
        if not len(trial.units):
            return None
        fits = self._eligible(trial.units, audience)
        rows = np.flatnonzero(fits & ~np.isin(trial.units, trial.contaminated))
        exposed = Exposed(
            trial.units[rows],
            trial.first_at[rows],
            trial.chances[rows],
            trial.end,
            self._plan.end_second,
        )
        logs = {name: _joined(parts) for name, parts in self._logs.items() if parts}
        told: dict[str, Any] = {
            "id": design.id,
            "design": "randomized",
            "unit": design.unit,
            "planted": design.planted,
            "verdict": design.verdict,
            "start": design.start.isoformat(),
            "end": design.end.isoformat(),
            "variants": design.shares,
            "control": design.variants[0],
            "primary": design.primary,
            "exposures": trial.exposures,
            "units_seen": len(trial.units) + len(trial.outside),
            "units_outside": len(trial.outside),
            "units_not_eligible": int(np.sum(~fits)),
            "units_contaminated": int(np.sum(fits & np.isin(trial.units, trial.contaminated))),
            "units": trial.units_by_variant(rows),
            "effects": {name: effects_of(name, logs, exposed, design.variants) for name in design.metrics},
        }
        if not self._by_customer:
            device = audience.visitors.device[exposed.unit]
            told["segments"] = {
                name: effects_of(design.primary, logs, exposed, design.variants, device == position)
                for position, name in enumerate(DEVICES)
            }
        return told


def _joined(parts: list[Logs]) -> Logs:
    values = {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values}
    return Logs(
        np.concatenate([part.unit for part in parts]), np.concatenate([part.at for part in parts]), values
    )
