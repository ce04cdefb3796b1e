"""Countries by ISO code or English name, and their public holidays.

Belongs here: what the library of holidays knows. Not here: which countries a KPI's calendar names (definition.py), and
which one is home (calendar.py).
"""

# ruff: noqa: PLC0415  the library is loaded where a country is named, so that commands without one answer at once

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache

HOME = "home"
# As people and files write them; the library knows other names.
_ALSO = {
    "america": "US",
    "czechrepublic": "CZ",
    "eire": "IE",
    "england": "GB-ENG",
    "greatbritain": "GB",
    "holland": "NL",
    "korea": "KR",
    "northernireland": "GB-NIR",
    "republicofireland": "IE",
    "rsa": "ZA",
    "scotland": "GB-SCT",
    "turkiye": "TR",
    "uae": "AE",
    "unitedstatesofamerica": "US",
    "wales": "GB-WLS",
}


@lru_cache(maxsize=4096)
def country_code(name: str) -> str | None:
    """The ISO code of a country or of a part of one (GB, DE-BY); None for what has no public holidays that we know.

    >>> country_code("United Kingdom"), country_code("uk"), country_code("DE-BY"), country_code("Atlantis")
    ('GB', 'GB', 'DE-BY', None)
    """
    codes = _codes()
    country, _, part = name.strip().partition("-")
    if part and country.upper() in codes.values():
        code = f"{country.upper()}-{part.upper()}"
        return code if part.upper() in _parts(country.upper()) else None
    return codes.get(_letters(name))


def country_or_home(name: object) -> str:
    """A country as a calendar names it. Raises ValueError with the nearest right name."""
    expected = "expected a country by ISO code or English name, or home"
    if name is False:
        # YAML's short word for no.
        raise ValueError(f"{expected}, found false\nWrite Norway, or NO in quotes.")
    if not isinstance(name, str):
        raise ValueError(f"{expected}, found {name!r}")  # noqa: TRY004  a user's mistake
    if name.strip().lower() == HOME:
        return HOME
    code = country_code(name)
    if code is None:
        raise ValueError(f'{expected}, found "{name}"\n{_hint(name)}')
    return code


def public_holidays(code: str, years: Iterable[int]) -> dict[str, list[date]]:
    """The country's public holidays of the years by name, in English where the library can."""
    import holidays

    country, _, part = code.partition("-")
    languages = holidays.country_holidays(country).supported_languages
    # Without a language the library would take the machine's.
    spoken = next((one for one in ("en_US", "en_GB") if one in languages), None)
    chosen = spoken or holidays.country_holidays(country).default_language
    found = holidays.country_holidays(country, subdiv=part or None, years=sorted(years), language=chosen)
    named: dict[str, list[date]] = {}
    for day in sorted(found):
        for name in found.get_list(day):
            named.setdefault(name, []).append(day)
    return named


@cache
def _codes() -> dict[str, str]:
    """Code by name or code, in letters alone."""
    from holidays.registry import COUNTRIES

    known = {_letters(alias): codes[1] for codes in COUNTRIES.values() for alias in codes[:3]}
    return {"uk": "GB", **_ALSO, **known}


@cache
def _parts(code: str) -> frozenset[str]:
    import holidays

    return frozenset(holidays.country_holidays(code).subdivisions)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _hint(name: str) -> str:
    from holidays.registry import COUNTRIES

    shown = {
        _letters(codes[0]): re.sub(r"(?<=[a-z])(?=[A-Z])", " ", codes[0]) for codes in COUNTRIES.values()
    }
    close = difflib.get_close_matches(_letters(name), shown, n=1)
    return f'Did you mean "{shown[close[0]]}"?' if close else "Write GB, United Kingdom, DE-BY or home."
