"""When to ask for a run over the pending files: a pure decision from the pending set and its earlier runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lakehouse.ingest.landing import LandingFile

FIRST_PAUSE_S = 30.0
MOST_ATTEMPTS = 7


@dataclass(frozen=True, slots=True)
class Attempt:
    """An earlier run over the same pending set. `ended_at`: seconds since the epoch; None while it goes on."""

    run_id: str
    outcome: Literal["waiting", "failed", "succeeded"]
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for a run. The key holds the pending set and the attempt: run keys dedupe for ever, failed runs included."""

    run_key: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Wait:
    reason: str


def pending_signature(files: Iterable[LandingFile]) -> str:
    """Path, size and mtime of every pending file in one short text; empty when nothing is pending."""
    prints = sorted(file.fingerprint for file in files)
    return hashlib.blake2b("\n".join(prints).encode(), digest_size=12).hexdigest() if prints else ""


def decide(signature: str, attempts: Sequence[Attempt], now: float) -> Ask | Wait:
    """Ask at once for a set not tried yet; after a failure again with a pause that doubles, a few times."""
    if not signature:
        return Wait("no files are pending")
    going = [attempt for attempt in attempts if attempt.outcome == "waiting"]
    if going:
        return Wait(f"run {going[0].run_id[:8]} is on it")
    tried = len(attempts)
    if tried >= MOST_ATTEMPTS:
        return Wait(
            f"{tried} attempts failed or left files pending; the next run by hand, by schedule or for other files tries again"
        )
    if tried:
        pause = FIRST_PAUSE_S * 2 ** (tried - 1)
        left = max(attempt.ended_at or now for attempt in attempts) + pause - now
        if left > 0:
            return Wait(f"attempt {tried} failed or left files pending; the next one follows in {left:.0f} s")
    return Ask(f"{signature}:{tried}", tried)
