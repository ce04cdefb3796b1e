"""Where visits come from: the parts of each country, and those in which the radio campaign runs.

Belongs here: names and sizes of regions. Doesn't: who visits (visitors.py). Countries have as many regions as
they have customers for, so that regions are of about one size and a rollout by region compares like with like.
"""

from __future__ import annotations

import numpy as np

from lakehouse.synth.plan import Ints
from lakehouse.synth.words import COUNTRIES

_BY_COUNTRY: dict[str, tuple[str, ...]] = {
    "Germany": (
        *("Bavaria", "Baden-Wurttemberg", "North Rhine-Westphalia", "Hesse", "Saxony", "Berlin", "Hamburg"),
        *("Lower Saxony", "Rhineland-Palatinate", "Brandenburg", "Thuringia", "Saxony-Anhalt"),
    ),
    "France": ("Ile-de-France", "Occitanie", "Brittany", "Normandy", "Grand Est", "Provence"),
    "Netherlands": ("North Holland", "South Holland", "Utrecht", "Gelderland"),
    "Austria": ("Vienna", "Styria", "Tyrol"),
    "Italy": ("Lombardy", "Lazio", "Veneto"),
    "Spain": ("Madrid", "Catalonia", "Andalusia"),
    "Belgium": ("Flanders", "Wallonia"),
    "Ireland": ("Leinster",),
    "Finland": ("Uusimaa",),
    "United Kingdom": ("England",),
}
#: A third of the regions, spread over the countries.
CAMPAIGN_REGIONS = (
    *("Bavaria", "Hesse", "Saxony", "Hamburg", "Occitanie", "Brittany", "Utrecht", "Gelderland"),
    *("Styria", "Veneto", "Andalusia", "Wallonia"),
)

REGIONS_OF_VISITS: tuple[str, ...] = tuple(name for country in COUNTRIES for name in _BY_COUNTRY[country])
_COUNTS = np.array([len(_BY_COUNTRY[country]) for country in COUNTRIES], dtype=np.int64)
_FIRSTS = np.cumsum(_COUNTS) - _COUNTS
#: Position of each region's country in COUNTRIES.
COUNTRY_OF_REGION = np.repeat(np.arange(len(COUNTRIES), dtype=np.int64), _COUNTS)


def regions_in(rng: np.random.Generator, country: Ints) -> Ints:
    """A region of each country, all of a country's equally likely: positions in REGIONS_OF_VISITS."""
    drawn: Ints = _FIRSTS[country] + np.floor(rng.random(len(country)) * _COUNTS[country]).astype(np.int64)
    return drawn


def in_campaign(region: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which regions of visits the campaign runs in."""
    chosen = np.array([REGIONS_OF_VISITS.index(name) for name in CAMPAIGN_REGIONS])
    return np.isin(region, chosen)
