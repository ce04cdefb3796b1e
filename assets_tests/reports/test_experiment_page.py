"""The experiment pages: every figure of every sentence against a query of the test's own, and every state of a trial."""

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lakehouse.reports.dataset import narrowed, shown
from lakehouse.reports.experiment import experiment_page
from lakehouse.reports.page import Origin, Page, Section
from lakehouse.reports.render import render

if TYPE_CHECKING:
    from conftest import Tried

NAMED = "«(?P<{}>.+?)»"
V = NAMED.format("variant")
N, DAY, PCT = r"[\d,]+", r"\d+ \w+ \d{4}", r"[+-]?[\d.,]+%"
CHANGED = (
    rf"(?P<lift>{PCT}) \(95% interval (?P<range>no bounded interval|{PCT} to {PCT})"
    r"(?P<note>, adjusted for the time before|, allowing for \d+ looks? at the results)?\)"
)

# `e` is the experiment whose page is looked at. judged: what each row of the readout is judged by.
VIEWS = """
create temp macro n(x) as format('{:,}', x::bigint);
create temp macro on_day(x) as strftime(x, '%-d %b %Y');
create temp macro pct(x) as format('{:,.1f}%', round((100 * x)::decimal(38, 9), 1)::double);
create temp macro signed(x) as case when round((100 * x)::decimal(38, 9), 1) > 0 then '+' else '' end || pct(x);
create temp macro span(a, b) as case when a is null or b is null then 'no bounded interval' else signed(a) || ' to ' || signed(b) end;
create temp macro eur(x) as format('{:,.2f} EUR', round(x::decimal(38, 6), 2)::double);
create temp macro noun(x, word) as n(x) || ' ' || word || case when x = 1 then '' else 's' end;
create temp view e as select * from exp_experiments where experiment_id = getvariable('e');
create temp view r as select exp_readout.* from exp_readout join e using (experiment_id);
create temp view judged as
    select r.*,
        case decided_by when 'cuped' then cuped_lift else lift end as by_lift,
        case decided_by when 'cuped' then cuped_lift_low when 'sequential' then sequential_low / mean_control else lift_low end as by_low,
        case decided_by when 'cuped' then cuped_lift_high when 'sequential' then sequential_high / mean_control else lift_high end as by_high,
        case decided_by when 'cuped' then ', adjusted for the time before'
            when 'sequential' then ', allowing for ' || noun(looks, 'look') || ' at the results' end as note,
        case when status <> 'ok' then 'no readout' when decisive_p is null or decisive_p > 0.05 then 'not told from chance'
            when (case decided_by when 'cuped' then cuped_effect else effect end > 0) = (direction = 'up') then 'better than the control'
            else 'worse than the control' end as result,
        (select count(*) > 0 from r as other where other.variant = r.variant and role = 'guardrail') as is_guarded,
        case decided_by when 'cuped' then cuped_p_value when 'sequential' then sequential_p else p_value end as alone
    from r;
"""
TOLD = "variant, label, control, signed(by_lift) as lift, span(by_low, by_high) as range, note"

