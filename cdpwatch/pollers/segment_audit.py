"""Reads what was done in Segment: sources switched off, destinations changed, labels made.

`GET /audit-events` is for the Business tier and a Workspace Owner's token, and goes 90 days back.
Who did it is personal data: neither `actor` nor `actorEmail` leaves this module.
"""

from __future__ import annotations

from cdpwatch.http import Api, Fields, Unauthorized, iso_utc
from cdpwatch.readings import LONGEST_ID, AuditReading, Rejection, Window

PATH = "/audit-events"
LONGEST_KIND, LONGEST_NAME = 200, 500  # characters that the table has room for


def read(api: Api, window: Window) -> tuple[AuditReading, ...]:
    """What was done in `window`.

    Nothing where the plan or the token does not show it (401 or 403, the turn's first question
    having been answered): `api.rejections` says so. Raises ApiError.
    """
    params = {"startTime": iso_utc(window.start), "endTime": iso_utc(window.end)}
    try:
        return tuple(api.rows(PATH, params, key="events", parse=_event))
    except Unauthorized as error:
        api.rejections.append(Rejection(f"GET {PATH}", str(error)))
        return ()


def _event(row: Fields) -> AuditReading:
    return AuditReading(
        segment_id=row.text("id", longest=LONGEST_ID),
        at=row.instant("timestamp"),
        kind=row.text("type")[:LONGEST_KIND],
        resource_type=row.text("resourceType", "")[:LONGEST_ID],
        resource_id=_impersonal(row.text("resourceId", ""))[:LONGEST_ID],
        resource_name=_impersonal(row.text("resourceName", ""))[:LONGEST_NAME],
    )


def _impersonal(text: str) -> str:
    """Where people are the resource, an invitation say, its name is their address."""
    return "" if "@" in text else text
