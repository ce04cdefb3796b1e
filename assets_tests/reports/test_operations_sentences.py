"""Every figure in every sentence of the operations report, against a query of the test's own."""

import re
from typing import TYPE_CHECKING

from lakehouse.reports.page import Page

if TYPE_CHECKING:
    from conftest import Published

# What a sentence may say, and the query that gives each of its figures.

N, DAY, AT = r"[\d,]+", r"\d+ \w+ \d{4}", r"\d+ \w+ \d{4} \d\d:\d\d UTC"
SHARE = r"less than 0\.1%|[\d.]+%"
MOVED = (
    rf"(?P<files>{N}) files? brought (?P<rows>{N}) rows? (?:on|in the (?P<days>\d+) days to) (?P<last>{DAY})"
    rf"(?:, (?:(?P<way>up|down) (?P<by>[\d.,]+%) on|(?P<level>as many as) in|(?P<pause>after none) in) "
    rf"the 28 days before(?: \((?P<earlier>{N})\))?)?"
)
PAST = rf"; (?:(?P<bad>{N}) rows? (?:is|are) in quarantine \((?P<share>{SHARE}) so far\)|(?P<clean>no row is in quarantine))"
JUDGED = rf"(?P<late>none|{N}) of (?P<judged>{N}) feeds? with a limit (?:is|are) late"
FAILING = rf"(?P<failing>none|{N}) of (?P<checks>{N}) checks? fails?"

VIEWS = """
create temp view span as select min(ingested_at)::date as first, max(ingested_at)::date as last from meta_files;
create temp view cut as
    select last, last - first + 1 as history, case when last - first < 120 then 1 when last - first < 1100 then 7 else 28 end as step
    from span where last is not null;
create temp view spans as select *, history // step as spans, least(28 // step, history // step) * step as days from cut;
create temp view w as
    select *, last - days::integer as start, case when days = 28 and spans * step >= 56 then last - 56 end as former from spans;
create temp view f as select *, ingested_at::date as day, (w.last - ingested_at::date) // step as ago from meta_files, w;
create temp view now as
    select count(*) as files, coalesce(sum(rows), 0) as rows, coalesce(sum(quarantined), 0) as bad from f where day > start;
create temp view before as
    select coalesce(sum(rows), 0) as rows, coalesce(sum(quarantined), 0) as bad from f where day > former and day <= start;
create temp view kept as select coalesce(sum(rows), 0) as rows, coalesce(sum(quarantined), 0) as bad from meta_files;
create temp view why as select feed, unnest(reasons) as reason from quarantine;
create temp macro n(x) as format('{:,}', x::bigint);
create temp macro on_day(x) as strftime(x, '%-d %b %Y');
create temp macro at_time(x) as strftime(x, '%-d %b %Y %H:%M UTC');
create temp macro one_digit(x) as format('{:,}', floor(x::decimal(18, 6) * 10 + 0.5)::bigint // 10) || '.' || floor(x::decimal(18, 6) * 10 + 0.5)::bigint % 10;
create temp macro pc(a, b) as one_digit(100 * a::decimal(18, 6) / b) || '%';
create temp macro share(a, b) as case when b = 0 then '-' when a > 0 and a / b < 0.0005 then 'less than 0.1%' else pc(a, b) end;
create temp macro hours(x) as one_digit(x) || ' h';
create temp macro s(x) as one_digit(x) || ' s';
create temp macro none_or(x) as case when x = 0 then 'none' else n(x) end;
"""
MOVED_SQL = """
    n(now.files) as files, n(now.rows) as rows, case when days > 1 then n(days) end as days, on_day(last) as last,
    case when former is null or before.rows in (0, now.rows) then null when now.rows > before.rows then 'up' else 'down' end as way,
    case when way is not null then pc(abs(now.rows - before.rows), before.rows) end as by,
    case when former is not null and before.rows > 0 and now.rows = before.rows then 'as many as' end as level,
    case when former is not null and before.rows = 0 then 'after none' end as pause,
    case when way is not null then n(before.rows) end as earlier
"""
JUDGED_SQL = (
    "none_or(count(*) filter (not is_fresh)) as late, n(count(*) filter (is_fresh is not null)) as judged"
)
FAILING_SQL = "none_or(count(*) filter (not passed)) as failing, n(count(*)) as checks"
MANY = "(?: and (?P<more>\\d+) more)?"