PATTERNS: dict[str, str] = {
    rf"(?P<lead>.+? )?{V}(?P<yet> yet)?: (?P<label>.+) changed(?P<far> so far)? by {CHANGED} against {NAMED.format('control')}(?P<tail>.*)\.": f"""
        select {TOLD}, case decision when 'ship' then 'Ship ' when 'do not ship' then 'Do not ship ' else 'Keep running, there is no verdict on ' end as lead,
            case decision when 'keep running' then ' yet' end as yet, case decision when 'keep running' then ' so far' end as far,
            case when decision = 'ship' and is_guarded then ', and no guardrail metric is hurt' when decision = 'ship' then ', more than chance explains'
                when decision = 'keep running' then '' when decisive_p <= 0.05 then ', worse than chance explains'
                when alone <= 0.05 then ', which chance could explain among several comparisons' else ', which chance alone could explain' end || case when is_fragile then ', but the verdict is fragile' else '' end as tail
        from judged where role = 'primary'""",
    rf"Ship {V}: (?P<label>.+) changed by (?P<effect>[+-][\d.]+) \(95% interval (?P<low>[+-][\d.]+) to (?P<high>[+-][\d.]+)\) against "
    rf"{NAMED.format('control')}, more than chance explains\.": """
        select variant, label, control, format('{:+.2f}', effect) as effect, format('{:+.2f}', effect_low) as low,
            format('{:+.2f}', effect_high) as high
        from judged where role = 'primary' and lift is null""",
    rf"Do not ship {V}: (?P<reason>.+)\.": "select variant, rtrim(reason, '.') as reason from r where decision = 'guardrail hurt'",
    r"Invalid, so nothing can be concluded: (?P<texts>.+)": """
        select string_agg(text, ' ' order by "check" desc) as texts from exp_health join e using (experiment_id) where status = 'fail'""",
    r"No readout, because (?P<reason>.+)\.": """
        select any_value(replace(reason, 'no readout, because ', '')) as reason from r having count(distinct reason) = 1""",
    rf"No verdict on {V}: (?P<reason>.+)\.": "select variant, reason from r where decision is null and role = 'primary'",
    rf"(?P<lead>It worked|It did harm|It is not shown to have worked|There is no verdict yet): (?P<label>.+) changed(?P<far> so far)? by {CHANGED} "
    r"against what would have been(?P<tail>.*)\.": f"""
        select {TOLD}, case decision when 'ship' then 'It worked' when 'keep running' then 'There is no verdict yet'
                else case when decisive_p <= 0.05 then 'It did harm' else 'It is not shown to have worked' end end as lead,
            case decision when 'keep running' then ' so far' end as far,
            case decision when 'ship' then ', more than chance explains' when 'keep running' then ''
                else case when decisive_p <= 0.05 then ', worse than chance explains' when alone <= 0.05 then ', which chance could explain among several comparisons' else ', which chance alone could explain' end end as tail
        from judged where role = 'primary'""",
    r"There is no readout of this experiment yet\.": "select 1 where (select count(*) from r) = 0",
    r"Hypothesis: (?P<hypothesis>.+)": "select hypothesis from e",
    rf"Verdict on {V}: (?P<verdict>[a-z ]+)\. (?P<reason>.+)\.": """
        select variant, rtrim(upper(reason[1]) || reason[2:], '.') as reason,
            case when design = 'randomized' or decision is null then coalesce(decision, 'no readout')
                else case decision when 'ship' then 'it worked' when 'keep running' then 'there is no verdict yet' else
                    case when decisive_p <= 0.05 then 'it did harm' else 'it is not shown to have worked' end end end as verdict
        from r join e using (experiment_id) where role = 'primary'""",
    r"Nobody was assigned by chance here: .+": "select 1 from e where design <> 'randomized'",
    rf"All (?P<checks>{N}) checks pass\.": """
        select n(count(*)) as checks from exp_health join e using (experiment_id) having bool_and(status = 'pass')""",
    rf"Of (?P<checks>{N}) checks, (?P<passed>{N}) pass; (?:(?P<failed>{N}) fails?, which makes the whole experiment invalid)?(?: and )?"
    rf"(?:(?P<minded>{N}) asks? for a second look)?\.": """
        select n(count(*)) as checks, n(count(*) filter (status = 'pass')) as passed, nullif(n(count(*) filter (status = 'fail')), '0') as failed,
            nullif(n(count(*) filter (status = 'warn')), '0') as minded
        from exp_health join e using (experiment_id)""",
    rf"(?P<seen>{N}) (?:visitors were|visitor was) seen, and (?P<eligible>{N}) of them counts?\.(?: The commonest reason not to count: «(?P<why>.+)», "
    rf"(?P<units>{N}) visitors?\.)?": """
        with units as (select * from exp_eligibility join e using (experiment_id)),
        why as (select exclusion_reason, count(*) as units from units where not is_eligible group by all order by 2 desc, 1 limit 1)
        select n(count(*)) as seen, n(count(*) filter (is_eligible)) as eligible, (select n(units) from why) as units,
            (select case exclusion_reason when 'contaminated' then 'saw more than one variant' when 'bot_or_internal'
                then 'a crawler, or the company''s own staff' else replace(exclusion_reason, 'rule: ', 'doesn''t fulfil: ') end from why) as why
        from units""",
    r"Over all metrics(?: and variants)?: (?P<said>.+)\.": """
        with results as (select result, count(*) as rows from judged group by all)
        select string_agg(n(rows) || ' ' || result, ', ' order by list_position(['better than the control', 'worse than the control',
            'not told from chance', 'no readout'], result)) as said from results""",
    r"(?P<labels>(?:«.+?»(?:, )?)+): No readout, because (?P<reason>.+)\.": """
        select string_agg('«' || label || '»', ', ') as labels, replace(reason, 'no readout, because ', '') as reason
        from r where status <> 'ok' and role <> 'primary' group by reason""",
    rf"(?P<label>.+) of {V}: at the end of (?P<day>{DAY}) the change stood at (?P<lift>{PCT}) \(95% interval (?P<range>.+?)\), from (?P<n>{N}) and "
    rf"(?P<control>{N}) visitors?(?:; a week before at (?P<before>{PCT}))?\.(?: The interval that holds at every look (?:(?P<still>still includes zero)|"
    rf"leaves out zero since (?P<since>{DAY}))\.)?": """
        with days as (select d.*, label from exp_effect_daily as d join e using (experiment_id) join r using (experiment_id, variant, metric) where d.lift is not null),
        latest as (select * from days qualify row_number() over (partition by variant order by date desc) = 1),
        looks as (select *, sequential_low <= 0 and sequential_high >= 0 as has_zero from days where sequential_low is not null)
        select label, variant, on_day(date) as day, signed(lift) as lift, span(low, high) as range, n(n) as n, n(n_control) as control,
            (select signed(lift) from days where days.variant = latest.variant and days.date = latest.date - 7) as before,
            (select case when arg_max(has_zero, date) then 'still includes zero' end from looks where looks.variant = latest.variant) as still,
            (select case when not arg_max(has_zero, date) then on_day(min(date) filter (date > coalesce(zero, date '2000-01-01'))) end
             from looks, (select max(date) filter (has_zero) as zero from looks as l where l.variant = latest.variant)
             where looks.variant = latest.variant) as since
        from latest""",
    rf"(?P<label>.+) of {V}: (?:in none of|(?P<told>{N}) of) (?P<whole>{N}) segments? (?:is the change|is|are) told from chance, adjusted for all of them"
    rf"(?:: (?P<names>«.+?\))(?: and (?P<more>{N}) more)?)?(?:\. Shrunk, changes run from (?P<low>{PCT}) to (?P<high>{PCT}))?\.": """
        with found as (select s.*, label from exp_segments as s join e using (experiment_id) join r using (experiment_id, variant, metric)),
        told as (select *, row_number() over (partition by variant order by segment, n + n_control desc, segment_value) as place
            from found where p_adjusted <= 0.05 and lift is not null)
        select any_value(label) as label, variant, n(count(*)) as whole,
            (select nullif(n(count(*)), '0') from told where told.variant = found.variant) as told,
            (select string_agg('«' || segment || ': ' || segment_value || '» (' || signed(lift) || ', shrunk ' || signed(shrunk_lift) || ')', ', ' order by place)
             from told where told.variant = found.variant and place <= 3) as names,
            (select case when count(*) > 3 then n(count(*) - 3) end from told where told.variant = found.variant) as more,
            case when count(shrunk_lift) > 1 then signed(min(shrunk_lift)) end as low, case when count(shrunk_lift) > 1 then signed(max(shrunk_lift)) end as high
        from found group by variant""",
    r"Booked from first exposure to the experiment's end: (?P<told>.+)\.": """
        select string_agg('«' || variant || '» ' || eur(amount) || ' (' || case when units > 0 then eur(amount / units) else '-' end ||
            ' per visitor), recurring revenue moved by ' || eur(net_mrr) || ' a month', '; ' order by variant <> 'control', variant) as told
        from exp_finance join e using (experiment_id) where variant <> '(not in the experiment)'""",
    r"Everyone else was booked (?P<others>.+); together (?P<whole>.+), all that finance has\.": """
        select eur(sum(amount) filter (variant = '(not in the experiment)')) as others, eur(sum(amount)) as whole
        from exp_finance join e using (experiment_id)""",
    r"These are sums, not tests: .+": "select 1",
    rf"By (?P<label>.+) alone, the verdict on {V} is the same (?:however they are handled|with them left out): (?P<decision>.+?)\. The plan says: left out\.": """
        select any_value(label) as label, variant, coalesce(any_value(s.decision), 'no readout') as decision
        from exp_sensitivity as s join e using (experiment_id) join r using (experiment_id, variant) where role = 'primary'
        group by variant having count(distinct coalesce(s.decision, '')) = 1""",
    rf"By (?P<label>.+) alone, the verdict on {V} is fragile: (?P<told>.+?)\. The plan says: left out\.": """
        select any_value(label) as label, variant, string_agg(coalesce(s.decision, 'no readout') || ' with them ' ||
            case s.handling when 'exclude' then 'left out' when 'first_exposure' then 'counted until they saw another' else 'counted where they first were' end,
            ', ' order by s.handling) as told
        from exp_sensitivity as s join e using (experiment_id) join r using (experiment_id, variant) where role = 'primary' group by variant""",
    rf"(?P<label>.+): (?P<treated>{N}) treated units? and (?P<untreated>{N}) never treated over (?P<periods>{N}) periods?(?:, treated from (?P<since>.+) on|"
    r", treated at (?P<dates>\d+) different times, the first (?P<first>.+))?\.": """
        with rows as (select * from exp_panel join e using (experiment_id)), units as (select unit_id, min(adopted) as adopted from rows group by all),
        begun as (select min_by(period_label, period) as label from rows where period >= (select min(adopted) from units)),
        named as (select coalesce(on_day(try_cast(label as date)), '«' || label || '»') as told from begun)
        select (select any_value(label) from r) as label, n(count(adopted)) as treated, n(count(*) - count(adopted)) as untreated,
            (select n(count(distinct period)) from rows) as periods, case when count(distinct adopted) = 1 then (select told from named) end as since,
            case when count(distinct adopted) > 1 then count(distinct adopted)::varchar end as dates,
            case when count(distinct adopted) > 1 then (select told from named) end as first
        from units""",
}  # fmt: skip
OVERVIEW = rf"(?P<experiments>{N}) experiments? with (?P<rows>{N}) variants? to judge: (?P<told>.+)\."
OVERVIEW_SQL = """
with told as (select coalesce(decision, 'no readout') as decision, count(*) as rows from exp_readout where role = 'primary' group by all)
select n((select count(*) from exp_experiments)) as experiments, n(sum(rows)) as rows, string_agg(n(rows) || ' ' || decision, ', ' order by
    list_position(['ship', 'guardrail hurt', 'do not ship', 'keep running', 'invalid', 'no readout'], decision)) as told from told"""


