"""The whole system on one screen: poll, evaluate, deliver; and the sweep that keeps them going.

    poll(name)   lease a run -> ask Segment -> record and close it in one transaction
    backfill()   one more step into the past, until the history is read; read_step() as told
    evaluate()   snapshot -> projection row -> detectors -> alerts and their outbox
    replay()     what would have been projected on each past day
    deliver()    claim what waits -> channel -> note what the far side said
    sweep()      what pages asked for, first polls, what was left undone, history
    stop()       the worker is asked to end: what is under way stops between two requests

A failed poll is a hole with a reason, never a zero. Each verb may run twice or be killed at
any point: the next turn makes the rows what they should be.
"""

from .answers import check
from .asks import NotConnected, slot_of, volume_window
from .history import Step, backfill, read_step, steps
from .judging import evaluate, keep_projection
from .lasting import DATABASE_AWAY, Stopped, stop
from .pruning import prune
from .replaying import replay
from .sending import deliver
from .sweeping import beat, sweep
from .turns import poll

__all__ = [
    "DATABASE_AWAY",
    "NotConnected",
    "Step",
    "Stopped",
    "backfill",
    "beat",
    "check",
    "deliver",
    "evaluate",
    "keep_projection",
    "poll",
    "prune",
    "read_step",
    "replay",
    "slot_of",
    "steps",
    "stop",
    "sweep",
    "volume_window",
]
