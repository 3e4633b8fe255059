"""What a page wants done outside becomes a row, which the worker's sweep answers in seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

from .models import RequestKind, RequestState, WorkRequest, Workspace

# A worker that dies in the middle leaves a lease that runs out, and another takes the request
# up. Nobody waits longer than this after the lease: then there is no worker.
LOST_AFTER = timedelta(minutes=2)


def ask(workspace: Workspace, kind: RequestKind, by: str, subject: str = "") -> WorkRequest:
    """Queue a request; the same one that still waits in the queue is not queued twice."""
    asked = WorkRequest.objects.filter(workspace=workspace, kind=kind, subject=subject)
    waiting = asked.filter(state=RequestState.QUEUED).first()
    if waiting:
        return waiting
    return WorkRequest.objects.create(workspace=workspace, kind=kind, subject=subject, asked_by=by)


def is_over(request: WorkRequest, now: datetime) -> bool:
    """Whether there is nothing to wait for: it was answered, or no worker is left to do it."""
    return request.finished_at is not None or is_lost(request, now)


def is_lost(request: WorkRequest, now: datetime) -> bool:
    held_until = request.lease_until or request.asked_at
    return request.state == RequestState.RUNNING and now - held_until > LOST_AFTER
