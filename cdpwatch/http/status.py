"""What an HTTP status outside 2xx means, and how long the server asks us to wait."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from cdpwatch.http.errors import (
    ApiError,
    BadPayload,
    NotFound,
    RateLimited,
    Refused,
    ServerError,
    Unauthorized,
)
from cdpwatch.http.exchange import Answer
from cdpwatch.http.payload import parse_object
from cdpwatch.http.sample import printable

SHORTEST_WAIT = 1.0  # seconds; what a server asks for is kept between these two
LONGEST_WAIT = 15 * 60.0
DEFAULT_WAIT = 30.0  # after a 429 that does not say how long
LONGEST_SAYING = 200  # characters of a server's own message that we pass on


def error_for(answer: Answer, where: str, secrets: Collection[str], now: datetime) -> ApiError:
    """The error that a status outside 2xx stands for; `secrets` are cut out of what it quotes.

    Segment's documents fold a missing permission into 401; real clients meet 403 as well.
    """
    status = answer.status
    wait = wait_asked(answer, now)
    if status in (401, 403):
        why = "the token is wrong, revoked or lacks permission"
        return Unauthorized(f"{where} was refused ({status}): {why}.", status=status)
    if status == 404:
        return NotFound(f"{where} was not found (404).", status=status)
    if status == 429:
        wait = DEFAULT_WAIT if wait is None else wait
        return RateLimited(f"{where} was rate limited (429).", status=status, retry_after=wait)
    if status >= 500:
        why = f"{where} failed on the server's side ({status})."
        return ServerError(why, status=status, retry_after=wait)
    if status < 400:
        why = f"{where} was answered with a redirect ({status}), which is not followed."
        return Refused(why, status=status)
    said, field = server_said(_object(answer), secrets)
    return Refused(f"{where} was refused ({status}): {said}", status=status, field=field)


def check_is_json(answer: Answer, where: str) -> None:
    """Raise BadPayload for a success that announces something else than JSON, or holds nothing."""
    if not answer.body:
        raise BadPayload(f"{where} answered {answer.status} with nothing in it.")
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind and "json" not in kind.lower():
        raise BadPayload(
            f"{where} answered with {printable(kind)[:60]} instead of JSON: a proxy or a sign-in"
            " page may stand in between."
        )


def server_said(envelope: Mapping[str, Any], secrets: Collection[str]) -> tuple[str, str]:
    """(sentence, field) from the first error that the envelope names, safe to show and to log."""
    first = _first_error(envelope)
    field = _quotable(first.get("field"), secrets)
    message = _quotable(first.get("message"), secrets) or "no reason given"
    return f"{message} (field {field})." if field else f"{message}.", field


def wait_asked(answer: Answer, now: datetime) -> float | None:
    """Seconds to wait: the Retry-After header, else `errors[0].data.msBeforeNext`, else None.

    Segment sends the header since version 73 of its API, the milliseconds before that too; Help
    Scout has a header of its own.
    """
    for name in ("retry-after", "x-ratelimit-retry-after"):
        asked = parse_retry_after(answer.headers.get(name, ""), now)
        if asked is not None:
            return asked
    details = _first_error(_object(answer)).get("data")
    milliseconds = details.get("msBeforeNext") if isinstance(details, dict) else None
    if isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool):
        return _clamped(milliseconds / 1000)
    return None


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After header, seconds or an HTTP date; None if unreadable.

    Kept between SHORTEST_WAIT and LONGEST_WAIT.
    """
    value = value.strip()
    if re.fullmatch(r"-?[0-9]{1,18}", value):
        return _clamped(int(value))
    moment = parse_date(value)
    return _clamped((moment - now).total_seconds()) if moment else None


def parse_date(value: str) -> datetime | None:
    """An HTTP or RFC 5322 date as an aware time; None if unreadable."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000", which is UTC of unknown origin
        moment = moment.replace(tzinfo=UTC)
    return moment


def _clamped(seconds: float) -> float:
    return min(max(float(seconds), SHORTEST_WAIT), LONGEST_WAIT)


def _object(answer: Answer) -> dict[str, Any]:
    """The error envelope, or nothing: a gateway's 502 is an HTML page."""
    try:
        return parse_object(answer.body, "")
    except BadPayload:
        return {}


def _first_error(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """`{message, field?, data?}`: Segment's `errors[0]`; vendors say `error` or `message` too."""
    said = next((envelope[k] for k in ("errors", "error", "message") if envelope.get(k)), None)
    first = said[0] if isinstance(said, list) else said
    return {"message": first} if not isinstance(first, dict) else first


def _quotable(value: object, secrets: Collection[str]) -> str:
    """One printable line without the secrets; the server may echo what it was sent."""
    if not isinstance(value, str):
        return ""
    line = "".join(c for c in " ".join(value.split()) if c.isprintable())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        line = line.replace(secret, "[token]")
    return line[:LONGEST_SAYING].rstrip(". ")
