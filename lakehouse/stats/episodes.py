"""Alarms of single periods as episodes: one trouble, one alert, however long it lasts.

Belongs here: when an episode opens, goes on and closes, how large it was and which methods saw it. Not here: what alarms
(surprise.py, confidence.py), or what anybody thinks of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lakehouse.stats.expected import Expected
from lakehouse.stats.guards import FloatArray, count, finite_array, level, same_length
from lakehouse.stats.surprise import Evidence

# An episode goes on while the KPI stays this far on the same side, and survives as many periods back in the ordinary.
STAYS, BREATHER = 2.0, 2
# After three periods or more out of the ordinary, a week is given to come back without an alert of its own.
TAUGHT, RECOVERY = 3, 7


@dataclass(frozen=True, slots=True)
class Episode:
    """start, opened, end: positions; it began at start, alarmed first at opened, and was last out of the ordinary at end.

    direction: 1 up, -1 down. size: impact as a share of what was expected in sum (0 where nothing was expected).
    impact: actual minus expected, summed. actual, expected: sums over the episode. p_value: of the strongest evidence.
    is_open: whether it may still go on at the end of the series. methods: names of those that agree.
    """

    start: int
    opened: int
    end: int
    direction: int
    size: float
    impact: float
    actual: float
    expected: float
    p_value: float
    is_open: bool
    methods: tuple[str, ...]


def episodes(
    values: ArrayLike,
    expected: Expected,
    found: Evidence,
    alpha: float,
    *,
    methods: Mapping[str, NDArray[np.int64]] | None = None,
) -> tuple[Episode, ...]:
    """The episodes of one series, in order.

    values: (n,), NaN for none; expected, found: of the same n periods; alpha: the p-value from which on a period alarms,
    as of confidence.level_of_budget; methods: name to each period's verdict by another method, 1 up, -1 down, 0 none.
    Evidence of a window reaches back to the first of its periods that stood on that side. What comes back to the ordinary
    after three periods or more makes no alert of its own for a week.
    Raises ValueError for lengths that differ or an alpha outside (0, 1).

    >>> from lakehouse.stats.calendar_effects import day_features
    >>> from lakehouse.stats.expected import expect
    >>> from lakehouse.stats.surprise import evidence
    >>> orders = np.random.default_rng(2).poisson(400, 120).astype(float)
    >>> orders[100:103] = 200
    >>> model = expect(orders, day_features(range(120)), grain=1)
    >>> [episode] = episodes(orders, model, evidence(model), 0.005)
    >>> episode.start, episode.end, episode.direction, round(episode.size, 1)
    (100, 102, -1, -0.5)
    """
    level("alpha", alpha)
    y = np.asarray(values, dtype=np.float64)
    same_length(values=y, expected=expected.center, evidence=found.p_value)
    alarming = np.where(found.p_value <= alpha, found.direction, 0)
    judged = np.flatnonzero(expected.is_judged)
    spans: list[_Span] = []
    open_span: _Span | None = None
    alarmed = np.flatnonzero(alarming[judged])
    place = -1
    while True:
        place += 1
        if open_span is None:
            # Between episodes only alarms matter.
            following = int(np.searchsorted(alarmed, place))
            place = int(alarmed[following]) if following < len(alarmed) else len(judged)
        if place >= len(judged):
            break
        t = judged[place]
        side, u = int(alarming[t]), float(expected.surprise[t])
        if open_span is not None and (open_span.goes_on(u) or side == open_span.direction):
            # A window's evidence lasts beyond the trouble; only a period that is itself away extends it.
            if open_span.goes_on(u):
                open_span.end, open_span.quiet = int(t), 0
            open_span.p_value = min(open_span.p_value, float(found.p_value[t]) if side else 1.0)
            continue
        if open_span is not None:
            open_span.quiet += 1
            if open_span.quiet <= BREATHER and side == 0:
                continue
            spans.append(open_span)
            open_span = None
        if side and not _is_recovery(spans, judged, place, side):
            first = _begun(expected.surprise, judged, place, side, int(found.window[t]))
            first = max(first, spans[-1].end + 1) if spans else first
            open_span = _Span(first, int(t), side, float(found.p_value[t]))
    is_last_open = open_span is not None
    if open_span is not None:
        spans.append(open_span)
    return tuple(
        _episode(span, y, expected, methods or {}, is_open=is_last_open and span is spans[-1])
        for span in spans
    )


def episodes_of_all(
    values: ArrayLike, expected: Expected, found: Evidence, alpha: float
) -> tuple[tuple[Episode, ...], ...]:
    """The episodes of each of several series; values: (series, n), the rest as of `episodes`.

    >>> from lakehouse.stats.calendar_effects import day_features
    >>> from lakehouse.stats.expected import expect
    >>> from lakehouse.stats.surprise import evidence
    >>> model = expect(np.ones((2, 60)), day_features(range(60)))
    >>> episodes_of_all(np.ones((2, 60)), model, evidence(model), 0.01)
    ((), ())
    """
    rows = np.asarray(values, dtype=np.float64)
    return tuple(episodes(rows[i], expected.one(i), found.one(i), alpha) for i in range(len(rows)))


def is_recent(episode: Episode, periods: int, last: int = RECOVERY) -> bool:
    """Whether an episode was out of the ordinary within the last few of `periods` periods."""
    return episode.end >= count("periods", periods) - last


class _Span:
    """An episode while it grows."""

    def __init__(self, start: int, opened: int, direction: int, p_value: float) -> None:
        self.start, self.opened, self.end = start, opened, opened
        self.direction, self.p_value, self.quiet = direction, p_value, 0

    def goes_on(self, u: float) -> bool:
        return u * self.direction > STAYS


def _begun(surprise: FloatArray, judged: NDArray[np.int64], place: int, side: int, window: int) -> int:
    """The first period of the window from which on the sum stands out most."""
    at = judged[max(0, place - window + 1) : place + 1]
    sums = np.cumsum(np.clip(side * surprise[at], -3.0, 3.0)[::-1])
    return int(at[::-1][int(np.argmax(sums / np.sqrt(np.arange(1, len(at) + 1))))])


def _is_recovery(spans: list[_Span], judged: NDArray[np.int64], place: int, side: int) -> bool:
    if not spans or spans[-1].direction == side:
        return False
    ended = int(np.searchsorted(judged, spans[-1].end))
    lasted = ended - int(np.searchsorted(judged, spans[-1].start)) + 1
    return lasted >= TAUGHT and place - ended <= RECOVERY


def _episode(
    span: _Span, y: FloatArray, expected: Expected, methods: Mapping[str, NDArray[np.int64]], *, is_open: bool
) -> Episode:
    inside = np.arange(span.start, span.end + 1)
    inside = inside[expected.is_judged[inside]]
    actual = float(finite_array("values", y[inside]).sum())
    due = float(expected.center[inside].sum())
    impact = actual - due
    agreeing = tuple(name for name, verdict in methods.items() if (verdict[inside] == span.direction).any())
    size = impact / abs(due) if due else 0.0
    return Episode(
        span.start,
        span.opened,
        span.end,
        span.direction,
        size,
        impact,
        actual,
        due,
        span.p_value,
        is_open,
        agreeing,
    )
