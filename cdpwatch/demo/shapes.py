"""When traffic happens: factors by day and weights by hour and minute. Hours are UTC.

A day shape gives the day's factor (mean about 1 over a week, or over a month for rare runs). An
hour shape gives 24 weights for a day, a minute shape 60 weights for each of its 24 hours; weights
need not add up to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

DayShape = Callable[[date], float]
HourShape = Callable[[date], Sequence[float]]
MinuteShape = Callable[[], Sequence[float]]

WEEK = (1.19, 1.27, 1.27, 1.23, 1.14, 0.43, 0.49)  # Monday first
MORNING = (1.5, 1.2, 1.0, 0.9, 1.0, 1.4, 2.2, 3.6, 5.0, 5.8, 5.9, 5.5)
AFTERNOON = (5.6, 6.6, 7.6, 7.9, 7.7, 7.0, 5.9, 5.0, 4.2, 3.3, 2.5, 1.9)
OFFICE = MORNING + AFTERNOON
NEWSLETTER_WEEK = (0.5, 2.35, 0.5, 2.35, 0.5, 0.4, 0.4)
TUESDAY_THURSDAY = (1, 3)
HOLIDAY_FACTOR = 0.55


def people(day: date) -> float:
    """People at work: the week's curve, and a quiet week at the turn of the year."""
    return WEEK[day.weekday()] * (HOLIDAY_FACTOR if _is_holiday(day) else 1)


def flatter(day: date) -> float:
    return 0.5 + 0.5 * people(day)


def machine(day: date) -> float:
    return 1.0


def working_days(day: date) -> float:
    return 1.4 if day.weekday() < 5 else 0.0


def newsletter(day: date) -> float:
    return NEWSLETTER_WEEK[day.weekday()]


def webinar(day: date) -> float:
    return 3.5 if day.weekday() in TUESDAY_THURSDAY else 0.0


def runs(day: date) -> float:
    """Three scripted runs a month; nothing on the other days."""
    return 10.0 if day.day in (4, 13, 22) else 0.0


def public_site(day: date) -> float:
    """Visitors of a public site: weekends at 0.70 of a weekday, not at 0.38 as in the app."""
    return 1.0 if day.weekday() < 5 else 0.70


def public_docs(day: date) -> float:
    return 1.06 if day.weekday() < 5 else 0.85


def send_days(day: date) -> float:
    return 1.0 if day.weekday() in TUESDAY_THURSDAY else 0.0


def office(day: date) -> Sequence[float]:
    return OFFICE


def flat_office(day: date) -> Sequence[float]:
    return [0.5 * 100 / 24 + 0.5 * weight for weight in OFFICE]


def all_day(day: date) -> Sequence[float]:
    return [1.0] * 24


def nightly(day: date) -> Sequence[float]:
    return [20.0 if hour == 1 else 0.2 for hour in range(24)]


def cohort(day: date) -> Sequence[float]:
    return [8.0 if hour == 2 else 1.0 for hour in range(24)]


def syncs(day: date) -> Sequence[float]:
    return [1.0 if hour in (6, 12, 18) else 0.0 for hour in range(24)]


def test_runs(day: date) -> Sequence[float]:
    """Office hours of a small team, with an end-to-end run every second hour."""
    return [(4.0 if hour % 2 else 1.0) if 7 <= hour < 18 else 0.0 for hour in range(24)]


def team_hours(day: date) -> Sequence[float]:
    return [1.0 if 7 <= hour < 18 else 0.0 for hour in range(24)]


def script(day: date) -> Sequence[float]:
    return [1.0 if hour in (13, 14) else 0.0 for hour in range(24)]


def mailing(day: date) -> Sequence[float]:
    """On newsletter days most of the mail leaves between 10:00 and 11:00."""
    sent_at_ten = 200.0 if day.weekday() in TUESDAY_THURSDAY else 0.0
    return [weight + (sent_at_ten if hour == 10 else 0) for hour, weight in enumerate(OFFICE)]


def reactions(day: date) -> Sequence[float]:
    """Opens and clicks: on newsletter days a decay from 10:00 with a half-life of five hours."""
    if day.weekday() not in TUESDAY_THURSDAY:
        return OFFICE
    return [1.0 + (40 * 0.5 ** ((hour - 10) / 5) if hour >= 10 else 0) for hour in range(24)]


def after_session(day: date) -> Sequence[float]:
    return [1.0 if hour == 17 else 0.0 for hour in range(24)]


def even() -> Sequence[float]:
    return [1.0] * 60


def burst() -> Sequence[float]:
    """A sync that starts on the hour and takes eleven minutes."""
    return [1.0 if minute < 11 else 0.0 for minute in range(60)]


def sawtooth() -> Sequence[float]:
    return [60.0 - minute for minute in range(60)]


def _is_holiday(day: date) -> bool:
    return (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1)
