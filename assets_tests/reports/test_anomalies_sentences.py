"""Every figure in every sentence of the anomalies report, against a query of the test's own."""

import re
from typing import TYPE_CHECKING

from lakehouse.reports.page import Page

if TYPE_CHECKING:
    from conftest import Alarmed

N, DAY, NEAR = r"[\d,]+", r"\d+ \w+ \d{4}", r"\d+ \w{3}(?: \d{4})?"
THROUGH = (
    rf"(?:data are complete through (?P<all_through>{DAY})|data of (?P<most>{N}) of (?P<of>{N}) KPIs? are complete through "
    rf"(?P<through>{DAY})|(?P<none_through>no KPI has a complete day))"
)
COUNTS = r"(?P<told>[\w ,]+?)"

# `attention` is what needs it; `a` the anomaly whose section is looked at, if it is one.
VIEWS = """
create temp macro n(x) as format('{:,}', x::bigint);
create temp macro noun(x, one, many) as n(x) || ' ' || case when x = 1 then one else many end;
create temp macro on_day(x) as strftime(x, '%-d %b %Y');
create temp macro near(x) as case when year(x) = 2026 then strftime(x, '%-d %b') else on_day(x) end;
create temp macro gbp(x) as format('{:,.2f} GBP', round(x::decimal(38, 6), 2)::double);
create temp view seen as select max(as_of_date) as as_of from kpi_definitions;
create temp view attention as
    select anomalies.* from anomalies cross join seen
    where part_of is null and (status = 'open' or (status = 'closed' and ended_on >= as_of - 14));
create temp view days as
    select complete_through as day, count(*) as kpis, (select count(*) from kpi_definitions) as every
    from kpi_definitions where complete_through is not null group by all order by kpis desc, day desc limit 1;
create temp view through as
    select case when kpis = every then on_day(day) end as all_through, case when kpis < every then n(kpis) end as most,
        case when kpis < every then n(every) end as of, case when kpis < every then on_day(day) end as through,
        case when kpis is null then 'no KPI has a complete day' end as none_through
    from (select 1) left join days on true;
create temp view a as select * from anomalies where anomaly = getvariable('a');
create temp view judged as select * from kpi_series where status = 'ok';
create temp view watched as select * from kpi_definitions where kpi in (select kpi from judged);
"""
GROUPS = """
    select string_agg(n(rows) || ' ' || name, ', ' order by place) as several, any_value(name) as one, sum(rows) as rows
    from (
        select case is_good when true then 'for the better' when false then 'for the worse' else 'neither good nor bad' end as name,
            case is_good when true then 1 when false then 0 else 2 end as place, count(*) as rows
        from attention group by all
    )"""

