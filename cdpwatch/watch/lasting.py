"""What keeps a unit of work going: a live connection, a clock that runs, a worker that may stop.

The queue closes connections between its tasks alone; a task of many units does it here.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import stamina
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections

T = TypeVar("T")
Clock = Callable[[], datetime]

# The database was restarted, is locked or read-only: all of it passes.
DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)
# One byte that a worker shares with the processes it has forked.
_stop = mmap.mmap(-1, 1)


class Stopped(Exception):
    """The worker was asked to stop: what is under way ends between two requests."""


def stop(asked: bool = True) -> None:
    """Ask this process, and those forked from it, to take on nothing more."""
    _stop[0] = asked


def stopping() -> bool:
    return bool(_stop[0])


def running(now: datetime) -> Clock:
    """A clock that stands at `now` and runs on, whatever becomes of the machine's own."""
    began = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - began)


def insist(work: Callable[[], T], *, seconds: float = 20.0) -> T:
    """Do `work`; again on a fresh connection while the database is away, for `seconds` or so.

    `work` must leave the same rows when it is done twice: of a lost commit nobody knows whether
    it counts. Raises one of DATABASE_AWAY in the end.
    """
    for attempt in stamina.retry_context(
        on=DATABASE_AWAY, attempts=10, timeout=seconds, wait_initial=0.2, wait_max=4.0
    ):
        with attempt:
            if attempt.num > 1:
                close_old_connections()
            return work()
    raise AssertionError("unreachable: the last attempt raises")
