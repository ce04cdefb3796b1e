"""Published experiments from their files to readouts: the figures are those of the papers.

Belongs here: real files through the public path, with no Python but the landing of files. Their configuration lies in
real_experiments/, as an analyst would write it: contracts, mappings, registry files. Not here: the statistics on the
same data (stats/).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = Path(__file__).parent / "real_experiments"
FILES = {
    "thornton_hiv.csv": "thornton_hiv",
    "nsw_mixtape.csv": "nsw",
    "card_krueger_1994.csv": "card_krueger",
    "california_prop99.csv": "california_prop99",
    "mpdta.csv": "mpdta",
}


@pytest.fixture(scope="module")
def studies(
    built_once: Callable[[str, Callable[[Path], None]], Path],
    lake_at: Callable[[Path], Any],
    shared_data: Path,
) -> Any:
    """A lake with all five files, run once."""

    def fill(root: Path) -> None:
        lake = lake_at(root)
        lake.configure(CONFIGURATION)
        for file, feed in FILES.items():
            lake.land_file(shared_data / "data" / "experiments" / file, feed)
        lake.run()

    lake = lake_at(built_once("real_experiments", fill))
    lake.configure(CONFIGURATION)
    return lake


def primary(lake: Any, experiment: str) -> dict[str, Any]:
    """The primary metric's one row."""
    columns = [
        "status", "decision", "n", "n_control", "effect", "effect_low", "effect_high", "standard_error", "method",
        "cuped_effect",
    ]  # fmt: skip
    rows = lake.published(
        f"select {', '.join(columns)} from exp_readout where experiment_id = '{experiment}' and role = 'primary'"
    )
    assert len(rows) == 1
    return dict(zip(columns, rows[0], strict=True))


@pytest.mark.parametrize(
    ("experiment", "effect", "tolerance"),
    [
        ("thornton", 0.4506, 5e-5),
        ("nsw", 1794.34, 5e-3),
        ("card_krueger", 2.7536, 5e-5),
        ("prop99_did", -27.349, 5e-4),
        ("prop99_synthetic", -19.5, 0.1),
        ("mpdta_simple", -0.0400, 5e-5),
        ("mpdta_group", -0.0310, 5e-5),
        ("mpdta_dynamic", -0.0772, 5e-5),
    ],
)
def test_the_effect_is_the_published_one(
    studies: Any, experiment: str, effect: float, tolerance: float
) -> None:
    row = primary(studies, experiment)
    assert row["status"] == "ok"
    assert row["effect"] == pytest.approx(effect, abs=tolerance)
    assert row["effect_low"] < row["effect"] < row["effect_high"]


def test_supported_work_has_the_published_error_and_the_interval_that_belongs_to_it(studies: Any) -> None:
    row = primary(studies, "nsw")
    assert (row["n"], row["n_control"], row["method"]) == (185, 260, "pooled t-test")
    assert row["standard_error"] == pytest.approx(632.85, abs=5e-3)
    # Student's t with 443 degrees of freedom.
    assert row["effect_high"] - row["effect_low"] == pytest.approx(2 * 1.96534 * 632.853, abs=0.05)
    assert row["cuped_effect"] == pytest.approx(1794.34, rel=0.1)


def test_who_was_not_found_again_counts_in_no_arm(studies: Any) -> None:
    row = primary(studies, "thornton")
    assert (row["n"], row["n_control"], row["decision"]) == (2211, 623, "ship")
    left_out = (
        "select exclusion_reason, count(*) from exp_eligibility where experiment_id = 'thornton' group by 1"
    )
    assert dict(studies.published(left_out)) == {None: 2834, "rule: got is not null": 67}
    assert studies.published(
        "select distinct segment_value from exp_segments where experiment_id = 'thornton' order by 1"
    ) == [("false",), ("true",)]


def test_no_check_of_health_fails(studies: Any) -> None:
    asked = (
        "select experiment_id from exp_experiments where owner in ('health-economics', 'labour-economics')"
    )
    health = studies.published(
        f'select experiment_id, "check", status from exp_health where experiment_id in ({asked})'
    )
    assert {experiment for experiment, _, _ in health} >= {"thornton", "nsw", "mpdta_simple"}
    assert [row for row in health if row[2] == "fail"] == []


def test_a_panel_without_exposures_is_read_whatever_the_day(studies: Any) -> None:
    decided = {name: primary(studies, name)["decision"] for name in ("card_krueger", "mpdta_simple")}
    assert decided == {"card_krueger": "ship", "mpdta_simple": "do not ship"}
