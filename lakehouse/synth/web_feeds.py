"""The company on the web as rows of the feeds: columns, texts and formats of the contracts.

Belongs here: what a row of these feeds looks like. Doesn't: the shop's own feeds (feeds.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.synth.cells import chosen, ids, times
from lakehouse.synth.designs import DESIGNS
from lakehouse.synth.events import EVENT_KINDS, PAGES, VIEWED, events_of
from lakehouse.synth.geography import REGIONS_OF_VISITS
from lakehouse.synth.sessions import Sessions
from lakehouse.synth.subscriptions import BOOKING_KINDS, PACKAGES, Bookings
from lakehouse.synth.trials import Exposures
from lakehouse.synth.visitors import BROWSERS, DEVICES, SOURCES, Audience, Links
from lakehouse.synth.words import COUNTRIES


def web_events(sessions: Sessions, audience: Audience, first_session: int, first_event: int) -> pl.DataFrame:
    events = events_of(sessions)
    visitor = sessions.visitor[events.session]
    people = audience.visitors
    is_view = pl.Series(events.kind == 0)
    page = pl.when(is_view).then(chosen(VIEWED, events.page)).otherwise(chosen(PAGES, events.kind))
    return pl.DataFrame(
        {
            "event_id": ids("E", np.arange(first_event, first_event + len(events.at), dtype=np.int64)),
            "visitor_id": ids("V", visitor),
            "session_id": ids("S", first_session + events.session),
            "occurred_at": times(events.at),
            "kind": chosen(EVENT_KINDS, events.kind),
            "page": pl.select(page).to_series(),
            "device": chosen(DEVICES, people.device[visitor]),
            "browser": chosen(BROWSERS, people.browser[visitor]),
            "country": chosen(COUNTRIES, people.country[visitor]),
            "region": chosen(REGIONS_OF_VISITS, people.region[visitor]),
            "traffic_source": chosen(SOURCES, people.source[visitor]),
        }
    )


def visitor_identities(links: Links) -> pl.DataFrame:
    by_time = np.lexsort((links.visitor, links.at))
    return pl.DataFrame(
        {
            "visitor_id": ids("V", links.visitor[by_time]),
            "customer_id": ids("C", links.customer[by_time]),
            "linked_at": times(links.at[by_time]),
        }
    )


def experiment_exposures(exposures: dict[str, Exposures]) -> pl.DataFrame:
    variants = {design.id: design.variants for design in DESIGNS}
    parts = [
        pl.DataFrame(
            {
                "experiment_id": pl.repeat(name, len(shown.at), dtype=pl.String, eager=True),
                "visitor_id": ids("V", shown.visitor),
                "variant": chosen(variants[name], shown.variant),
                "exposed_at": times(shown.at),
            }
        )
        for name, shown in exposures.items()
    ]
    schema = {
        "experiment_id": pl.String(),
        "visitor_id": pl.String(),
        "variant": pl.String(),
        "exposed_at": pl.Datetime("us"),
    }
    return pl.concat([pl.DataFrame(schema=schema), *parts], how="vertical_relaxed")


def bookings(booked: Bookings, first_number: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "booking_id": ids("B", np.arange(first_number, first_number + len(booked.at), dtype=np.int64)),
            "customer_id": ids("C", booked.customer),
            "booked_at": times(booked.at),
            "package": chosen([name for name, _, _ in PACKAGES], booked.package),
            "kind": chosen(BOOKING_KINDS, booked.kind),
            "monthly_recurring_revenue": booked.mrr / 100,
            "amount": booked.amount / 100,
        }
    )
