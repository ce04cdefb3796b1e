"""What was said of alarms, and what they were.

Belongs here: alarms of made series with their confidence. Not here: how confidence comes about (lakehouse.stats.confidence).
"""

from __future__ import annotations

from benchmarks.signals.detectors import judged
from benchmarks.signals.kpis import UNTOUCHED, injected, made
from benchmarks.signals.scoring import is_of
from lakehouse.stats.confidence import confidence

# So many alarms that doubtful ones are among them.
BUDGET = 60.0


def reliability(seed: int, rounds: int) -> list[tuple[float, bool]]:
    """Of every alarm: how sure it was said to be, and whether it was a trouble; promotions known."""
    told = []
    for plain in (kpi for i in range(rounds) for kpi in made(seed + i)):
        kpi = injected(plain, seed)
        for episode in judged(kpi, knows_promotions=True, budget=BUDGET).episodes:
            if episode.end >= UNTOUCHED:
                is_trouble = any(is_of(episode.start, episode.end + 1, trouble) for trouble in kpi.troubles)
                told.append((float(confidence(episode.p_value)), is_trouble))
    return told