def shipped(tried: "Tried") -> None:
    """Better, with guardrails, two of which can't be read; days, segments, bookings, units that don't count."""
    tried.experiment("win", "new")
    tried.healthy("win", freshness="warn")
    tried.reads("win", "new")
    tried.reads(
        "win", "new", "revenue", role="secondary", kind="mean", lift=None, lift_low=None, lift_high=None
    )
    tried.reads(
        "win",
        "new",
        "order_value",
        role="guardrail",
        kind="ratio",
        decisive_p=0.4,
        margin=0.1,
        non_inferiority_p=0.01,
    )
    for metric in ("bounces", "visits"):
        reason = "no readout, because new has no units"
        tried.reads("win", "new", metric, role="guardrail", status="no readout", reason=reason)
    tried.seen("win", "new", 3)
    tried.seen("win", "control", 4, day=4)
    tried.seen("win", "new", 2, reason="rule: country = 'DE'")
    tried.seen("win", "new", 1, reason="bot_or_internal")
    for day in range(2, 20):
        tried.day(
            "win",
            "new",
            day,
            None if day == 2 else 0.3 - day / 100,
            (-0.1 if day < 9 or day == 11 else 0.01, 0.5),
        )
    for place, value in enumerate(("DE", "FR", "GB", "IT", "PL")):
        tried.segment("win", "new", value, 0.1 * place, p=0.001)
    tried.segment(
        "win", "new", "Nowhere", None, status="no readout", reason="no readout, because new has no units"
    )
    for variant, amount in (
        ("new", "1234.565"),
        ("control", "999.99"),
        ("(not in the experiment)", "98765.43"),
    ):
        tried.booked("win", variant, amount, None if variant.startswith("(") else 70)
    tried.handled("win", "new", exclude="ship", first_exposure="ship", intention_to_treat="ship")


