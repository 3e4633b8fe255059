"""Asks once, without Celery: every poller and counter that is connected, or those that are named.

With days it reads that span of the past, month by month; the same again goes on where it was.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import roster, watch, wording
from cdpwatch.http import ApiError
from cdpwatch.management.bar import Bar
from cdpwatch.readings import NotRecorded
from cdpwatch.seed import the_workspace
from cdpwatch.timetable import POLLERS
from cdpwatch.vault import Locked

FAILURES = (ApiError, watch.NotConnected, NotRecorded, Locked)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(roster.everyone()))
        parser.add_argument("--since", type=date.fromisoformat, metavar="DAY")
        parser.add_argument("--until", type=date.fromisoformat, metavar="DAY")
        parser.add_argument("--again", action="store_true", help="read also what was read before")

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = set(options["names"]) - roster.everyone().keys()
        if unknown:
            raise CommandError(f"No poller is called {', '.join(sorted(unknown))}.")
        names = options["names"] or list(roster.connected(the_workspace()) or POLLERS)
        span = _span(options["since"], options["until"])
        if span:
            failed = self._read_past(names, *span, again=options["again"])
        else:
            failed = [name for name in names if not self._poll(name)]
        if failed:
            raise CommandError(f"Failed: {', '.join(failed)}.")

    def _poll(self, name: str) -> bool:
        now = datetime.now(UTC)
        try:
            run = watch.poll(name, the_workspace(), now, slot=now)
        except FAILURES as error:
            self.stderr.write(f"{name}: {error}")
            return False
        said = f"{run.rows} rows" if run else "throttled, not asked"
        self.stdout.write(f"{name}: {said}")
        return True

    def _read_past(self, names: list[str], first: date, last: date, *, again: bool) -> list[str]:
        """Read the span with each poller. Those that failed."""
        today = _now().date()
        plan = {name: watch.steps(name, first, last, today) for name in names}
        bar = Bar(self.stderr, sum(map(len, plan.values())))
        try:
            with _stop_between_requests():
                return [
                    name for name, steps in plan.items() if not self._take(name, steps, bar, again)
                ]
        except watch.Stopped:
            bar.close()
            raise CommandError(
                "Stopped. The same command goes on from here.", returncode=130
            ) from None

    def _take(self, name: str, steps: list[watch.Step], bar: Bar, again: bool) -> bool:
        """Take the steps of one poller; its first failure ends them."""
        read = rows = 0
        for step in steps:
            bar.begin(str(step))
            try:
                run = watch.read_step(the_workspace(), step, _now, again=again)
            except FAILURES as error:
                bar.close()
                self.stderr.write(f"{step}: {error}")
                return False
            bar.end(f"{step}: {run.rows} rows" if run else f"{step}: read before")
            read, rows = read + bool(run), rows + (run.rows if run else 0)
        bar.close()
        before = f", {len(steps) - read} read before" if read < len(steps) else ""
        self.stdout.write(f"{name}: {rows} rows, {wording.plural(read, 'step')}{before}")
        return True


def _span(since: date | None, until: date | None) -> tuple[date, date] | None:
    if since is None and until is None:
        return None
    last = until or _now().date()
    first = since or last
    if first > last:
        raise CommandError("--since is after --until.")
    return first, last


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _stop_between_requests() -> Iterator[None]:
    """Ctrl-C, or SIGTERM, gives the turn back after the request in hand; a second one ends all."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[number])
        watch.stop()

    kinds = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {kind: signal.signal(kind, stop) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        watch.stop(False)
