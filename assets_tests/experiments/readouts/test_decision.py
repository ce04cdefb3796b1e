"""The order of the questions that a verdict answers, whatever the figures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.experiments.decision import VERDICTS, Case, PrimaryReading, decide

sentences = st.lists(st.sampled_from(["One thing.", "Another thing."]), max_size=2).map(tuple)
readings = st.builds(
    PrimaryReading,
    moved=st.sampled_from(["better", "worse", None]),
    may_judge=st.booleans(),
    is_over=st.booleans(),
    sentence=st.just("Conversion: +1.0%"),
    is_ruled_out=st.booleans(),
    has_enough=st.booleans(),
    missing=st.sampled_from(["", "Wait until Friday."]),
)
cases = st.builds(
    Case,
    invalid=sentences,
    hurt=sentences,
    unproven=sentences,
    primary=st.none() | readings,
    refusal=st.just("no readout, because"),
)


@settings(deadline=None)
@given(cases)
def test_a_broken_experiment_is_invalid_whatever_it_shows(case: Case) -> None:
    assert (decide(case).verdict == "invalid") is bool(case.invalid)


@settings(deadline=None)
@given(cases)
def test_a_hurt_guardrail_outweighs_everything_but_a_broken_experiment(case: Case) -> None:
    assert (decide(case).verdict == "guardrail hurt") is bool(case.hurt and not case.invalid)


@settings(deadline=None)
@given(cases)
def test_shipping_takes_a_better_primary_metric_a_plan_that_allows_it_and_proven_guardrails(
    case: Case,
) -> None:
    reading = case.primary
    is_clean = not (case.invalid or case.hurt or case.unproven)
    wins = reading is not None and reading.moved == "better" and reading.may_judge
    assert (decide(case).verdict == "ship") is (is_clean and wins)


@settings(deadline=None)
@given(cases)
def test_nothing_is_decided_before_the_plan_allows_it(case: Case) -> None:
    if case.primary is not None and not case.primary.may_judge and not case.invalid and not case.hurt:
        assert decide(case).verdict == "keep running"


@settings(deadline=None)
@given(cases)
def test_every_case_has_a_reason_and_a_known_verdict(case: Case) -> None:
    decision = decide(case)
    assert decision.reason
    assert decision.verdict in VERDICTS or (decision.verdict is None and case.primary is None)


def test_the_reason_repeats_the_causes() -> None:
    assert (
        "The split is broken."
        in decide(Case(invalid=("The split is broken.",), hurt=("Orders shrank.",))).reason
    )
    assert decide(Case(hurt=("Orders shrank.",))).reason == "Orders shrank."


@pytest.mark.parametrize(
    ("reading", "verdict"),
    [
        (PrimaryReading("worse", True, True, "C"), "do not ship"),
        (PrimaryReading(None, True, True, "C"), "do not ship"),
        (PrimaryReading(None, True, True, "C", has_enough=False, missing="More units."), "keep running"),
        (PrimaryReading(None, True, True, "C", has_enough=False, is_ruled_out=True), "do not ship"),
        (PrimaryReading(None, True, False, "C"), "keep running"),
    ],
)
def test_a_primary_metric_that_did_not_win(reading: PrimaryReading, verdict: str) -> None:
    assert decide(Case(primary=reading)).verdict == verdict
