"""What the lake's runs and checks did, as plain records: what a report may tell of the orchestrator.

Here belong the records only. Who fills them from where belongs to the orchestrator's side; how they look on a page,
to `operations_runs`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

RunStatus = Literal["waiting", "running", "succeeded", "failed", "canceled"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. started_at: UTC, without a zone; seconds: None while it goes on; started_by: what asked for it."""

    run_id: str
    started_at: datetime
    seconds: Decimal | None
    status: RunStatus
    started_by: str


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """The latest evaluation of one check. at: UTC, without a zone."""

    asset: str
    check: str
    severity: Severity
    text: str
    passed: bool
    at: datetime
