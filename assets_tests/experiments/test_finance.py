"""Bookings belong to a variant or to nobody, and together they are what finance booked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def book(trial: Any, customer: str, at: str, amount: str, kind: str = "new") -> None:
    row = {"customer_id": customer, "booked_at": at, "kind": kind, "amount": amount}
    trial.add("fct_bookings", {**row, "monthly_recurring_revenue": amount})


def link(trial: Any, visitor: str, customer: str) -> None:
    trial.add(
        "core_visitor_identities", {"visitor_id": visitor, "customer_id": customer, "linked_at": "2026-01-01"}
    )


def finance(trial: Any) -> dict[str, tuple[Any, ...]]:
    rows = trial.rows("select variant, units, bookings, amount, net_mrr, renewal_mrr from exp_finance")
    return {variant: tuple(rest) for variant, *rest in rows}


def test_a_booking_between_first_exposure_and_end_is_the_variants(trial: Any) -> None:
    trial.expose("v", "new", "2026-03-05")
    link(trial, "v", "c")
    for at, amount in (("2026-03-04", "1"), ("2026-03-05", "2.05"), ("2026-03-29", "4"), ("2026-03-30", "8")):
        book(trial, "c", at, amount)
    book(trial, "c", "2026-03-06", "16", kind="renewal")
    book(trial, "stranger", "2026-03-06", "-32", kind="churn")
    trial.build()
    assert finance(trial) == {
        "control": (0, 0, 0, 0, 0),
        "new": (1, 3, Decimal("22.05"), Decimal("6.05"), 16),
        "(not in the experiment)": (None, 3, -23, -23, 0),
    }


def test_of_a_customers_visitors_the_first_exposed_decides(trial: Any) -> None:
    for visitor, variant, at in (("late", "new", "2026-03-06"), ("soon", "control", "2026-03-05")):
        trial.expose(visitor, variant, at)
        link(trial, visitor, "c")
    book(trial, "c", "2026-03-10", "5")
    trial.build()
    assert finance(trial)["control"][:3] == (1, 1, 5)
    assert finance(trial)["new"][:3] == (1, 0, 0)


def test_who_does_not_count_is_in_no_variant(trial: Any) -> None:
    for variant in ("new", "control"):
        trial.expose("v", variant)
    link(trial, "v", "c")
    book(trial, "c", "2026-03-10", "5")
    trial.build(trial.experiment(unit="customer"))
    assert finance(trial)["(not in the experiment)"][1:3] == (1, 5)


amounts = st.decimals(-1000, 1000, places=4)
kinds = st.sampled_from(["new", "expansion", "renewal", "contraction", "churn"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    exposures=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(["new", "control", "x"]), st.integers(1, 31))
    ),
    links=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=8),
    bookings=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 31), amounts, kinds), max_size=12),
    unit=st.sampled_from(["visitor", "customer"]),
)
def test_bookings_always_tie_out_and_so_do_exposures(
    new_trial: Any, exposures: Any, links: Any, bookings: Any, unit: str
) -> None:
    """The tables' own checks run with every build, among them both conservation laws."""
    trial = new_trial()
    for visitor, variant, day in exposures:
        trial.expose(f"v{visitor}", variant, f"2026-03-{day:02}")
    for visitor, customer in links:
        link(trial, f"v{visitor}", f"c{customer}")
    for customer, day, amount, kind in bookings:
        book(trial, f"c{customer}", f"2026-03-{day:02}", str(amount), kind)
    trial.build(trial.experiment(unit=unit))
    assert trial.rows("select sum(amount) from exp_finance") == [
        (sum(amount for _, _, amount, _ in bookings),)
    ]
    assert trial.rows("select coalesce(sum(exposures), 0)::bigint from exp_eligibility") == [
        (len(exposures),)
    ]