def two_arms(tried: "Tried") -> None:
    """One variant is worse, the other one open and fragile; one look at one day, no segment is told."""
    tried.experiment("two", "bad", "open")
    tried.healthy("two", contamination="warn", freshness="warn")
    harm = {"effect": -0.02, "lift": -0.1, "lift_low": -0.15, "lift_high": -0.04999, "cuped_effect": -0.021, "cuped_lift": -0.105,
            "cuped_lift_low": -0.2, "cuped_lift_high": -0.01, "decided_by": "cuped", "decision": "do not ship"}  # fmt: skip
    tried.reads("two", "bad", **harm)
    tried.reads("two", "open", decision="keep running", is_fragile=True, decisive_p=0.2, decided_by="sequential",
                sequential_low=-0.01, sequential_high=0.06, sequential_p=0.2, looks=1, lift_low=None)  # fmt: skip
    tried.seen("two", "bad", 1, reason="contaminated")
    tried.day("two", "open", 5, 0.1, (-0.5, 0.7))
    tried.segment("two", "bad", "DE", -0.1)
    tried.segment("two", "open", "DE", 0.1, p=0.01)
    tried.handled("two", "bad", exclude="do not ship")
    tried.handled("two", "open", exclude="keep running", first_exposure=None, intention_to_treat="ship")
    tried.booked("two", "bad", "5", 0)


