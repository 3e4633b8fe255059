"""Points at which a drill kills or stops the process that passes them. Off unless it is set up.

CDPWATCH_FAILPOINT is the path of a file such as `after commit|2|SIGKILL`: the process that
passes that point for the second time sends itself the signal. The file is renamed to
`<file>.<pid>` before, so that one process dies and its successor lives.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from django.conf import settings


def failpoint(name: str) -> None:
    """Die or stop here, when the drill's file says so."""
    if not settings.FAILPOINT:
        return
    armed = Path(settings.FAILPOINT)
    try:
        point, passes, number = armed.read_text().split("|")
        if point != name:
            return
        if int(passes) > 1:
            armed.write_text(f"{point}|{int(passes) - 1}|{number}")
            return
        armed.rename(f"{armed}.{os.getpid()}")
    except (FileNotFoundError, ValueError):  # not armed, or another process was first
        return
    os.kill(os.getpid(), signal.Signals[number])
