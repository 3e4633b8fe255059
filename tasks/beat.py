"""Beat's scheduler: RedBeat that outlives its broker and waits again for a lock that it lost.

Of several beats the one that holds the lock fires; the others wait for it. RedBeat itself ends
with a traceback when Redis is away for a moment, or when it was paused past its lock.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from redbeat import RedBeatScheduler
from redbeat.schedulers import acquire_distributed_beat_lock
from redis.exceptions import RedisError
from redis.lock import Lock

logger = logging.getLogger("cdpwatch.beat")


class Scheduler(RedBeatScheduler):  # type: ignore[misc]  # RedBeat has no types
    """Fires while it holds the lock; without it, takes up the schedule anew once it has it."""

    lock: Lock | None
    fires = False

    def setup_schedule(self) -> None:
        """Nothing yet: that is for the holder of the lock, and Redis may be away now."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due. Seconds until the next turn."""
        try:
            if self.lock is None:
                acquire_distributed_beat_lock(SimpleNamespace(scheduler=self))
            if not self.fires:  # a broker that lost its memory lost the schedule too
                super().setup_schedule()
            seconds = float(super().tick(*args, **kwargs))
        except RedisError as error:
            logger.warning("Beat pauses: %s", error)
            self.lock, self.fires = None, False
            return float(self.max_interval)
        if not self.fires:
            logger.info("This beat fires.")  # of several, so that the logs tell which
            self.fires = True
        return seconds

    def close(self) -> None:
        """Give the lock back, so that another beat need not wait until it runs out."""
        try:
            super().close()
        except RedisError as error:
            logger.warning("Beat leaves its lock behind: %s", error)