def others(tried: "Tried") -> None:
    """What else may come of an experiment."""
    for name in ("hurt", "broken", "none", "absent", "half", "plain", "nothing", "bare"):
        tried.experiment(name, *(("new", "other") if name == "half" else ("new",)))
        tried.healthy(name, **({"sample_ratio": "fail", "contamination": "fail"} if name == "broken" else {}))
    tried.reads(
        "hurt", "new", decision="guardrail hurt", reason="Order value must not get worse, and did: -9.0%."
    )
    tried.reads("broken", "new", decision="invalid", reason="The figures can't be trusted. It is broken.")
    reason = "no readout, because no eligible unit was exposed to it up to 2026-03-29"
    tried.reads("none", "new", status="no readout", reason=reason)
    tried.reads("half", "new", decision="do not ship", decisive_p=0.7)
    tried.reads("half", "other", status="no readout", reason="no readout, because other has no units")
    tried.reads(
        "plain",
        "new",
        kind="mean",
        lift=None,
        lift_low=None,
        lift_high=None,
        effect=12.5,
        effect_low=2.25,
        effect_high=22.75,
    )
    tried.reads("bare", "new", decision="keep running", decisive_p=None, decided_by="any time")
    treated = {"control": "untreated", "starts": "2026-01-12", "handling": None, "unit": None}
    for name, decision, p in (
        ("worked", "ship", 0.001),
        ("harmed", "do not ship", 0.001),
        ("failed", "do not ship", 0.5),
        ("waits", "keep running", 0.5),
    ):
        tried.experiment(name, design="difference_in_differences", **treated)
        tried.healthy(name)
        tried.reads(
            name, "treated", control="untreated", decision=decision, decisive_p=p, kind="mean", mean=24.88
        )
    weeks = ["2026-01-05", "2026-01-12", "2026-01-19"]
    tried.panel("worked", weeks, {"north": 1, "south": 1, "west": None})
    tried.panel("harmed", ["2003", "2004", "2005"], {"north": 1, "south": 2, "west": None})
    tried.panel("failed", weeks[:1], {"west": None})


def told(page: Page) -> list[str]:
    """All that the page says, names from the data in visible brackets; a summary of several variants in its parts."""
    brackets = {0x2068: "«", 0x2069: "»"}
    sentences = [each.text.translate(brackets) for section in page.sections for each in section.sentences]
    parts = page.summary.text.translate(brackets).removesuffix(".").split("; ")
    return [
        *(f"{part[0].upper()}{part[1:]}." if len(parts) > 1 else f"{part}." for part in parts),
        *sentences,
    ]


def rows(tried: "Tried", sql: str) -> list[dict[str, object]]:
    cursor = tried.connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def proved(tried: "Tried", sentence: str) -> set[str]:
    """The patterns that the sentence matches with all of its figures being what the pattern's query gives."""
    found = set()
    for pattern, sql in PATTERNS.items():
        match = re.fullmatch(pattern, sentence)
        if match and any(
            all(row[name] == text for name, text in match.groupdict().items()) for row in rows(tried, sql)
        ):
            found.add(pattern)
    return found