PATTERNS: dict[str, str] = {
    rf"{MOVED}{PAST}(?:(?: and|,) {JUDGED})?(?:(?: and|,) {FAILING})?\.": f"""
        select {MOVED_SQL}, case when kept.bad > 0 then n(kept.bad) end as bad,
            case when kept.bad > 0 then share(kept.bad, kept.rows) end as share,
            case when kept.bad = 0 then 'no row is in quarantine' end as clean,
            case when judged <> '0' then feeds.late end as late, nullif(feeds.judged, '0') as judged,
            case when checks <> '0' then ran.failing end as failing, nullif(ran.checks, '0') as checks
        from w, now, before, kept, (select {JUDGED_SQL} from meta_feeds) as feeds, (select {FAILING_SQL} from checks) as ran""",
    rf"No file has landed yet(?:; {FAILING})?\.": f"""
        select case when checks <> '0' then failing end as failing, nullif(checks, '0') as checks
        from (select {FAILING_SQL} from checks) where (select count(*) from meta_files) = 0""",
    rf"{MOVED}(?:, most of the (?P<turn>rise|fall) in «(?P<feed>.+)» \(from (?P<was>{N}) to (?P<is>{N})\))?\.": f"""
        with feeds as (
            select feed, coalesce(sum(rows) filter (day > start), 0) as later,
                coalesce(sum(rows) filter (day > former and day <= start), 0) as past, later - past as moved,
                sum(moved) over () as whole, abs(moved) * 2 > abs(whole) and sign(moved) = sign(whole) as is_most
            from f group by feed
        ),
        top as (
            select * from feeds where is_most and (select count(*) from feeds) > 1 and (select former from w) is not null
            order by abs(moved) desc limit 1
        )
        select {MOVED_SQL}, case when top.whole > 0 then 'rise' when top.whole < 0 then 'fall' end as turn, top.feed,
            n(top.past) as was, n(top.later) as is
        from w cross join now cross join before left join top on true""",
    rf"Most rows landed (?:on|in the (?P<days>\d+) days to) (?P<end>{DAY}): (?P<rows>{N}) in (?P<files>{N}) files?\.": """
        select case when step > 1 then n(step) end as days, on_day(last - (ago * step)::integer) as end, n(sum(rows)) as rows, n(count(*)) as files
        from f where ago < spans group by ago, last, step order by sum(rows) desc, ago desc limit 1""",
    rf"The last file was taken on (?P<at>{AT}): «(?P<file>.+)», with (?P<rows>{N}) rows?\.": """
        select at_time(ingested_at) as at, file, n(rows) as rows from meta_files order by ingested_at desc, feed, file limit 1""",
    rf"(?P<feeds>{N}) feeds? that brought files before brought none (?:on|in the (?P<days>\d+) days to) (?P<last>{DAY}): (?P<names>«.+?»){MANY}\.": """
        with silent as (select feed from f group by feed, start having max(day) <= start)
        select n(count(*)) as feeds, n(any_value(w.days)) as days, on_day(any_value(w.last)) as last,
            array_to_string(list('«' || feed || '»' order by feed)[:3], ', ') as names, case when count(*) > 3 then n(count(*) - 3) end as more
        from silent, w""",
    rf"Of (?P<rows>{N}) rows? landed so far, (?P<staged>{N}) are staged, (?P<old>{N}) were superseded by a newer version, "
    rf"(?P<again>{N}) were sent again and (?P<bad>{N}) are in quarantine(?:(?P<sound>; every row is accounted for)|, (?P<gap>{N}) (?P<way>fewer|more) than landed: the loading must be looked into)\.": """
        select n(sum(rows)) as rows, n(sum(staged)) as staged, n(sum(superseded)) as old, n(sum(resent)) as again, n(sum(quarantined)) as bad,
            sum(rows - staged - superseded - resent - quarantined) as difference,
            case when difference = 0 then '; every row is accounted for' end as sound, case when difference <> 0 then n(abs(difference)) end as gap,
            case when difference > 0 then 'fewer' when difference < 0 then 'more' end as way
        from meta_files""",
    rf"(?P<tables>{N}) published tables? holds? (?P<rows>{N}) rows?\.": """
        select n(2) as tables, n((select count(*) from fct_orders) + (select count(*) from dim_date)) as rows""",
    rf"(?P<bad>{N}) rows? (?:is|are) in quarantine, (?P<share>{SHARE}) of the (?P<rows>{N}) landed so far\.": """
        select n(bad) as bad, share(bad, rows) as share, n(rows) as rows from kept""",
    r"No landed row is in quarantine\.": "select 1 from kept where bad = 0",
    rf"(?P<bad>{N}) rows? of (?P<rows>{N}) that landed in the (?P<days>\d+) days to (?P<last>{DAY}) went there, "
    rf"(?P<share>{SHARE}), (?:(?P<way>up|down) (?P<points>[\d.]+) points|(?P<level>unchanged)) on the 28 days before\.": """
        select n(now.bad) as bad, n(now.rows) as rows, n(days) as days, on_day(last) as last, share(now.bad, now.rows) as share,
            round(100 * now.bad / now.rows, 1) - round(100 * before.bad / before.rows, 1) as moved,
            case when moved > 0 then 'up' when moved < 0 then 'down' end as way, case when moved <> 0 then one_digit(abs(moved)) end as points,
            case when moved = 0 then 'unchanged' end as level
        from w, now, before""",
    rf"The commonest reason is: «(?P<reason>.+)», (?P<rows>{N}) rows?, (?P<most>all|{N} of them) in «(?P<feed>.+)»\.": """
        with pairs as (select reason, feed, count(*) as rows from why group by all), reasons as (select *, sum(rows) over (partition by reason) as whole from pairs)
        select reason, n(whole) as rows, case when rows = whole then 'all' else n(rows) || ' of them' end as most, feed
        from reasons order by whole desc, reason, rows desc, feed limit 1""",
    rf"(?P<files>{N}) files? (?:was|were) rejected whole(?:, the newest|:) «(?P<file>.+)», taken on (?P<at>{AT})\.": """
        select n(count(*)) as files, max_by(file, ingested_at) as file, at_time(max(ingested_at)) as at from meta_files where status = 'rejected'""",
    rf"{JUDGED.replace('none', 'None')}(?:: (?P<names>«.+?\))(?: and (?P<more>\d+) more)?)?\.": f"""
        with late as (select * from meta_feeds where not is_fresh order by age_hours - freshness_limit_hours desc, feed)
        select replace(late, 'none', 'None') as late, judged,
            (select array_to_string(list('«' || feed || '» (' || hours(age_hours) || ' against ' || hours(freshness_limit_hours) || ')')[:3], ', ') from late) as names,
            (select case when count(*) > 3 then n(count(*) - 3) end from late) as more
        from (select {JUDGED_SQL} from meta_feeds)""",
    r"No feed has both rows and a limit of freshness, so none is judged\.": """
        select 1 where (select count(is_fresh) from meta_feeds) = 0""",
    rf"(?P<runs>{N}) runs? since (?P<since>{AT}): (?:(?P<succeeded>{N}) succeeded)?(?:(?:, | and )?(?P<failed>{N}) failed)?"
    rf"(?:(?:, | and )?(?P<canceled>{N}) canceled)?(?:(?:, | and )?(?P<going>{N}) not ended yet)?\.": """
        select n(count(*)) as runs, at_time(min(started_at)) as since, nullif(n(count(*) filter (status = 'succeeded')), '0') as succeeded,
            nullif(n(count(*) filter (status = 'failed')), '0') as failed, nullif(n(count(*) filter (status = 'canceled')), '0') as canceled,
            nullif(n(count(*) filter (seconds is null)), '0') as going
        from runs""",
    rf"The last run that succeeded took (?P<last>[\d.,]+ s)(?:; the median of the (?P<runs>{N}) that succeeded is (?P<median>[\d.,]+ s), the longest (?P<longest>[\d.,]+ s))?\.": """
        select s(max_by(seconds, started_at)) as last, case when count(*) > 1 then n(count(*)) end as runs,
            case when count(*) > 1 then s(median(seconds)) end as median, case when count(*) > 1 then s(max(seconds)) end as longest
        from runs where status = 'succeeded'""",
    rf"{FAILING.replace('none', 'None')}(?: at their latest evaluation: (?:(?P<errors>{N}) errors?)?(?: and )?(?:(?P<warnings>{N}) warnings?)?)?\.": f"""
        select replace(failing, 'none', 'None') as failing, checks, (select nullif(n(count(*)), '0') from checks where not passed and severity = 'error') as errors,
            (select nullif(n(count(*)), '0') from checks where not passed and severity = 'warning') as warnings
        from (select {FAILING_SQL} from checks)""",
    rf"(?P<broken>{N}) checks? of severity error fails?: «(?P<first>.+)»(?: and (?P<more>{N}) more)?\. Read on under Checks that fail\.": """
        select n(count(*)) as broken, min(asset || '.' || name) as first, case when count(*) > 1 then n(count(*) - 1) end as more
        from checks where not passed and severity = 'error'""",
    rf"Feed «(?P<feed>.+)» is late: its newest created_at is of (?P<newest>{AT}), (?P<age>[\d.,]+ h) before the end of the as-of day and "
    rf"(?P<excess>[\d.,]+ h) over its limit\. Ask «(?P<owner>.+)» for its files, then run: lakehouse run\.": """
        select feed, at_time(newest_at) as newest, hours(age_hours) as age, hours(age_hours - freshness_limit_hours) as excess, owner
        from meta_feeds where not is_fresh""",
}  # fmt: skip


