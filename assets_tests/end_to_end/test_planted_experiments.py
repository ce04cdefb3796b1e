"""The synthetic company's experiments through the public path: units counted exactly, every verdict recovered.

What was planted is written down by the generator; tables and pages judge it from landed files, dirt among them.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

# An estimate lies within so many half widths of its interval around what was planted: some 4.7 standard errors.
FARTHEST = 2.4


@pytest.fixture(scope="module")
def randomized(tried: Any) -> list[dict[str, Any]]:
    found = [each for each in tried.truth.experiments if each["design"] == "randomized"]
    assert len(found) >= 7
    return found


def test_every_verdict_is_the_planted_one(tried: Any) -> None:
    planted = {each["id"]: {each["verdict"]} for each in tried.truth.experiments}

    found: dict[str, set[str]] = {}
    for name, decision in tried.published(
        "select experiment_id, decision from exp_readout where role = 'primary'"
    ):
        found.setdefault(name, set()).add(decision)

    assert found == planted
    assert {verdict for verdicts in planted.values() for verdict in verdicts} == {
        "ship", "do not ship", "guardrail hurt", "invalid",
    }  # fmt: skip


def test_units_are_counted_as_they_were_planted(tried: Any, randomized: list[dict[str, Any]]) -> None:
    counted = {
        name: told
        for name, *told in tried.published(
            "select experiment_id, count(*), sum(exposures), count(*) filter (where exclusion_reason = 'contaminated'), "
            "count(*) filter (where exclusion_reason = 'outside_window') from exp_eligibility group by 1"
        )
    }
    told = ("units_seen", "exposures", "units_contaminated", "units_outside")
    assert counted == {each["id"]: [each[name] for name in told] for each in randomized}
    for each in randomized:
        units = dict(
            tried.published(
                f"select variant, count(*) from exp_eligibility where experiment_id = '{each['id']}' and is_eligible group by 1"
            )
        )
        assert units == each["units"], each["id"]


def test_effects_are_the_planted_ones_as_far_as_chance_allows(
    tried: Any, randomized: list[dict[str, Any]]
) -> None:
    compared = 0
    for each in randomized:
        for metric, planted in each["effects"].items():
            for variant, truth in planted["variants"].items():
                if truth["z"] is None:
                    continue  # quantiles have no expected value that the generator could tell
                mean, effect, low, high = tried.published(
                    f"select mean, effect, effect_low, effect_high from exp_readout where experiment_id = '{each['id']}' "
                    f"and metric = '{metric}' and variant = '{variant}'"
                )[0]
                half = (high - low) / 2
                assert abs(effect - truth["effect"]) < FARTHEST * half, (each["id"], metric, variant)
                assert mean == pytest.approx(truth["mean"], rel=0.25), (each["id"], metric, variant)
                compared += 1
    assert compared > 30


def test_only_the_broken_split_and_the_contaminated_one_fail_their_checks(tried: Any) -> None:
    failed = tried.published("select distinct experiment_id, \"check\" from exp_health where status = 'fail'")

    assert {("search_autocomplete", "sample_ratio"), ("personal_recommendations", "contamination")} <= set(
        failed
    )
    assert {name for name, _ in failed} == {"search_autocomplete", "personal_recommendations"}


def test_the_effect_of_one_segment_is_found_there_alone(tried: Any) -> None:
    found = {
        device: (low, p)
        for device, low, p in tried.published(
            "select segment_value, shrunk_low, p_adjusted from exp_segments where experiment_id = 'mobile_sticky_cart' "
            "and metric = 'conversion' and segment = 'device'"
        )
    }

    assert set(found) == {"mobile", "desktop", "tablet"}
    assert found["mobile"][0] > 0
    assert found["mobile"][1] < 0.001
    assert all(found[device][1] > 0.05 for device in ("desktop", "tablet"))


def test_the_rollout_by_region_is_estimated_from_regions_that_were_not_treated(tried: Any) -> None:
    planted = next(each for each in tried.truth.experiments if each["id"] == "regional_radio_campaign")
    truth = planted["effects"]["weekly_sessions"]["variants"]["treated"]["effect"]

    effect, low, high, n, n_control = tried.published(
        "select effect, effect_low, effect_high, n, n_control from exp_readout where experiment_id = 'regional_radio_campaign'"
    )[0]

    assert low < truth < high
    assert effect == pytest.approx(truth, rel=0.2)
    assert (n, n_control) == (len(planted["regions"]), 24)


def test_bookings_of_each_experiment_and_of_everyone_else_are_all_bookings(tried: Any) -> None:
    whole = tried.published("select count(*), sum(amount) from fct_bookings")[0]
    split = tried.published("select experiment_id, sum(bookings), sum(amount) from exp_finance group by 1")

    assert whole[0] > 10_000
    assert {tuple(told) for _, *told in split} == {whole}
    own = tried.published("select sum(amount) from exp_finance where variant <> '(not in the experiment)'")
    assert own[0][0] > Decimal(1000), "experiments have bookings of their own"


def test_recurring_revenue_opens_where_it_closed(tried: Any) -> None:
    days = tried.published(
        "select opening_mrr, new_mrr, expansion_mrr, contraction_mrr, churn_mrr, closing_mrr from fct_mrr_daily order by date"
    )

    assert len(days) > 300
    assert all(sum(day[:5]) == day[5] for day in days)
    assert all(after[0] == before[5] for before, after in pairwise(days))


def test_every_experiment_has_its_page_and_the_overview_leads_to_it(tried: Any) -> None:
    folder = tried.settings.paths.reports_dir
    overview = (folder / "experiments.html").read_text(encoding="utf-8")

    for each in tried.truth.experiments:
        page = (folder / "experiments" / f"{each['id']}.html").read_text(encoding="utf-8")
        assert f'href="experiments/{each["id"]}.html"' in overview
        assert 'href="../experiments.html"' in page
        assert ("Invalid, so nothing can be concluded" in page) is (each["verdict"] == "invalid")


def test_the_chance_to_win_is_that_of_the_effect_that_decides(tried: Any) -> None:
    rows = tried.published(
        "select direction, coalesce(case when decided_by = 'cuped' then cuped_effect end, effect), chance_to_win "
        "from exp_readout where status = 'ok' and decided_by in ('cuped', 'fixed')"
    )

    assert len(rows) > 15
    assert all((effect > 0) == ((chance > 0.5) == (direction == "up")) for direction, effect, chance in rows)