def test_every_figure_in_every_sentence_is_what_a_query_gives(tried: "Tried") -> None:
    for fill in (shipped, two_arms, others):
        fill(tried)
    tried.connection.execute(VIEWS)
    used = set()
    for name, page in tried.pages.items():
        if name == "experiments":
            continue
        tried.connection.execute("set variable e = $1", [name.removeprefix("experiments/")])
        for sentence in told(page):
            found = proved(tried, sentence)
            assert found, (name, sentence)
            used |= found

    assert used == set(PATTERNS), "the states bring out every sentence"


def test_the_overview_counts_verdicts_and_leads_to_every_page(tried: "Tried") -> None:
    for fill in (shipped, two_arms, others):
        fill(tried)
    tried.connection.execute(VIEWS)
    pages = tried.pages
    match = re.fullmatch(OVERVIEW, pages["experiments"].summary.text)
    assert match is not None
    assert [match.groupdict()] == rows(tried, OVERVIEW_SQL)
    entries = [entry for section in pages["experiments"].sections for entry in section.entries]
    assert {entry.href for entry in entries} == {f"{name}.html" for name in pages if name != "experiments"}
    states = {entry.title: entry.status for entry in entries}
    assert (states["The broken"], states["The none"], states["The win"]) == (
        "The figures can't be trusted.",
        "There is no readout.",
        "",
    )


def part(page: Page, section_id: str) -> Section:
    return next(section for section in page.sections if section.section_id == section_id)


def test_the_forest_holds_each_metric_as_measured_and_adjusted(tried: "Tried") -> None:
    two_arms(tried)
    bad, other = part(tried.pages["experiments/two"], "metrics").charts
    frame = shown(bad.table.source)

    assert frame["reading"].to_list() == ["As measured", "Adjusted for the time before"]
    assert [str(value) for value in frame["estimate"]] == ["-0.100000", "-0.105000"]
    assert [key.label for key in bad.drawing.keys] == ["As measured", "Adjusted for the time before"]
    assert shown(other.table.source)["low"].to_list() == [None]


def test_a_metric_without_a_lift_is_told_and_not_drawn(tried: "Tried") -> None:
    shipped(tried)
    section = part(tried.pages["experiments/win"], "metrics")

    assert shown(section.charts[0].table.source)["metric"].to_list() == ["Conversion", "Order value"]
    results = narrowed(section.tables[0].source).select("metric", "result").rows()
    assert results == [
        ("Conversion (decides)", "better than the control"),
        ("Revenue (secondary)", "better than the control"),
        ("Order value (guardrail)", "not told from chance; within its margin of 10.0%"),
        ("Bounces (guardrail)", "no readout"),
        ("Visits (guardrail)", "no readout"),
    ]


def test_days_are_those_of_the_business_time_zone_and_none_is_left_out(tried: "Tried") -> None:
    shipped(tried)
    tried.connection.execute("update run_settings set business_time_zone = 'Europe/Berlin'")
    (chart,) = part(tried.pages["experiments/win"], "units").charts

    days = shown(chart.table.source).rows()
    assert days == [(date(2026, 3, 3), 0, 3), (date(2026, 3, 4), 0, 0), (date(2026, 3, 5), 4, 0)]


def test_bookings_of_variants_and_of_everyone_else_are_all_bookings(tried: "Tried") -> None:
    shipped(tried)
    (table,) = part(tried.pages["experiments/win"], "finance").tables

    found = narrowed(table.source).select("variant", "amount", "amount_per_unit").rows()
    assert [(variant, str(amount), str(each)) for variant, amount, each in found] == [
        ("control", "999.9900", "14.285571"),
        ("new", "1234.5650", "17.636643"),
        ("(not in the experiment)", "98765.4300", "None"),
        ("All bookings", "100999.9850", "None"),
    ]


