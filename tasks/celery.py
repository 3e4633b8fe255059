"""Makes the Celery app from Django's settings."""

from __future__ import annotations

import logging.config

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings
from kombu import Queue

from tasks.schedule import SCHEDULE

# What waits for Segment has a queue of its own: a slow Segment never holds up an alert. A worker
# that is told no queue answers both.
POLLS, ALERTS = "polls", "alerts"

app = Celery("cdpwatch", include=["tasks.jobs"])
app.conf.update(
    broker_url=settings.REDIS.broker,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # Longer than the longest task; a killed worker's tasks come back by this sweep.
        "visibility_timeout": 900,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 5,
    },
    task_queues=[Queue(POLLS), Queue(ALERTS)],
    task_default_queue=ALERTS,
    task_routes={name: {"queue": POLLS} for name in ("poll", "sweep", "prune", "replay")},
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=600,
    task_soft_time_limit=540,
    worker_prefetch_multiplier=1,
    # A job may be killed at any point, so a lost broker may cancel it too.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_max_tasks_per_child=2000,
    timezone="UTC",
    enable_utc=True,
    beat_schedule=SCHEDULE,
    beat_scheduler="tasks.beat:Scheduler",
    # A beat that is gone is replaced when its lock ends and another looks: 10 s + 2 s.
    redbeat_lock_timeout=10,
    beat_max_loop_interval=2,
    redbeat_redis_url=settings.REDIS.locks,
    redbeat_key_prefix="cdpwatch:beat:",
    redbeat_redis_options={"socket_connect_timeout": 5, "socket_timeout": 5},
)


@setup_logging.connect
def _log_like_django(**_: object) -> None:
    """One log format for all processes, and httpx stays quiet: Celery would set it to INFO."""
    logging.config.dictConfig(settings.LOGGING)
