"""Which moment a page is asked for: `?as_of=` a UTC day (its first moment) or an ISO moment."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from cdpwatch.days import BadMoment, moment_of

__all__ = ["BadMoment", "asked"]


def asked(request: HttpRequest, now: datetime) -> datetime | None:
    """The moment that was asked for; None is the present. Raises BadMoment."""
    text = request.GET.get("as_of", "").strip()
    return moment_of(text, now) if text else None
