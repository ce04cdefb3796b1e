"""Pools of words: names, brands and goods. Faker makes the pools once; rows draw from them by position.

Belongs here: the pools. Doesn't: who is called what (people.py, catalogue.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from faker import Faker

#: Country, sales region and share among the customers who pay in the reporting currency.
HOME_COUNTRIES: tuple[tuple[str, str, float], ...] = (
    ("Germany", "DACH", 0.34),
    ("France", "Western Europe", 0.18),
    ("Netherlands", "Western Europe", 0.11),
    ("Austria", "DACH", 0.09),
    ("Italy", "Southern Europe", 0.09),
    ("Spain", "Southern Europe", 0.08),
    ("Belgium", "Western Europe", 0.06),
    ("Ireland", "UK & Ireland", 0.03),
    ("Finland", "Nordics", 0.02),
)
FOREIGN_COUNTRY = ("United Kingdom", "UK & Ireland")
COUNTRIES: tuple[str, ...] = (*(name for name, _, _ in HOME_COUNTRIES), FOREIGN_COUNTRY[0])
REGIONS: tuple[str, ...] = (*(region for _, region, _ in HOME_COUNTRIES), FOREIGN_COUNTRY[1])
#: Standard VAT rate in percent, in the order of COUNTRIES.
VAT_PERCENT: tuple[int, ...] = (19, 20, 21, 20, 22, 21, 21, 23, 25, 20)

#: Category, its typical price in cents and its goods.
CATEGORIES: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    (
        "Kitchen",
        2600,
        ("Kettle", "Saucepan", "Chopping Board", "Mug", "Knife Set", "Toaster", "Coffee Press"),
    ),
    ("Home Textiles", 3400, ("Cushion", "Throw", "Duvet Cover", "Towel", "Curtain", "Rug")),
    ("Lighting", 5200, ("Desk Lamp", "Floor Lamp", "Pendant", "Lantern", "Night Light")),
    ("Garden", 2900, ("Planter", "Watering Can", "Pruner", "Bird Feeder", "Deck Chair")),
    ("Stationery", 900, ("Notebook", "Fountain Pen", "Desk Pad", "Planner", "Card Set")),
    ("Toys", 1900, ("Puzzle", "Building Set", "Plush Bear", "Card Game", "Wooden Train")),
    ("Bath", 1500, ("Soap Dish", "Bath Mat", "Mirror", "Laundry Basket", "Robe")),
    ("Furniture", 14500, ("Side Table", "Bookshelf", "Stool", "Armchair", "Sideboard")),
)


@dataclass(frozen=True, slots=True)
class Words:
    """Pools to draw from. Email names stand at the same positions as the names they are made of."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    first_email_names: tuple[str, ...]
    last_email_names: tuple[str, ...]
    brands: tuple[str, ...]
    colours: tuple[str, ...]


def make_words(seed: int) -> Words:
    fake = Faker(["de_DE", "fr_FR", "it_IT", "es_ES", "en_GB"])
    fake.seed_instance(seed)
    first_names = _distinct(fake.first_name() for _ in range(160))
    last_names = _distinct(fake.last_name() for _ in range(240))
    brands = _distinct(fake["de_DE"].last_name() for _ in range(40))
    colours = _distinct(_spaced(fake["en_GB"].color_name()) for _ in range(60))
    return Words(first_names, last_names, _plain(first_names), _plain(last_names), brands, colours)


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _spaced(name: str) -> str:
    """AliceBlue as Alice Blue."""
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip()


def _plain(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words as a mail address can hold them."""
    folded = (unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode() for word in words)
    return tuple("".join(letter for letter in word.lower() if letter.isalnum()) or "x" for word in folded)
