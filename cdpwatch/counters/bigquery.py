"""BigQuery among the counters: its name, its keys, when its numbers are to be believed.

It is asked through Google's own client, in `cdpwatch.warehouse`; so it has no headers, and nothing
asks it as the JSON of a vendor.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NoReturn

from .base import Caps, Counter, Key, Keys

GIB = 2**30
LIMITS = {"month_gib": 1024, "job_gib": 50}  # Google's free tier is 1 TiB a month (its price list)


def limit_of(keys: Keys, name: str) -> int | None:
    """A key of LIMITS in bytes, its usual value where it is not set; None where it is no number."""
    text = keys.get(name, "").strip() or str(LIMITS[name])
    return int(text) * GIB if re.fullmatch(r"[0-9]{1,6}", text) else None


def _by_its_client(*_: object) -> NoReturn:
    raise TypeError("BigQuery is asked by cdpwatch.watch.warehouse")


BIGQUERY = Counter(
    key="bigquery",
    title="BigQuery: calls in the warehouse",
    app="bigquery",
    keys=(
        Key("project", "BIGQUERY_PROJECT", "Project that pays for the queries", secret=False),
        Key(
            "credentials",
            "BIGQUERY_CREDENTIALS",
            "Key file (JSON), whole",
            optional=True,
            unless="Google's own login",
        ),
        Key(
            "datasets",
            "BIGQUERY_DATASETS",
            "Datasets not named as their source's slug: slug=dataset, ...",
            secret=False,
            optional=True,
        ),
        Key(
            "month_gib",
            "BIGQUERY_MONTHLY_GIB",
            "Most GiB that queries may read in a month (1024)",
            secret=False,
            optional=True,
        ),
        Key(
            "job_gib",
            "BIGQUERY_JOB_GIB",
            "Most GiB that one query may read (50)",
            secret=False,
            optional=True,
        ),
    ),
    url="https://bigquery.googleapis.com",
    url_variable="BIGQUERY_EMULATOR_HOST",  # Google's own name for another address
    headers=lambda keys: {},
    check=_by_its_client,
    fetch=_by_its_client,
    caps=Caps(
        every=timedelta(hours=1),
        settles=timedelta(hours=48),
        reread=timedelta(days=2),
        reach=timedelta(days=31),
        covers="track, identify, page, screen, group and alias calls, as loaded",
        tolerance=(-0.01, 0.005),
    ),
    blind=(
        "It sees a call once Segment has loaded it, up to a sync late; and not what selective sync"
        " or a schema filter left out."
    ),
)
