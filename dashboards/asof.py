"""Which moment a page is asked for: `?as_of=` a UTC day (its first moment) or an ISO moment."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest

WRITTEN = "A moment is written 2026-11-18 or 2026-11-18T12:00, in UTC."
EARLIEST = 2000


class BadMoment(ValueError):
    """The text says what is wrong with it."""


def asked(request: HttpRequest, now: datetime) -> datetime | None:
    """The moment that was asked for; None is the present. Raises BadMoment."""
    text = request.GET.get("as_of", "").strip()
    if not text:
        return None
    try:
        # A "+" of an offset arrives as the space that it means in an address.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise BadMoment(WRITTEN) from None
    return _within(moment, now)


def _within(moment: datetime, now: datetime) -> datetime:
    if not EARLIEST <= moment.year <= now.year:
        raise BadMoment(f"Nothing is known of a moment outside {EARLIEST} to {now.year}.")
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > now:
        raise BadMoment("This moment is still to come.")
    return moment
