"""Tables of many anomalies: those that aren't shown whole, those that people answered, those of the last weeks.

Here belongs what they have in common: one line an anomaly, readable beside lines of other KPIs.
"""

from collections.abc import Sequence

import polars as pl

from lakehouse.reports import words
from lakehouse.reports.anomalies_data import ANOMALIES, RECENT_DAYS, Anomaly, Watch
from lakehouse.reports.anomalies_words import brief, figure, form_of, name_of, span, sure
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.page import Column, Section, Sentence, Table

_ANSWERED_SHOWN, _RECENT_SHOWN, _OTHERS_SHOWN = 50, 150, 100
_NOTE = 300
_NOUN = ("anomaly", "anomalies")

# A figure that is a text already: KPIs of one table have different units.
_TOLD = words.Form("number")


def anomaly_table(
    watch: Watch,
    found: Sequence[Anomaly],
    caption: str,
    table_id: str,
    *,
    limit: int,
    noun: tuple[str, str] = _NOUN,
    note: str = "",
    has_name: bool = True,
    has_note: bool = False,
    are_parts: bool = False,
) -> Table:
    """One line an anomaly, in the order given.

    has_name: whether the KPI and segment stand in front; has_note: whether what people wrote stands behind. are_parts:
    whether all are parts, so that none needs to say so.
    """
    rows = []
    for place, each in enumerate(found):
        form = brief(form_of(watch, each), max(abs(each.expected or 0.0), abs(each.actual or 0.0)))
        figures = (figure(each.expected, form), figure(each.actual, form), each.relative_impact, each.money)
        told = (
            words.shorten(each.note, _NOTE) if each.note else None,
            state(each, is_part_told=not are_parts),
        )
        rows.append((place, name_of(watch, each), span(watch, each), *figures, sure(each.confidence), *told))
    texts = ("name", "when", "expected", "actual")
    kinds = {
        "place": pl.Int64,
        **dict.fromkeys(texts, pl.String),
        **dict.fromkeys(("relative", "money", "confidence"), pl.Float64),
        **dict.fromkeys(("note", "state"), pl.String),
    }
    columns = (
        *((Column("What", "name", is_name=True),) if has_name else ()),
        Column("When", "when"),
        Column("Expected", "expected", _TOLD),
        Column("Actual", "actual", _TOLD),
        Column("Change", "relative", words.PERCENT),
        Column(f"At stake, {watch.currency}" if watch.currency else "At stake", "money", words.AMOUNT),
        Column("Sure", "confidence", words.PERCENT),
        Column("State", "state", is_name=True),
        *((Column("Note", "note", is_name=True),) if has_note else ()),
    )
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    return Table(
        caption, columns, Rows(Dataset(table_id, frame), order="place", limit=limit), table_id, note, noun
    )


def state(anomaly: Anomaly, *, is_part_told: bool = True) -> str:
    """What became of it. is_part_told: whether a part of another says so."""
    told = anomaly.status or words.MISSING
    if anomaly.is_open and anomaly.status != "open":
        told += ", goes on"
    return told if anomaly.part_of is None or not is_part_told else f"{told}, part of another"


def others(watch: Watch, left: Sequence[Anomaly]) -> Section:
    """What needs attention too, and is less."""
    told = f"{words.counted(len(left), 'more thing needs', 'more things need')} attention, each less than those above."
    table = anomaly_table(
        watch, left, "Less than those above, most money first", "others", limit=_OTHERS_SHOWN
    )
    return Section("more", "Also out of the ordinary", (Sentence(told, (ANOMALIES,)),), tables=(table,))


def answered(watch: Watch) -> Section:
    """What people said something of."""
    found = watch.answered
    title = "Answered"
    if not found:
        return Section(
            "answered",
            title,
            empty="Nobody has answered to an anomaly yet: none is confirmed, expected or muted.",
        )
    told = [
        f"{words.count(sum(each.status == status for each in found))} {status}" for status in _said(found)
    ]
    text = f"People answered to {words.counted(len(found), *_NOUN)}: {', '.join(told)}."
    table = anomaly_table(
        watch,
        found,
        "Confirmed, expected and muted anomalies",
        "answered-table",
        limit=_ANSWERED_SHOWN,
        has_note=True,
    )
    return Section("answered", title, (Sentence(text, (ANOMALIES,)),), tables=(table,))


def recent(watch: Watch) -> Section:
    """Every anomaly of the last weeks, parts included."""
    title = f"All of the last {RECENT_DAYS} days"
    found = watch.recent
    if not found:
        return Section("recent", title, empty=f"There was no anomaly in the last {RECENT_DAYS} days.")
    parts = sum(each.part_of is not None for each in found)
    text = f"In {RECENT_DAYS} days there were {words.counted(len(found), *_NOUN)}"
    if len(found) == 1:
        text = f"In {RECENT_DAYS} days there was 1 anomaly"
    text += (
        f", {words.count(parts)} of them {'a part' if parts == 1 else 'parts'} of others." if parts else "."
    )
    table = anomaly_table(watch, found, "The latest first", "recent-table", limit=_RECENT_SHOWN)
    return Section("recent", title, (Sentence(text, (ANOMALIES,)),), tables=(table,))


def _said(found: Sequence[Anomaly]) -> list[str]:
    return sorted({each.status for each in found})