def told(page: Page) -> list[str]:
    """All that the page says, names from the data in visible brackets."""
    sentences = [each.text for section in page.sections for each in section.sentences]
    brackets = {0x2068: "«", 0x2069: "»"}
    return [text.translate(brackets) for text in (page.summary.text, *sentences, *page.warnings)]


def proved(published: "Published", sentence: str) -> str:
    """The one pattern that the sentence matches, all of its figures being what the pattern's query gives."""
    found = [(pattern, match) for pattern in PATTERNS if (match := re.fullmatch(pattern, sentence))]
    assert len(found) == 1, f"{len(found)} patterns for: {sentence}"
    ((pattern, match),) = found
    cursor = published.connection.execute(PATTERNS[pattern])
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    figures = match.groupdict()
    assert any(all(row[name] == text for name, text in figures.items()) for row in rows), (sentence, rows)
    return pattern


def with_views(published: "Published") -> None:
    published.connection.execute(VIEWS)
    published.connection.execute(
        "create temp table runs (started_at timestamp, seconds decimal(18, 3), status varchar)"
    )
    published.connection.execute(
        "create temp table checks (asset varchar, name varchar, severity varchar, passed boolean)"
    )
    for run in published.runs:
        published.connection.execute(
            "insert into runs values (?, ?, ?)", [run.started_at, run.seconds, run.status]
        )
    for check in published.checks:
        values = [check.asset, check.check, check.severity, check.passed]
        published.connection.execute("insert into checks values (?, ?, ?, ?)", values)


def test_every_figure_in_a_sentence_is_what_a_query_gives(published_state: "Published") -> None:
    page = published_state.page
    with_views(published_state)
    for sentence in told(page):
        proved(published_state, sentence)


def test_the_states_bring_out_every_sentence(published_states: list["Published"]) -> None:
    sentences = [text for published in published_states for text in told(published.page)]
    matched = {pattern for text in sentences for pattern in PATTERNS if re.fullmatch(pattern, text)}
    assert matched == set(PATTERNS)
