"""What every poller and every counter keeps to; a new one in the registries is held to it too."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.db.models import F, Sum

from cdpwatch.http import ApiError, Unreachable
from cdpwatch.models import Reading, Workspace, WorkspaceDay
from cdpwatch.watch import asks
from tests.contract.subjects import NAMES, Rows, Standing, Subject, a_demo, rows
from tests.factories import NOVEMBER

STEP, EDGE = 97, 50  # bytes between two cuts; at both ends each byte is cut
MOST_CUTS = 60  # between the ends: a longer answer is cut less often
CHEAP = 100_000  # bytes
Turn = Callable[[Subject], Any]


@pytest.fixture(scope="module")
def demo() -> Iterator[Standing]:
    with a_demo() as demo:
        yield demo


@pytest.fixture(params=NAMES)
def subject(request: pytest.FixtureRequest, workspace: Workspace, demo: Standing) -> Subject:
    """One poller or counter of a workspace whose catalog is read."""
    if request.param != "catalog":
        Subject("catalog", workspace, demo).turn()
    return Subject(request.param, workspace, demo)


def test_it_reads_what_is_there(subject: Subject) -> None:
    before = rows()
    assert subject.turn() == []
    assert rows() != before


def check_the_same_twice_adds_nothing(subject: Subject) -> None:
    subject.turn()
    once, asked = rows(), subject.asked
    subject.turn()
    assert rows() == once
    assert asked


def test_it_adds_nothing_when_it_reads_the_same_twice(subject: Subject) -> None:
    check_the_same_twice_adds_nothing(subject)


# Trouble


def check_it_fails_or_tells(turn: Callable[[], Any]) -> None:
    """The turn fails with a sentence, or says what it left out."""
    try:
        told = turn()
    except ApiError as error:
        assert str(error).endswith(".")
    else:
        assert told


def check_nothing_is_written(turn: Callable[[], Any], before: Rows) -> None:
    check_it_fails_or_tells(turn)
    assert rows() == before


def test_it_writes_nothing_with_a_wrong_key(subject: Subject) -> None:
    def refuse(number: int, response: httpx.Response) -> httpx.Response:
        return httpx.Response(401, json={"errors": [{"message": "no"}]})

    check_nothing_is_written(lambda: subject.turn(refuse), rows())


def test_it_writes_nothing_when_its_key_is_revoked_halfway(subject: Subject) -> None:
    subject.turn()
    before, last = rows(), len(subject.asked) - 1

    def revoke(number: int, response: httpx.Response) -> httpx.Response:
        refused = httpx.Response(401, json={"errors": [{"message": "no"}]})
        return response if number < last // 2 else refused

    check_nothing_is_written(lambda: subject.turn(revoke), before)


def test_it_says_that_the_other_side_is_unreachable(subject: Subject) -> None:
    before = rows()

    def away(number: int, response: httpx.Response) -> httpx.Response:
        raise httpx.ConnectError("no route")

    with pytest.raises(Unreachable):
        subject.turn(away)
    assert rows() == before


# Answers that are not whole, and rows that come twice


def cuts(bodies: list[bytes]) -> list[int]:
    """Where to cut the last of these: its first and last EDGE bytes, and each STEP between.

    Less often where much has to be read before it; its last byte is always missing once.
    """
    length, dear = len(bodies[-1]), 1 + sum(map(len, bodies[:-1])) // CHEAP
    places = range(0, length, STEP)
    between = places[:: max(1, len(places) // MOST_CUTS)]
    every = {*range(min(EDGE, length)), *between, *range(max(0, length - EDGE), length)}
    return sorted(every, reverse=True)[::dear]


def broken_off(body: bytes) -> Iterator[bytes]:
    """A connection that ends before the body that was announced."""
    yield body
    raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@pytest.mark.parametrize("where", ["first", "last"])
def test_it_writes_nothing_of_an_answer_that_is_cut(subject: Subject, where: str) -> None:
    """Whether the connection ends early, or what came looks whole to it."""
    subject.turn()  # later turns may ask for less
    subject.turn()
    before, whole = rows(), subject.told if where == "last" else subject.told[:1]
    for length in cuts(whole):

        def cut(number: int, response: httpx.Response) -> httpx.Response:
            part = response.content[:length]  # noqa: B023 - called within this round
            if number != len(whole) - 1:
                return response
            return httpx.Response(200, content=part if length % 2 else broken_off(part))  # noqa: B023

        check_it_fails_or_tells(lambda: subject.turn(cut))  # noqa: B023
    assert rows() == before  # dear, so once for all: what one cut had written would be there


def doubled(value: Any) -> Any:
    """The JSON with the first object of each list in it given twice."""
    if isinstance(value, dict):  # a sync's notices are its text, not rows
        return {key: value[key] if key == "notices" else doubled(value[key]) for key in value}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [doubled(each) for each in (value[0], *value)]
    return value


def check_duplicates_are_seen(subject: Subject) -> None:
    """Rows that come twice are refused, or stored once."""
    subject.turn()
    before = rows()

    def double(number: int, response: httpx.Response) -> httpx.Response:
        return httpx.Response(response.status_code, json=doubled(json.loads(response.content)))

    with contextlib.suppress(ApiError):
        subject.turn(double)
    assert rows() == before


def test_it_counts_nothing_twice_that_comes_twice(subject: Subject) -> None:
    check_duplicates_are_seen(subject)


# The contract itself


def check_the_days(usage: Subject) -> None:
    """The days of the month add up to the running total of its newest day."""
    usage.turn()
    total = Reading.objects.filter(source=None, period_start=NOVEMBER).latest("day", "pk")
    days = WorkspaceDay.objects.filter(workspace=usage.workspace, day__gte=NOVEMBER)
    assert days.aggregate(Sum("calls"))["calls__sum"] == total.cumulative


def adds_up(api: Any, workspace: Workspace, now: Any, days: Any) -> Callable[[], int]:
    """A poller that takes running totals for calls of a day, and adds what it reads to them."""
    first, record = not Reading.objects.exists(), USAGE(api, workspace, now, days)

    def sums() -> int:
        written = record() if first else 0
        for reading in Reading.objects.filter(source=None, period_start=NOVEMBER):
            day = WorkspaceDay.objects.filter(workspace=workspace, day=reading.day)
            day.update(calls=F("calls") + reading.cumulative)
        return written

    return sums


USAGE = asks.READ["usage"]


@pytest.fixture
def usage(workspace: Workspace, demo: Standing) -> Subject:
    return Subject("usage", workspace, demo)


def test_it_makes_days_that_add_up_to_the_running_total(usage: Subject) -> None:
    check_the_days(usage)


@pytest.mark.parametrize("check", [check_the_same_twice_adds_nothing, check_the_days])
def test_it_catches_a_poller_that_sums_running_totals(
    usage: Subject, check: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(asks.READ, "usage", adds_up)
    with pytest.raises(AssertionError):
        check(usage)
