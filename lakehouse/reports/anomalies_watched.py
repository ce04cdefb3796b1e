"""What is watched: KPIs by owner with their budgets of false alerts, and the series that aren't judged, with reasons."""

import polars as pl

from lakehouse.reports import words
from lakehouse.reports.anomalies_data import DEFINITIONS, RECENT_DAYS, SERIES, Watch
from lakehouse.reports.dataset import Dataset, Rows
from lakehouse.reports.page import Column, Section, Sentence, Table

_KPIS_SHOWN, _REASONS_SHOWN = 200, 50


def watched(watch: Watch) -> Section:
    """Every KPI, whether it is watched, and why series aren't."""
    title = "What is watched"
    if not watch.kpis:
        return Section(
            "watched", title, empty="No KPI is defined, or none has been built yet. Run: lakehouse run"
        )
    reasons = _reasons(watch)
    tables = (_kpis(watch), *((_reason_table(reasons),) if not reasons.is_empty() else ()))
    return Section("watched", title, (Sentence(_told(watch), (DEFINITIONS, SERIES)),), tables=tables)


def _told(watch: Watch) -> str:
    kpis = [watch.kpis[name] for name in watch.kpis if name in watch.watched_kpis]
    told = f"{words.counted(watch.watched, 'series is', 'series are')} judged, of {words.counted(len(kpis), 'KPI')}"
    if budget := sum(kpi.sensitivity or 0.0 for kpi in kpis):
        told += (
            f", which together may give {_budget(budget)} false {'alert' if budget == 1 else 'alerts'} a year"
        )
    told += "."
    if without := len(watch.kpis) - len(kpis):
        told += (
            f" {words.counted(without, 'KPI is', 'KPIs are')} not watched: nothing of it can be judged yet."
            if without == 1
            else (f" {words.count(without)} KPIs are not watched: nothing of them can be judged yet.")
        )
    unjudged = sum(watch.series.values()) - watch.watched
    if unjudged:
        told += f" {words.counted(unjudged, 'series is', 'series are')} not judged; the reasons stand below."
    return told


def _budget(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _kpis(watch: Watch) -> Table:
    rows = []
    for place, kpi in enumerate(watch.kpis.values()):
        judged = watch.series.get(("ok", kpi.name), 0)
        every = sum(count for (_, name), count in watch.series.items() if name == kpi.name)
        found = sum(each.kpi == kpi.name for each in watch.recent)
        label = words.shorten(kpi.label, 60)
        state = "watched" if judged else (kpi.status if kpi.status != "ok" else "not judged")
        rows.append(
            (
                place,
                kpi.owner or words.MISSING,
                label,
                kpi.complete_through,
                state,
                kpi.sensitivity,
                judged,
                every - judged,
                found,
            )
        )
    kinds = {
        "place": pl.Int64,
        "owner": pl.String,
        "label": pl.String,
        "through": pl.Date,
        "state": pl.String,
        "budget": pl.Float64,
        **dict.fromkeys(("judged", "unjudged", "found"), pl.Int64),
    }
    columns = (
        Column("Owner", "owner", is_name=True),
        Column("KPI", "label", is_name=True),
        Column("State", "state", is_name=True),
        Column("Data through", "through", words.DAY),
        Column("False alerts a year", "budget", words.Form("number", decimals=1)),
        Column("Judged", "judged", words.COUNT),
        Column("Not judged", "unjudged", words.COUNT),
        Column("Anomalies", "found", words.COUNT),
    )
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    return Table(
        "KPIs by owner",
        columns,
        Rows(Dataset("kpis", frame), order="place", limit=_KPIS_SHOWN),
        "kpis",
        f"Judged: series of it. False alerts: at most so many a year, by the KPI's definition. Anomalies: of the last {RECENT_DAYS} days.",
        ("KPI", "KPIs"),
    )


def _reasons(watch: Watch) -> pl.DataFrame:
    found: dict[str, tuple[int, set[str]]] = {}
    for (status, kpi), count in watch.series.items():
        if status != "ok":
            series, kpis = found.get(status, (0, set()))
            found[status] = (series + count, kpis | {kpi})
    ranked = sorted(found.items(), key=lambda each: (-each[1][0], each[0]))
    rows = [(words.shorten(status, 200), series, len(kpis)) for status, (series, kpis) in ranked]
    return pl.DataFrame(
        rows, schema={"status": pl.String, "series": pl.Int64, "kpis": pl.Int64}, orient="row"
    )


def _reason_table(reasons: pl.DataFrame) -> Table:
    columns = (
        Column("Why not judged", "status", is_name=True),
        Column("Series", "series", words.COUNT),
        Column("Of KPIs", "kpis", words.COUNT),
    )
    source = Rows(Dataset("reasons", reasons), limit=_REASONS_SHOWN)
    return Table("Series that are not judged", columns, source, "reasons", noun=("reason", "reasons"))