PATTERNS: dict[str, str] = {
    rf"(?P<things>{N}) things? needs? attention(?:, with up to (?P<money>[\d,.]+ GBP) at stake)?(?:: |, ){COUNTS}; {THROUGH}\.": f"""
        select n(groups.rows) as things, (select gbp(sum(money)) from attention) as money,
            case when groups.rows = 1 then one else several end as told, through.*
        from ({GROUPS}) as groups, through""",
    rf"Nothing needs attention: (?P<series>{N}) series of (?P<kpis>{N}) KPIs? (?:is|are) watched, {THROUGH}; "
    rf"(?:the last anomaly ended on (?P<last>{DAY})|(?P<never>there has been no anomaly so far)|(?P<none_ended>no anomaly has ended so far))\.": """
        select n((select count(*) from judged)) as series, n((select count(*) from watched)) as kpis, through.*,
            (select on_day(max(ended_on)) from anomalies where not is_open) as last,
            case when (select count(*) from anomalies) = 0 then 'there has been no anomaly so far' end as never,
            case when (select bool_and(is_open) from anomalies) then 'no anomaly has ended so far' end as none_ended
        from through where (select count(*) from attention) = 0""",
    r"No KPI can be judged yet\. Land files, then run: lakehouse run": """
        select 1 where (select count(*) from judged) = 0 and (select count(*) from kpi_definitions) > 0""",
    r"No KPI has been built yet\. Land files, then run: lakehouse run": "select 1 where (select count(*) from kpi_definitions) = 0",
    r"«(?P<sentence>.+)»": "select sentence from a union all select explanation from a",
    rf"It was told from noise on (?P<day>{NEAR}), (?:the day it began|(?P<days>{N}) days? after it began)(?:, by (?P<first>.+?)"
    rf"(?:; (?P<count>{N}) other methods? agrees?: «(?P<methods>.+)»|(?P<alone>; no other method agrees)))?\.": """
        select near(detected_on) as day, case when detected_on > started_on then n(detected_on - started_on) end as days,
            case methods[1] when 'expectation' then 'what was expected' when 'threshold' then 'a threshold of the KPI''s definition'
                when 'trend' then 'a steady trend' else '«' || methods[1] || '»' end as first, nullif(n(len(methods) - 1), '0') as count, nullif(array_to_string(methods[2:], ', '), '') as methods,
            case when len(methods) = 1 then '; no other method agrees' end as alone
        from a""",
    r"Note: «(?P<note>.+)»": "select note from a",
    r'(?:«(?P<owner>.+)» answers for this KPI\. )?If it was to be expected, say so: lakehouse anomalies expected (?P<id>[\w-]+) --note "\.\.\."': """
        select owner, anomaly as id from a left join kpi_definitions using (kpi)""",
    rf"(?P<more>{N}) more things? needs? attention, each less than those above\.": "select n(count(*) - 12) as more from attention",
    rf"People answered to (?P<rows>{N}) anomal(?:y|ies): (?P<told>[\w ,]+)\.": """
        with said as (select status, count(*) as rows from anomalies where status in ('muted', 'expected', 'confirmed') group by all)
        select n(sum(rows)) as rows, string_agg(n(rows) || ' ' || status, ', ' order by status) as told from said""",
    rf"In 90 days there (?:was|were) (?P<rows>{N}) anomal(?:y|ies)(?:, (?P<parts>{N}) of them (?:a part|parts) of others)?\.": """
        select n(count(*)) as rows, nullif(n(count(part_of)), '0') as parts from anomalies, seen where is_open or ended_on > as_of - 90""",
    rf"(?P<series>{N}) series (?:is|are) judged, of (?P<kpis>{N}) KPIs?(?:, which together may give (?P<alerts>[\d,.]+?) false alerts? a year)?\."
    rf"(?: (?P<idle>{N}) KPIs? (?:is|are) not watched: nothing of (?:it|them) can be judged yet\.)?"
    rf"(?: (?P<unjudged>{N}) series (?:is|are) not judged; the reasons stand below\.)?": """
        select n((select count(*) from judged)) as series, n(count(*)) as kpis, format('{:g}', sum(sensitivity)) as alerts,
            nullif(n((select count(*) from kpi_definitions) - count(*)), '0') as idle,
            nullif(n((select count(*) from kpi_series where status <> 'ok')), '0') as unjudged
        from watched""",
}  # fmt: skip


def told(alarmed: "Alarmed", page: Page) -> list[tuple[str, str]]:
    """All that the page says with the anomaly that it says it of, names from the data in visible brackets."""
    ranked = [each[0] for each in alarmed.connection.execute(RANKED).fetchall()]
    said = [("", page.summary.text)]
    for section in page.sections:
        place = section.section_id.removeprefix("anomaly-")
        name = ranked[int(place) - 1] if place.isdigit() else ""
        said += [(name, each.text) for each in section.sentences]
    brackets = {0x2068: "«", 0x2069: "»"}
    return [(name, text.translate(brackets)) for name, text in said]


# Most money first; then by relative size, what is bad first; and by confidence.
RANKED = """
select anomaly from attention
order by money desc nulls last, coalesce(is_good, false), abs(relative_impact) desc nulls last, confidence desc, anomaly
"""


def proved(alarmed: "Alarmed", name: str, sentence: str) -> set[str]:
    """The patterns that the sentence matches with all of its figures being what the pattern's query gives."""
    alarmed.connection.execute("set variable a = $1", [name])
    found = set()
    for pattern, sql in PATTERNS.items():
        if (match := re.fullmatch(pattern, sentence)) is None:
            continue
        cursor = alarmed.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if any(all(row[key] == text for key, text in match.groupdict().items()) for row in rows):
            found.add(pattern)
    return found


def test_every_figure_in_a_sentence_is_what_a_query_gives(alarmed_state: "Alarmed") -> None:
    alarmed_state.connection.execute(VIEWS)
    for name, sentence in told(alarmed_state, alarmed_state.page):
        assert len(proved(alarmed_state, name, sentence)) == 1, sentence


def test_the_states_bring_out_every_sentence(alarmed_states: list["Alarmed"]) -> None:
    used = set()
    for alarmed in alarmed_states:
        alarmed.connection.execute(VIEWS)
        used |= {pattern for each in told(alarmed, alarmed.page) for pattern in proved(alarmed, *each)}

    assert used == set(PATTERNS)
