"""Google's errors as the tree of cdpwatch.http, told apart by their reason, not their status.

A 403 may mean a limit of the minute (again soon), a quota of the day (again tomorrow), the cap on
a query's cost (never again like this) or a missing role. Source: BigQuery, "Error messages".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cdpwatch.http import (
    ApiError,
    BadPayload,
    NotFound,
    RateLimited,
    Refused,
    ServerError,
    Unauthorized,
    Unreachable,
)

REST = 10 * 60.0  # seconds, after a limit of the minute that the client's own tries did not outlast
QUOTA_ZONE = ZoneInfo("America/Los_Angeles")  # daily quotas begin anew at its midnight
LONGEST_SAID = 200  # characters
SOON = {"rateLimitExceeded", "jobRateLimitExceeded"}
BROKEN = {"backendError", "internalError", "jobBackendError", "jobInternalError", "stopped"}
KEY_FILE = "Google refused the key file: it was deleted or disabled, or this clock is wrong."
NO_KEY = "No key file for BigQuery: set GOOGLE_APPLICATION_CREDENTIALS or BIGQUERY_CREDENTIALS."


class OverCap(Refused):
    """A query that would read more than people allowed; it was not run, or cost nothing."""


class Taken(Refused):
    """There is a job by this id already."""


@contextmanager
def told(now: datetime) -> Iterator[None]:
    """What Google's client raises inside becomes an ApiError."""
    import requests
    from google.api_core import exceptions
    from google.auth import exceptions as auth

    try:
        yield
    except exceptions.RetryError as error:
        raise _of_cause(error.cause, now) from None
    except exceptions.GoogleAPICallError as error:
        raise of_google(error, now) from None
    except auth.DefaultCredentialsError:
        raise Unauthorized(NO_KEY) from None
    except auth.TransportError:
        raise Unreachable("Google's sign-in could not be reached.") from None
    except auth.GoogleAuthError:
        raise Unauthorized(KEY_FILE) from None
    except requests.exceptions.JSONDecodeError:
        raise BadPayload("BigQuery answered with something that is not JSON.") from None
    except (requests.exceptions.RequestException, TimeoutError) as error:
        raise _of_cause(error, now) from None
    except (ValueError, TypeError, KeyError):  # of values that are not of their column's type
        raise BadPayload("BigQuery answered in a shape that its client cannot read.") from None


def _of_cause(cause: Any, now: datetime) -> ApiError:
    """Why the client gave up trying again; what our session says is inside of its error."""
    if hasattr(cause, "errors"):
        return of_google(cause, now)
    said = next((each for each in getattr(cause, "args", ()) if isinstance(each, ApiError)), None)
    return said or Unreachable("BigQuery did not answer in full.")


def of_google(error: Any, now: datetime) -> ApiError:
    """One of Google's errors, by the reason that it gives, else by its status."""
    detail, status = _detail(error), int(error.code or 0)
    reason = str(detail.get("reason", ""))
    said = " ".join(str(detail.get("message", "")).split())[:LONGEST_SAID].rstrip(". ")
    said = f"{said or f'HTTP {status}'}."
    if reason in SOON:
        said = f"BigQuery's rate limit is reached: {said}"
        return RateLimited(said, status=status, retry_after=REST)
    if reason == "quotaExceeded":
        return quota(said, now)
    if reason == "bytesBilledLimitExceeded":
        return OverCap(f"BigQuery refused a query above its limit, unpaid: {said}")
    if status == 409:
        return Taken(f"BigQuery has such a job: {said}", status=status)
    if reason == "notFound" or status == 404:
        return NotFound(f"BigQuery has no such thing: {said}", status=status)
    if reason in BROKEN or status >= 500:
        return ServerError(f"BigQuery failed: {said}", status=status)
    if status in (401, 403):
        needed = "Job User on the project, Data Viewer on each dataset"
        return Unauthorized(f"BigQuery refused the account ({needed}): {said}", status=status)
    return Refused(f"BigQuery refused a request: {said}", status=status)


def quota(said: str, now: datetime) -> RateLimited:
    """A quota of the day is used up: asked again when Google's day begins."""
    here = now.astimezone(QUOTA_ZONE)
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    again = midnight.astimezone(UTC)
    told_until = f"BigQuery's quota is used up until {again:%Y-%m-%d %H:%M} UTC: {said}"
    return RateLimited(told_until, retry_after=(again - now).total_seconds())


def _detail(error: Any) -> dict[str, Any]:
    """The first of the reasons that Google gives: {"reason": ..., "message": ...}."""
    return next((each for each in error.errors or () if isinstance(each, dict)), {})
