"""Sums per metric, variant, handling, segment, day and cluster are those that Python finds in the same rows."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest

PRODUCTS = ("yy", "yd", "yx", "ye", "dd", "dx", "de", "xx", "xe", "ee")
START, END = datetime(2026, 3, 2), datetime(2026, 3, 30)
WINDOW, BEFORE, AS_OF = 7, 14, date(2026, 4, 1)


def test_own_handling_has_all_metrics_and_the_primary_has_all_handlings(trial: Any) -> None:
    trial.expose("v", "new")
    metrics = {**trial.metric(), **trial.metric("conversion")}
    trial.build(
        trial.experiment(metrics={"primary": "conversion", "secondary": ["revenue"]}), metrics=metrics
    )
    assert trial.rows(
        "select metric, list(distinct handling order by handling) from exp_aggregate group by 1 order by 1"
    ) == [
        ("conversion", ["exclude", "first_exposure", "intention_to_treat"]),
        ("revenue", ["exclude"]),
    ]


@pytest.mark.parametrize("own", ["exclude", "first_exposure", "intention_to_treat"])
def test_a_changed_variant_cuts_the_first_one_short_or_not_or_leaves_the_unit_out(
    trial: Any, own: str
) -> None:
    trial.expose("both", "new", "2026-03-03")
    trial.expose("both", "control", "2026-03-05")
    trial.sell("both", "2026-03-04", 1)
    trial.sell("both", "2026-03-06", 2)
    trial.expose("pure", "new", "2026-03-03")
    trial.sell("pure", "2026-03-06", 4)
    trial.build(trial.experiment(eligibility={"contamination": own}))
    assert trial.rows("select handling, n, s_y from exp_aggregate where variant = 'new' order by 1") == [
        ("exclude", 1, 4),
        ("first_exposure", 2, 5),
        ("intention_to_treat", 2, 7),
    ]
    assert trial.rows("select n, s_y from exp_aggregate where variant = 'control'") == [(0, 0)] * 3
    expected = {"exclude": {"pure": 4}, "first_exposure": {"pure": 4, "both": 1}}
    assert trial.base() == expected.get(own, {"pure": 4, "both": 3})


class Lab:
    """Random visitors and what they did, and the sums that plain Python finds."""

    def __init__(self, trial: Any, seed: int) -> None:
        self.random = random.Random(seed)
        self.trial = trial
        self.exposed: dict[str, list[tuple[datetime, str]]] = {}
        self.sold: dict[str, list[tuple[datetime, float, int]]] = defaultdict(list)
        for number in range(120):
            visitor = f"v{number}"
            moments = [self._moment(START, 28) for _ in range(self.random.choice([1, 1, 1, 2, 3]))]
            self.exposed[visitor] = sorted(
                (at, self.random.choice(["control", "new"] if self.random.random() < 0.3 else ["new"]))
                for at in moments
            )
            for at, variant in self.exposed[visitor]:
                trial.expose(visitor, variant, str(at))
            for _ in range(self.random.choice([0, 0, 2, 6])):
                at, amount, units = (
                    self._moment(START - timedelta(20), 60),
                    self.random.randint(1, 99) / 4,
                    self.random.randint(1, 5),
                )
                self.sold[visitor].append((at, amount, units))
                trial.sell(visitor, str(at), amount, units)
            trial.add(
                "dim_visitor",
                {"visitor_id": visitor, "country": f"c{number % 7}", "device": "ab"[number % 2]},
            )
        trial.settings(as_of_date=AS_OF)

    def _moment(self, start: datetime, days: int) -> datetime:
        return start + timedelta(seconds=self.random.randrange(days * 86400))

    def value(self, visitor: str, metric: str, *, is_cut: bool) -> tuple[float, float, float, float] | None:
        """y, d, x, e of a visitor; None while its window is open."""
        entry = self.exposed[visitor][0][0]
        others = [at for at, variant in self.exposed[visitor] if variant != self.exposed[visitor][0][1]]
        end = entry + timedelta(WINDOW) if metric != "conversion" else END
        if metric != "conversion" and end.date() > AS_OF:
            return None
        if is_cut and others:
            end = min(end, others[0])
        end = min(end, datetime.combine(AS_OF, datetime.min.time()) + timedelta(1))
        after = [(amount, units) for at, amount, units in self.sold[visitor] if entry <= at < end]
        before = [
            (amount, units)
            for at, amount, units in self.sold[visitor]
            if entry - timedelta(BEFORE) <= at < entry
        ]
        if metric == "conversion":
            return float(bool(after)), 1, float(bool(before)), 1
        money, ones = (sum(row[0] for row in rows) for rows in (after, before))
        if metric == "revenue":
            return money, 1, ones, 1
        return money, sum(row[1] for row in after), ones, sum(row[1] for row in before)

    def units(self, handling: str) -> list[str]:
        return [
            one
            for one in self.exposed
            if handling != "exclude" or len({v for _, v in self.exposed[one]}) == 1
        ]

    def sums(self, metric: str, handling: str, of: Any) -> dict[Any, list[float]]:
        """Key of a unit -> n, immature, four sums, ten products."""
        found: dict[Any, list[float]] = defaultdict(lambda: [0.0] * 16)
        for visitor in self.units(handling):
            row = found[of(visitor)]
            value = self.value(visitor, metric, is_cut=handling == "first_exposure")
            if value is None:
                row[1] += 1
                continue
            self.put(row, value)
        return found

    @staticmethod
    def put(row: list[float], value: tuple[float, float, float, float]) -> None:
        row[0] += 1
        for place, one in enumerate(value):
            row[2 + place] += one
        pairs = [(a, b) for a in range(4) for b in range(a, 4)]
        for place, (a, b) in enumerate(pairs):
            row[6 + place] += value[a] * value[b]

    def variant(self, visitor: str) -> str:
        return self.exposed[visitor][0][1]


NUMBERS = f"n, immature, s_y, s_d, s_x, s_e, {', '.join(PRODUCTS)}"


@pytest.fixture(params=["exclude", "first_exposure", "intention_to_treat"])
def lab(trial: Any, request: Any) -> tuple[Lab, str]:
    lab = Lab(trial, seed=len(request.param))
    metrics = {
        **trial.metric("conversion", covariate_days=BEFORE),
        **trial.metric("revenue", window_days=WINDOW, covariate_days=BEFORE),
        **trial.metric("price", window_days=WINDOW, covariate_days=BEFORE),
    }
    experiment = trial.experiment(
        metrics={"primary": "revenue", "secondary": ["conversion"], "guardrails": ["price"]},
        eligibility={"contamination": request.param},
        segments=["country", "device"],
        cluster="country",
    )
    trial.build(experiment, metrics=metrics)
    return lab, request.param


METRICS = ("conversion", "revenue", "price")


def test_sums_of_units(lab: tuple[Lab, str]) -> None:
    made, own = lab
    for metric in METRICS:
        for handling in (
            ("exclude", "first_exposure", "intention_to_treat") if metric == "revenue" else (own,)
        ):
            wanted = made.sums(metric, handling, made.variant)
            rows = made.trial.rows(
                f"select variant, {NUMBERS} from exp_aggregate where metric = '{metric}' and handling = '{handling}' and level = 'unit'"
            )
            assert {variant for variant, *_ in rows} == {"control", "new"}
            for variant, *numbers in rows:
                assert numbers == pytest.approx(wanted[variant]), (metric, handling, variant)


def test_sums_of_segments(lab: tuple[Lab, str]) -> None:
    made, own = lab
    country = {visitor: f"c{int(visitor[1:]) % 7}" for visitor in made.exposed}
    for metric in METRICS:
        wanted = made.sums(metric, own, lambda visitor: (made.variant(visitor), country[visitor]))
        rows = made.trial.rows(
            f"select variant, segment_value, {NUMBERS} from exp_deep_dive where metric = '{metric}' and segment = 'country'"
        )
        assert len(rows) == len(wanted)
        for variant, value, *numbers in rows:
            assert numbers == pytest.approx(wanted[variant, value])


def test_sums_by_day_are_those_of_the_units_known_by_then(lab: tuple[Lab, str]) -> None:
    made, own = lab
    for metric in METRICS:
        delay = timedelta(0 if metric == "conversion" else WINDOW)
        rows = made.trial.rows(
            f"select date, variant, {NUMBERS} from exp_daily where metric = '{metric}' order by 1"
        )
        days = sorted({row[0] for row in rows})
        assert days == [days[0] + timedelta(n) for n in range(len(days))]
        assert len(rows) == 2 * len(days)
        for day, variant, *numbers in rows:
            wanted = [0.0] * 16
            for visitor in made.units(own):
                known = (made.exposed[visitor][0][0] + delay).date()
                if made.variant(visitor) == variant and known <= day:
                    made.put(
                        wanted, made.value(visitor, metric, is_cut=own == "first_exposure") or (0, 0, 0, 0)
                    )
            assert numbers == pytest.approx(wanted), (metric, day, variant)


def test_sums_of_clusters(lab: tuple[Lab, str]) -> None:
    made, own = lab
    for metric in METRICS:
        clusters: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0] * 4)
        for visitor in made.units(own):
            value = made.value(visitor, metric, is_cut=own == "first_exposure")
            if value is not None:
                sums = clusters[made.variant(visitor), int(visitor[1:]) % 7]
                clusters[made.variant(visitor), int(visitor[1:]) % 7] = [
                    a + b for a, b in zip(sums, value, strict=True)
                ]
        for variant in ("control", "new"):
            wanted = [0.0] * 16
            for (arm, _), sums in clusters.items():
                if arm == variant:
                    made.put(wanted, (sums[0], sums[1], sums[2], sums[3]))
            wanted[1] = made.sums(metric, own, made.variant)[variant][1]
            (numbers,) = made.trial.rows(
                f"select {NUMBERS} from exp_aggregate where metric = '{metric}' and variant = '{variant}' and level = 'cluster'"
            )
            assert list(numbers) == pytest.approx(wanted), (metric, variant)


def test_the_base_sums_to_the_aggregates(lab: tuple[Lab, str]) -> None:
    made, own = lab
    differing = made.trial.rows(
        f"""
        with base as (
            select metric, variant, sum(numerator) as y, sum(coalesce(denominator, 1)) as d, count(*) as n
            from exp_base where is_mature group by all
        )
        select * from base join exp_aggregate using (metric, variant)
        where handling = '{own}' and level = 'unit' and (exp_aggregate.n <> base.n or abs(y - s_y) > 1e-6 or abs(d - s_d) > 1e-6)
        """
    )
    assert differing == []


def test_a_unit_of_no_cluster_is_one_by_itself(trial: Any) -> None:
    for visitor in ("a", "b", "c"):
        trial.expose(visitor, "new")
        trial.sell(visitor, "2026-03-03", 3)
    trial.add("dim_visitor", {"visitor_id": "c", "country": "DE"})
    trial.build(trial.experiment(cluster="country"))
    assert trial.rows(
        "select n, s_y, s_d, yy, dd from exp_aggregate where variant = 'new' and level = 'cluster'"
    ) == [(3, 9, 3, 27, 3)]


def test_a_segment_of_very_many_values_keeps_the_commonest(trial: Any) -> None:
    for number in range(70):
        for copy in range(3 if number < 10 else 1):
            trial.expose(f"v{number}_{copy}", "new")
            trial.add("dim_visitor", {"visitor_id": f"v{number}_{copy}", "country": f"c{number:02}"})
    trial.build(trial.experiment(segments=["country"]))
    rows = dict(trial.rows("select segment_value, n from exp_deep_dive where variant = 'new'"))
    assert len(rows) == 50
    assert rows["(other)"] == 21
    assert [rows[f"c{number:02}"] for number in range(10)] == [3] * 10


def test_an_experiment_nobody_saw_has_rows_of_zeros(trial: Any) -> None:
    metrics = {**trial.metric(winsorize=0.9, covariate_days=3), **trial.metric("price", window_days=3)}
    experiment = trial.experiment(
        metrics={"primary": "revenue", "secondary": ["price"]}, segments=["country"], cluster="country"
    )
    trial.build(experiment, metrics=metrics)
    assert trial.rows("select distinct n, s_y, s_d, yy from exp_aggregate") == [(0, 0, 0, 0)]
    assert trial.rows("select count(*) from exp_daily union all select count(*) from exp_deep_dive") == [
        (0,),
        (0,),
    ]
    assert trial.rows("select units, missing, cap from exp_metrics") == [(0, 0, None)] * 2


@pytest.mark.parametrize("arms", [("new",), ("control",), ("new", "control")])
def test_one_unit_or_one_arm_is_no_obstacle(trial: Any, arms: tuple[str, ...]) -> None:
    for arm in arms:
        trial.expose(arm, arm)
        trial.sell(arm, "2026-03-03", 2)
    trial.build(metrics=trial.metric(winsorize=0.99, covariate_days=7, window_days=3))
    rows = trial.rows(
        "select variant, n, s_y, yy, s_x from exp_aggregate where handling = 'exclude' order by 1"
    )
    assert rows == [
        (arm, int(arm in arms), 2 * (arm in arms), 4 * (arm in arms), 0) for arm in ("control", "new")
    ]


def test_no_experiments_at_all_leave_empty_tables(trial: Any) -> None:
    trial.connection.execute("delete from run_settings")
    trial.connection.execute("insert into run_settings values (null, false, 'UTC')")
    found = trial.found([], {})
    assert not found.plans
    from lakehouse.experiments.build import build_experiments, experiments_clock

    build_experiments(trial.connection, [], experiments_clock(trial.connection))
    assert trial.rows("select * from exp_base union all by name select * from exp_base") == []
