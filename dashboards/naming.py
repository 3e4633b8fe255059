"""How pages say what a connection's name lacks: each verdict as state and word."""

from __future__ import annotations

from cdpwatch.naming import Verdict

VERDICTS = {
    Verdict.CONFLICT: ("bad", "Name and label disagree"),
    Verdict.NO_ENVIRONMENT: ("warn", "No environment"),
    Verdict.NO_APPLICATION: ("warn", "No application"),
    Verdict.RENAME: ("warn", "Rename"),
    Verdict.FOLLOWS: ("ok", "Follows"),
}
