"""Public holidays of the countries whose workspaces a contract covers: days for the projection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # between two words


def free_days(countries: Iterable[str], first: date, end: date) -> tuple[date, ...]:
    """Holidays of [first, end) in any of `countries`, sorted; a country without any has none."""
    years = range(first.year, end.year + 1)
    found = {day for country in countries for year in years for day in _of_year(country, year)}
    return tuple(sorted(day for day in found if first <= day < end))


@lru_cache(maxsize=64)
def _of_year(country: str, year: int) -> tuple[date, ...]:
    """Imported late: most installations name no country, and the package takes its time."""
    import holidays

    try:
        return tuple(holidays.country_holidays(country, years=year)) if country else ()
    except NotImplementedError:  # a country that the package does not know
        return ()


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """Countries whose holidays are known, by name: two-letter code (ISO 3166) -> name.

    The names are the package's own, "UnitedStates", taken apart.
    """
    from holidays.registry import COUNTRIES

    names = {code: _WORD.sub(" ", name) for name, code, *_ in COUNTRIES.values()}
    return dict(sorted(names.items(), key=lambda item: item[1]))
