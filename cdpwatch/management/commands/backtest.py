"""Prints how good the projection was: what was said each day against what came, by day of period.

Without options it tells of the projections that were kept. With --replay it first makes, and then
tells of, what would have been projected on each past day from the readings known then. --csv prints
a row for each projection. --check makes every kept projection again from its inputs and exits with
an error when one comes out differently.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import books, contracts, exports, wording
from cdpwatch.books import Record
from cdpwatch.budget import record
from cdpwatch.models import Contract, Projection, Workspace
from cdpwatch.seed import the_workspace

TITLES = {books.SAID: "As it was said", books.REPLAYED: "Replayed from the readings known then"}
AT_ONCE = 200  # rows with their inputs


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="ID", help="Segment's id; else the one watched")
        parser.add_argument("--replay", action="store_true")
        parser.add_argument("--csv", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        contract, now = _contract(options["workspace"]), datetime.now(UTC)
        if options["check"]:
            self._check(contract)
            return
        if options["replay"]:
            books.replay(contract, now)
        kind = books.REPLAYED if options["replay"] else books.SAID
        told = books.record_of(contract, kind, now.date())
        if options["csv"]:
            exports.write("backtest", books.record_rows(told), "csv", sys.stdout)
        else:
            self.stdout.write("\n".join(_lines(told)))

    def _check(self, contract: Contract) -> None:
        states: Counter[str] = Counter()
        for row in Projection.objects.filter(contract=contract).iterator(AT_ONCE):
            state = books.made_again(row).state
            states[state] += 1
            if state != books.SAME:
                self.stdout.write(f"{row.as_of}, period from {row.period_start}: {state}")
        self.stdout.write(f"{wording.plural(states.total(), 'projection')} made again:")
        self.stdout.write("\n".join(f"  {states[state]} {state}" for state in books.STATES))
        if states[books.DIFFERS]:
            raise CommandError(f"Projections that differ: {states[books.DIFFERS]}.")


def _contract(workspace: str | None) -> Contract:
    if not workspace:
        return contracts.contract_of(the_workspace())
    try:
        return contracts.contract_of(Workspace.objects.get(segment_id=workspace))
    except (Workspace.DoesNotExist, Contract.DoesNotExist):
        raise CommandError(f"No workspace with a contract has the id {workspace}.") from None


def _lines(told: Record) -> list[str]:
    periods = wording.plural(len(told.compared), "finished period")
    lines = [f"{TITLES[told.kind]}: {periods}."]
    lines += [
        f"Left out: {span.dated_title}, {wording.plural(days, 'day')} unknown."
        for span, days in told.unknown.items()
    ]
    whole = record.overall(told.compared)
    if whole is None:
        return [*lines, "Nothing to compare yet: no finished period has projections."]
    lines.append(f"{'day':>7} {'projections':>12} {'error %':>8} {'80% held':>9} {'95% held':>9}")
    lines += [_line(score, score.days) for score in record.scores(told.compared)]
    return [*lines, _line(whole, "all")]


def _line(score: record.Score, days: str) -> str:
    error = "" if score.error is None else f"{score.error:.1f}"
    held = f"{score.within80:>8.0f}% {score.within95:>8.0f}%"
    return f"{days:>7} {score.count:>12} {error:>8} {held}"
