"""The events of sessions, one by one, in the order of time.

Belongs here: how a session unfolds. Doesn't: how many sessions there are and what happens in them (sessions.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.synth.plan import Ints
from lakehouse.synth.sessions import Sessions

EVENT_KINDS = ("page_view", "signup", "activation", "add_to_cart", "checkout", "purchase")
#: Page of each kind; views walk through VIEWED.
PAGES = ("/", "/signup", "/welcome", "/cart", "/checkout", "/thank-you")
VIEWED = (
    "/",
    *("/kitchen", "/lighting", "/garden", "/toys", "/bath", "/furniture", "/home-textiles", "/stationery"),
    *("/sale", "/product", "/product/reviews", "/delivery"),
)


@dataclass(frozen=True, slots=True)
class Events:
    """Events; `session` is the position among the sessions they belong to, `page` one in VIEWED or PAGES."""

    session: Ints
    at: Ints
    kind: Ints
    page: Ints


def events_of(sessions: Sessions) -> Events:
    """All events of the sessions: views first, then actions, evenly from the session's start to its end."""
    actions = sessions.actions()
    lengths = sessions.views + sum(actions)
    session = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    firsts = np.cumsum(lengths) - lengths
    step = np.arange(len(session), dtype=np.int64) - firsts[session]
    kind = np.zeros(len(session), dtype=np.int64)
    position = firsts + sessions.views
    for number, action in enumerate(actions, start=1):
        happens = action > 0
        kind[position[happens]] = number
        position = position + action
    seconds = sessions.end - sessions.start
    at = sessions.start[session] + seconds[session] * step // np.maximum(lengths[session] - 1, 1)
    # A walk through the shop that differs by visitor and needs no random numbers.
    page = (sessions.visitor[session] * 7 + step * (1 + sessions.visitor[session] % 5)) % len(VIEWED)
    page = np.where(step == 0, sessions.visitor[session] % 3 % len(VIEWED), page)
    by_time = np.argsort(at, kind="stable")
    return Events(session[by_time], at[by_time], kind[by_time], page[by_time])
