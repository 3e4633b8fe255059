"""The Celery app: a door that wakes `cdpwatch.watch`, and knows nothing of what it does."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdpwatch.settings")

django.setup()  # before the schedule, which lists counters and so needs the models

from tasks.celery import app  # noqa: E402 - Celery reads Django's settings when it is made

__all__ = ["app"]
