"""A turn of a counter: its client, what it is asked for, and what is kept of its answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from cdpwatch import counting, pacing, vault
from cdpwatch.counters import Caps, Counter, Keys
from cdpwatch.counters.vendors import vendor_name
from cdpwatch.days import DAY, start_of
from cdpwatch.http import JsonApi, vendor
from cdpwatch.models import Workspace
from cdpwatch.readings import Window

from .lasting import insist
from .pipeline import Days, Record

FIRST = timedelta(days=31)  # a first turn reads no further back


def no_keys(counter: Counter) -> str:
    """What connects a counter, for whoever wanted a turn of it."""
    wanted = " and ".join(key.variable for key in counter.keys if not key.optional)
    return f"{counter.title}: not connected yet. Set {wanted}, or paste the keys on Connect."


def counter_api(
    workspace: Workspace, counter: Counter, keys: Keys, *, candidates: bool = False
) -> JsonApi:
    """A client with the counter's keys; one that the vendor puts in place of another is kept.

    `candidates`: the keys are being tried, and so is what is put in their place.
    """
    secrets = [keys[key.name] for key in counter.keys if key.secret and key.name in keys]
    api = vendor(
        vault.vendor_url(counter),
        counter.headers(keys),
        peer=vendor_name(counter),
        secrets=secrets,
        allow_loopback=settings.ALLOW_LOOPBACK,
        ca_file=settings.VENDOR_CA_FILE,
    )
    pacing.govern(api, counter.url_variable, "\n".join(secrets))
    keep = partial(vault.keep_key, workspace, counter, candidate=candidates)
    api.rotated = lambda name, value: insist(lambda: keep(name, value))
    return api


def ask_counter(
    api: JsonApi, counter: Counter, keys: Keys, workspace: Workspace, window: Window
) -> Record:
    """Ask for `window`, where it is not empty."""
    rows = list(counter.fetch(api, keys, window)) if window.start < window.end else []
    complete = not api.rejections
    return lambda: counting.record_counts(workspace, counter, window, rows, complete=complete)


def window_of(caps: Caps, last_good: datetime | None, now: datetime, days: Days) -> Window:
    """What a turn asks for: from a UTC midnight on, as far back as the vendor goes.

    That is what may still change and what a pause left out; FIRST on a first turn; or `days`.
    """
    since = last_good - caps.reread if last_good else now - FIRST
    start, end = start_of(since.date()), now
    if days:
        start, end = start_of(days[0]), min(start_of(days[1]) + DAY, now)
    return Window(max(start, now - caps.reach), end)