@pytest.mark.parametrize(("name", "sections"), [
    ("win", ["verdict", "health", "metrics", "by-day", "segments", "finance", "sensitivity", "units"]),
    ("none", ["verdict", "health", "units"]),
    ("worked", ["verdict", "health", "metrics", "panel"]),
])  # fmt: skip
def test_a_page_has_the_sections_of_its_design_and_of_what_is_known(
    tried: "Tried", name: str, sections: list[str]
) -> None:
    shipped(tried)
    others(tried)

    assert [section.section_id for section in tried.pages[f"experiments/{name}"].sections] == sections


def test_an_experiment_without_exposures_says_so_and_warns_of_nothing_else(tried: "Tried") -> None:
    others(tried)
    tried.put(
        "exp_health", experiment_id="none", check="exposure_by_day", status="warn", text="Nobody was exposed."
    )
    page = tried.pages["experiments/none"]

    assert page.summary.text == "No readout, because no eligible unit was exposed to it up to 2026-03-29."
    assert (
        part(page, "units").empty == "No visitor has been seen in it up to 30 Apr 2026: there is no exposure."
    )
    assert page.warnings == ()


def test_checks_that_do_not_pass_stand_at_the_top(tried: "Tried") -> None:
    others(tried)

    assert tried.pages["experiments/broken"].warnings == (
        "sample_ratio was looked at: fail.",
        "contamination was looked at: fail.",
    )


def test_every_word_that_needs_one_has_a_line(tried: "Tried") -> None:
    shipped(tried)
    terms = {each.term: each.meaning for each in tried.pages["experiments/win"].definitions}

    assert {
        "Interval",
        "Expected loss",
        "Shrunk",
        "Adjusted for the time before (CUPED)",
        "Deciding p",
        "Fragile",
    } <= set(terms)
    assert terms["Conversion"] == (
        "Measured as the share of units with any; from fct_web_sessions, within 14 days of a unit's first exposure. More is better."
    )
    assert terms["Conversion: test"] == (
        "z-test; change: delta method; tests adjusted together: primary: 1 metric x 1 variant, holm."
    )


def test_an_unknown_experiment_is_told_with_those_that_are_known(tried: "Tried") -> None:
    others(tried)
    with pytest.raises(
        LookupError, match=r"expected an experiment of the registry, found lost\. Known: absent, bare, broken"
    ):
        experiment_page(tried.connection, Origin("run-1", "1.2.3"), "lost")
    assert experiment_page(tried.connection, Origin("run-1", "1.2.3"), "half").title == "The half"


def test_an_empty_registry_gives_an_overview_that_says_so(tried: "Tried") -> None:
    (page,) = tried.pages.values()

    assert page.summary.text == "There are no experiments yet."
    assert "no experiment" in page.sections[0].empty
    assert "<h1>Experiments</h1>" in render(page)


def test_hostile_names_stand_as_text(tried: "Tried") -> None:
    script = "</script><script>alert(1)</script>"
    tried.experiment(
        "hostile", script, "x" * 300, name=script, hypothesis="\u202eevil \x00", owner="=cmd|' /C calc'!A0"
    )
    tried.healthy("hostile", freshness="warn")
    for variant in (script, "x" * 300):
        tried.reads("hostile", variant, label=script)
        tried.segment("hostile", variant, script, 0.1, p=0.001)
        tried.segment("hostile", variant, "\u200f\u05d0\u05d1 \n", 0.2)
        tried.day("hostile", variant, 3, 0.1)
        tried.handled("hostile", variant, exclude="ship", intention_to_treat=None)
        tried.booked("hostile", variant, "12")
        tried.seen("hostile", variant, 2, reason=f"rule: name = '{script}'")
        tried.seen("hostile", variant, 1, day=5)
    text = "".join(render(page) for page in tried.pages.values())

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "\x00" not in text


def rendered(tried: "Tried", fill: Callable[["Tried"], None]) -> list[str]:
    fill(tried)
    return [render(page, is_interactive=False) for page in tried.pages.values()]


@pytest.mark.parametrize("fill", [shipped, two_arms, others])
def test_pages_are_the_same_every_time_and_hold_no_nan(
    tried: "Tried", fill: Callable[["Tried"], None]
) -> None:
    once = rendered(tried, fill)

    assert once == [render(page, is_interactive=False) for page in tried.pages.values()]
    assert not [text for text in once if re.search(r"\bNaN\b|\bnan\b|Infinity|\bNone\b", text)]
