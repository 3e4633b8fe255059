"""Whose turns there are: Segment's pollers, and the counters of the other sides."""

from __future__ import annotations

from . import vault
from .counters import COUNTERS
from .models import Workspace
from .timetable import POLLERS, Poller


def everyone() -> dict[str, Poller]:
    """Every poller and counter by name, in the order of a first start."""
    return POLLERS | {
        key: Poller(counter.title, counter.caps.every, past=True)
        for key, counter in COUNTERS.items()
    }


def connected(workspace: Workspace) -> dict[str, Poller]:
    """Those of them that have what they ask with."""
    pollers = POLLERS if vault.has_segment_token(workspace) else {}
    counting = connected_counters(workspace)
    return {name: p for name, p in everyone().items() if name in pollers or name in counting}


def connected_counters(workspace: Workspace) -> set[str]:
    """The counters that have every key that they need."""
    pasted = vault.pasted_variables(workspace)
    return {key for key, counter in COUNTERS.items() if vault.has_keys(counter, pasted)}
