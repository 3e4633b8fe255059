"""Numbers, days and spans as people read them: one spelling for pages, Slack and the terminal.

Pure text; every function takes its clock.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

THIN_SPACE = "\u2009"
UNKNOWN = "–"
MINUS = "\u2212"


def exact(calls: float | None) -> str:
    """18 800 123, −140: with thin spaces between the thousands and a true minus sign."""
    if calls is None:
        return UNKNOWN
    return f"{round(calls):,}".replace(",", THIN_SPACE).replace("-", MINUS)


def short(calls: float | None) -> str:
    """25.8M, 853k, 412: three figures are what a sentence can carry."""
    if calls is None:
        return UNKNOWN
    size = abs(calls)
    if size >= 999_500:
        return f"{_trim(calls / 1e6, 1)}M"
    if size >= 9_950:
        return f"{calls / 1e3:.0f}k"
    if size >= 1_000:
        return f"{_trim(calls / 1e3, 1)}k"
    return f"{calls:.0f}"


def _trim(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def gib(count: int) -> str:
    """12 GiB, 0.52 GiB, of bytes: two digits more where there are few."""
    size = count / 2**30
    return f"{exact(size)} GiB" if size >= 10 else f"{size:.2f} GiB"


def span_of_calls(low: float, high: float) -> str:
    """41.8–44.6M: the unit once, where both ends share it."""
    first, last = short(low), short(high)
    if first[-1:] == last[-1:] and last[-1:] in "Mk":
        first = first[:-1]
    return f"{first}–{last}"


def share(part: float | None, whole: float | None) -> str:
    """47.1%, with a second digit below one percent so that small is not zero."""
    if part is None or not whole:
        return UNKNOWN
    percent = 100 * part / whole
    if 0 < percent < 0.005:
        return "<0.01%"
    return f"{percent:.2f}%" if 0 < abs(percent) < 1 else f"{percent:.1f}%"


def chance(value: float | None) -> str:
    """A chance in percent; "certain" only for what has happened."""
    if value is None:
        return UNKNOWN
    if value >= 1:
        return "certain"
    if value < 0.01:
        return "under 1%"
    return "over 99%" if value > 0.99 else f"{100 * value:.0f}%"


def day(value: date | None) -> str:
    """Sun 29 Nov"""
    return UNKNOWN if value is None else f"{value:%a} {value.day} {value:%b}"


def moment(value: datetime | None, now: datetime | None = None) -> str:
    """Thu 19 Nov 14:20 UTC; Thu 2 Jan 2025 10:00 UTC where that is not the year of `now`."""
    if value is None:
        return UNKNOWN
    year = f" {value.year}" if now and value.year != now.year else ""
    return f"{day(value.date())}{year} {value:%H:%M} UTC"


def length(value: timedelta) -> str:
    """45 s, 41 min, 6 h, 9 d: one unit is enough to judge freshness."""
    seconds = max(0, round(value.total_seconds()))
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / unit)} {name}"
    return f"{round(seconds / 86_400)} d"


def took(value: timedelta) -> str:
    """412 ms, 3 s: how long something took, which may be less than a second."""
    spent = max(0, round(1000 * value.total_seconds()))
    return f"{spent} ms" if spent < 1000 else length(value)


def age(then: datetime | None, now: datetime) -> str:
    """How long ago `then` was, or "never"."""
    return "never" if then is None else length(now - then)


def plural(count: int, noun: str) -> str:
    """1 day, 2 days"""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# Control characters, and marks that turn the direction of the words after them round.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str) -> str:
    """Foreign words where a line break or a mark that nobody sees could pretend something."""
    return _UNSEEN.sub(" ", text)
