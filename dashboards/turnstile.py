"""Lets people in one at a time, where what is behind costs a whole core for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turnstile:
    """One is inside; `waiting` more may wait for their turn, `seconds` at most.

    It counts within its own process. Whoever waits holds one of the web server's threads, so
    few may.
    """

    def __init__(self, waiting: int, seconds: float) -> None:
        self._places = threading.Semaphore(1 + waiting)
        self._inside = threading.Semaphore(1)
        self._seconds = seconds

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """True: it is one's turn until the block ends. False: no place, or it took too long."""
        if not self._places.acquire(blocking=False):
            yield False
            return
        mine = False
        try:
            mine = self._inside.acquire(timeout=self._seconds)
            yield mine
        finally:
            if mine:
                self._inside.release()
            self._places.release()
