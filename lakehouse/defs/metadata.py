"""Results of the logic packages as Dagster metadata: what a person sees beside an asset in the UI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from lakehouse.contracts import Contract
from lakehouse.ingest.raw import Ingested
from lakehouse.metrics.anomalies.alerts import KpiAlerts
from lakehouse.reports.page import Page
from lakehouse.reports.picture import markdown_picture
from lakehouse.reports.words import plain
from lakehouse.warehouse.build import Built
from lakehouse.warehouse.checks import Check, Verdict
from lakehouse.warehouse.feed_checks import Finding
from lakehouse.warehouse.model import Model
from lakehouse.warehouse.staged import FeedAccount

SHOWN_FILES = 20


def raw_metadata(ingested: Sequence[Ingested], refused: Sequence[str]) -> dict[str, Any]:
    rejected = [one for one in ingested if one.kind == "rejected"]
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(one.rows for one in ingested),
        "files": len(ingested),
        "re-sent files": sum(one.kind == "resend" for one in ingested),
        "rejected files": len(rejected),
    }
    if ingested:
        lines = [
            f"| {one.file} | {one.kind} | {one.rows:,} | {one.reason} |" for one in ingested[:SHOWN_FILES]
        ]
        more = [f"\n{len(ingested) - SHOWN_FILES} more files"] if len(ingested) > SHOWN_FILES else []
        head = ["| file | taken as | rows | reason |", "| --- | --- | ---: | --- |"]
        metadata["files taken"] = dg.MetadataValue.md("\n".join([*head, *lines, *more]))
    if refused:
        metadata["refused"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in refused))
    return metadata


def staged_metadata(contract: Contract, account: FeedAccount, unknown: Sequence[str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": account.staged,
        "dagster/column_schema": contract_schema(contract),
        "files": account.files,
        "landed rows": account.landed,
        "superseded rows": account.superseded,
        "re-sent rows": account.resent,
        "quarantined rows": account.quarantined,
        "changed": account.is_changed,
    }
    if unknown:
        metadata["columns the contract doesn't know"] = ", ".join(unknown)
    return metadata


def report_metadata(page: Page, path: Path, index: Path) -> dict[str, Any]:
    """Where a report page and the index of all stand, and a picture of its first chart."""
    metadata: dict[str, Any] = {
        "path": dg.MetadataValue.path(path),
        "link": dg.MetadataValue.url(path.as_uri()),
        "all reports": dg.MetadataValue.url(index.as_uri()),
        "size": path.stat().st_size,
        "summary": page.summary.text,
    }
    if preview := _preview(page):
        metadata["preview"] = dg.MetadataValue.md(preview)
    return metadata


def reports_metadata(pages: Sequence[Page], paths: Sequence[Path]) -> dict[str, Any]:
    """A table of further pages, each with its first sentence; nothing for none."""
    if not pages:
        return {}
    rows = [
        {"page": page.title, "summary": plain(page.summary.text), "path": str(path)}
        for page, path in zip(pages, paths, strict=True)
    ]
    return {"pages": dg.MetadataValue.md(_table(rows))}


def _preview(page: Page) -> str:
    """The first chart that can be drawn, as Markdown; empty where none can."""
    charts = (chart for section in page.sections for chart in section.charts)
    return next(filter(None, map(markdown_picture, charts)), "")


def contract_schema(contract: Contract) -> dg.TableSchema:
    columns = [
        dg.TableColumn(
            name=name,
            type=column.sql_type,
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=not column.required, other=_checks(column.checks)),
            tags={"pii": "true"} if column.pii else {},
        )
        for name, column in contract.columns.items()
    ]
    return dg.TableSchema(columns=columns)


def _checks(checks: dict[str, Any]) -> list[str]:
    return [f"{name} {argument}" for name, argument in checks.items()]


def model_schema(model: Model, types: dict[str, str]) -> dg.TableSchema:
    described = {column.name: column for column in model.doc.columns}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=types.get(name, "unknown"),
                description=_with_unit(described[name].description, described[name].meta.unit),
                tags={"pii": "true"} if described[name].meta.pii else {},
            )
            for name in model.columns
        ]
    )


def _with_unit(description: str, unit: str | None) -> str:
    return f"{description} [{unit}]" if unit else description


def model_metadata(model: Model, built: Built) -> dict[str, Any]:
    return {
        "dagster/row_count": built.rows,
        "dagster/column_schema": model_schema(model, built.types),
        "dagster/column_lineage": column_lineage(model),
    }


def column_lineage(model: Model) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey(table), column_name=name) for table, name in sources
            ]
            for column, sources in model.lineage.items()
            if sources
        }
    )


def check_result(check: Check, verdict: Verdict) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"failing rows": verdict.failures, "rule": check.description}
    if verdict.samples:
        metadata["sample"] = dg.MetadataValue.md(_table(verdict.samples))
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(check.model),
        check_name=check.name,
        passed=verdict.passed,
        severity=severity(check.severity),
        description="Holds."
        if verdict.passed
        else f"{verdict.failures:,} rows break it: {check.description}",
        metadata=metadata,
    )


def finding_result(asset: str, check: str, finding: Finding, *, warn: bool) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset),
        check_name=check,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
        description=finding.text,
        metadata={
            key: value if isinstance(value, int | float | str) else str(value)
            for key, value in finding.figures.items()
        },
    )


def alert_result(asset: str, check: str, told: KpiAlerts, picture: str = "") -> dg.AssetCheckResult:
    """A KPI's open anomalies in words, how sure they are, what is at stake and why, and a picture of the first."""
    metadata: dict[str, Any] = {}
    if told.alerts:
        rows = [
            {
                "anomaly": alert.anomaly,
                "what": alert.sentence,
                "at stake": "" if alert.money is None else f"{alert.money:,.0f}",
                "confidence": f"{alert.confidence:.0%}",
                "why": " ".join(alert.causes) or alert.explanation,
            }
            for alert in told.alerts
        ]
        metadata["anomalies"] = dg.MetadataValue.md(_table(rows))
    if picture:
        metadata["picture"] = dg.MetadataValue.md(picture)
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset),
        check_name=check,
        passed=not told.alerts,
        severity=dg.AssetCheckSeverity.WARN,
        description=told.text,
        metadata=metadata,
    )


def not_judged(asset: str, check: str, absent: Sequence[str]) -> dg.AssetCheckResult:
    """A check that reads tables which a run of a few assets has left unbuilt: told, and no failure."""
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset),
        check_name=check,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Not judged: it reads {', '.join(absent)}, which no run has built yet.",
    )


def severity(name: str) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.WARN if name == "warn" else dg.AssetCheckSeverity.ERROR


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(rows[0])
    head = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return "\n".join([*head, *("| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in rows)])


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
