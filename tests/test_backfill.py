"""`poll --since --until`: month by month, newest first, and on from where it was."""

from __future__ import annotations

import io
import signal
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from cdpwatch import watch
from cdpwatch.http import RateLimited
from cdpwatch.management.bar import Bar
from cdpwatch.models import PollerState, PollRun, Reading, RunState, SourceDay, Workspace
from cdpwatch.watch import asks, history, lasting
from tests.conftest import DemoWorkspace
from tests.factories import NOW, TODAY

SINCE, UNTIL = "2026-07-01", "2026-10-31"
MONTHS = [date(2026, month, 1) for month in (10, 9, 8, 7)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def poll(*arguments: str, err: io.StringIO | None = None) -> tuple[str, str]:
    """What `poll` said of a past: to whoever reads its output, and of its progress."""
    out, err = io.StringIO(), err or io.StringIO()
    call_command("poll", *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def months_read() -> list[date]:
    """Months whose turn was good, in the order of their reading."""
    turns = PollRun.objects.filter(state=RunState.GOOD).order_by("finished_at")
    return [turn.slot.date() for turn in turns]


# --- steps ------------------------------------------------------------------------------------
def test_it_takes_a_span_month_by_month_newest_first() -> None:
    found = watch.steps("usage", date(2026, 8, 10), date(2026, 11, 18), TODAY)
    assert [(str(step), step.slot is None) for step in found] == [
        ("usage 2026-11-01 to 2026-11-18", True),
        ("usage 2026-10", False),
        ("usage 2026-09", False),
        ("usage 2026-08-10 to 2026-08-31", True),
    ]


def test_it_gives_no_lasting_name_to_a_month_that_ends_today() -> None:
    [step] = watch.steps("usage", date(2026, 11, 1), date(2026, 11, 30), date(2026, 11, 30))
    assert step.slot is None
    [step] = watch.steps("usage", date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1))
    assert step.slot == datetime(2026, 11, 1, tzinfo=UTC)


def test_it_asks_once_whoever_keeps_no_past() -> None:
    first, last = date(2026, 8, 10), date(2026, 11, 18)
    assert watch.steps("catalog", first, last, TODAY) == [watch.Step("catalog", first, last, None)]


# --- going on ---------------------------------------------------------------------------------
def test_it_reads_each_month_once(workspace: Workspace, demo: DemoWorkspace) -> None:
    said, _ = poll("usage", "--since", SINCE, "--until", UNTIL)
    assert said == f"usage: {Reading.objects.count()} rows, 4 steps\n"
    assert months_read() == MONTHS
    said, lines = poll("usage", "--since", SINCE, "--until", UNTIL)
    assert said == "usage: 0 rows, 0 steps, 4 read before\n"
    assert lines.splitlines()[0] == "usage 2026-10: read before"
    assert PollRun.objects.count() == 4


def test_it_goes_on_after_a_month_that_failed(workspace: Workspace, demo: DemoWorkspace) -> None:
    poll("usage", "--since", "2026-09-01", "--until", UNTIL)
    demo.fault("/usage", "403")
    with pytest.raises(CommandError, match=r"Failed: usage\."):
        poll("usage", "--since", SINCE, "--until", UNTIL)
    assert months_read() == MONTHS[:2]
    said, _ = poll("usage", "--since", SINCE, "--until", UNTIL)
    assert said.endswith("2 steps, 2 read before\n")
    assert months_read() == MONTHS


def test_it_leaves_a_failing_poller_for_the_next(workspace: Workspace, demo: DemoWorkspace) -> None:
    demo.fault("/usage", "403")
    with pytest.raises(CommandError, match=r"Failed: usage\."):
        poll("usage", "volume", "--since", "2026-10-01", "--until", UNTIL)
    assert PollRun.objects.get(state=RunState.GOOD).poller == "volume"


def test_it_reads_again_what_it_is_told_to(workspace: Workspace, demo: DemoWorkspace) -> None:
    poll("usage", "--since", SINCE, "--until", UNTIL)
    SourceDay.objects.update(calls=1)
    said, _ = poll("usage", "--since", SINCE, "--until", UNTIL, "--again")
    assert said == "usage: 0 rows, 4 steps\n"  # Segment says the same, and the days follow it
    assert SourceDay.objects.filter(day__gte=SINCE, day__lte=UNTIL, calls__gt=1).exists()


def test_it_does_not_say_that_the_past_is_the_present(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    poll("usage", "--since", SINCE, "--until", UNTIL)
    assert PollerState.objects.get(poller="usage").last_good is None


def test_the_worker_takes_for_read_what_the_command_has_read(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    poll("usage", "--since", "2026-10-01", "--until", UNTIL)
    PollerState.objects.update(last_good=NOW)
    assert watch.backfill(workspace, NOW)
    assert PollerState.objects.get(poller="usage").history_from == MONTHS[0]
    assert PollRun.objects.count() == 1


# --- waiting ----------------------------------------------------------------------------------
class Waiting:
    """A clock that only its own sleeping moves."""

    def __init__(self) -> None:
        self.now = NOW

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def october() -> watch.Step:
    return watch.steps("usage", date(2026, 10, 1), date(2026, 10, 31), TODAY)[0]


def test_it_takes_over_the_month_of_a_killed_command_when_its_lease_ends(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    step, waiting = october(), Waiting()
    until = NOW + timedelta(seconds=60)
    turn = {"workspace": workspace, "poller": "usage", "slot": step.slot}
    PollRun.objects.create(**turn, started_at=NOW, lease_until=until)
    run = watch.read_step(workspace, step, waiting.clock, sleep=waiting.sleep)
    assert run and run.fence == 2
    assert until <= waiting.now <= until + timedelta(seconds=2 * history.BUSY)


def test_it_sits_out_a_pause_that_segment_asks_for(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    workspace.throttled_until = NOW + timedelta(minutes=10)
    workspace.save()
    waiting = Waiting()
    assert watch.read_step(workspace, october(), waiting.clock, sleep=waiting.sleep)
    assert waiting.now - NOW == timedelta(minutes=10)


def test_it_asks_again_after_a_throttling_that_ended_its_turn(
    workspace: Workspace, demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = asks.READ["usage"]

    def throttled_once(*asked: Any) -> Any:
        monkeypatch.setitem(asks.READ, "usage", read)
        raise RateLimited("Not now.", retry_after=90)

    monkeypatch.setitem(asks.READ, "usage", throttled_once)
    waiting = Waiting()
    run = watch.read_step(workspace, october(), waiting.clock, sleep=waiting.sleep)
    assert run and PollRun.objects.get().state == RunState.GOOD
    assert waiting.now - NOW == timedelta(seconds=90)


def test_it_stops_while_it_waits(workspace: Workspace, demo: DemoWorkspace) -> None:
    workspace.throttled_until = NOW + timedelta(minutes=10)
    workspace.save()
    waiting = Waiting()
    with pytest.raises(watch.Stopped):
        watch.read_step(workspace, october(), waiting.clock, sleep=lambda _: watch.stop())
    watch.stop(False)
    assert waiting.now == NOW


# --- Ctrl-C and kill --------------------------------------------------------------------------
def test_it_gives_its_turn_back_at_ctrl_c(
    workspace: Workspace, demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = asks.READ["usage"]

    def interrupted(*asked: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return read(*asked)

    monkeypatch.setitem(asks.READ, "usage", interrupted)
    with pytest.raises(CommandError, match="goes on from here") as stopped:
        poll("usage", "--since", SINCE, "--until", UNTIL)
    assert stopped.value.returncode == 130
    assert PollRun.objects.get().state == RunState.PUT_OFF
    assert not lasting.stopping()
    monkeypatch.setitem(asks.READ, "usage", read)
    poll("usage", "--since", SINCE, "--until", UNTIL)
    assert months_read() == MONTHS


# --- what it shows ----------------------------------------------------------------------------
def test_it_prints_a_line_for_each_month_where_there_is_no_terminal(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    _, lines = poll("usage", "--since", SINCE, "--until", UNTIL)
    assert [line.split(":")[0] for line in lines.splitlines()] == [
        f"usage 2026-{month}" for month in ("10", "09", "08", "07")
    ]


def test_it_draws_a_bar_on_a_terminal_and_clears_it(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    said, drawn = poll("usage", "--since", SINCE, "--until", UNTIL, err=Terminal())
    assert "[######..................] 1 of 4  usage 2026-09" in drawn
    assert "\n" not in drawn
    assert drawn.endswith("\r\x1b[K")
    assert said.startswith("usage: ")


def test_a_bar_is_full_when_all_steps_are_done() -> None:
    out = Terminal()
    bar = Bar(OutputWrapper(out), 2)
    bar.end("")
    bar.end("")
    bar.begin("x")
    assert out.getvalue() == "\r\x1b[K[########################] 2 of 2  x"
