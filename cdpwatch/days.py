"""UTC days and months: the few steps on the calendar that counting takes everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)
EARLIEST = 2000  # the first year of which a moment is asked


class BadMoment(ValueError):
    """The text says what is wrong with it."""


def start_of(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def next_month(day: date) -> date:
    """First day of the month after that of `day`."""
    return (day.replace(day=1) + 32 * DAY).replace(day=1)


def month_before(day: date) -> date:
    """First day of the month before that of `day`."""
    return (day.replace(day=1) - DAY).replace(day=1)


def day_of(text: str) -> date:
    """The UTC day that somebody wrote. Raises BadMoment."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadMoment("A day is written 2026-11-23, in UTC.") from None


def moment_of(text: str, now: datetime) -> datetime:
    """A moment of the past that somebody wrote: a UTC day (its first moment) or an ISO moment.

    Without a zone it is taken for UTC. Raises BadMoment.
    """
    try:
        # The "+" of an offset arrives from an address as the space that it means there.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadMoment("A moment is written 2026-11-18 or 2026-11-18T12:00, in UTC.") from None
    if not EARLIEST <= moment.year <= now.year:
        raise BadMoment(f"Nothing is known of a moment outside {EARLIEST} to {now.year}.")
    if moment > now:
        raise BadMoment("This moment is still to come.")
    return moment
