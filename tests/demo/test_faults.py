"""Faults of the demo that spoil a right answer: what exactly goes out."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from cdpwatch.demo.faults import KINDS
from tests.demo.conftest import World

USAGE = "/usage/api-calls/daily"


def strike(world: World, kind: str, path: str = USAGE, **more: Any) -> None:
    fault = {"path_prefix": path, "kind": kind, **more}
    assert world.http.post("/_demo/faults", json=fault).status_code == 200


def usage(world: World) -> list[dict[str, Any]]:
    return list(world.data(USAGE, period="2026-11-01")["dailyWorkspaceAPICallsUsage"])


def test_it_says_on_its_page_what_each_kind_does(world: World) -> None:
    page = world.http.get("/_demo").text
    assert all(f'<th scope="row">{kind}</th>' in page for kind in KINDS)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("null", None), ("float", 1.5), ("huge", 2**63), ("spaces", " 12 "), ("full-width", "１２")],
)
def test_it_spoils_the_first_value_alone(world: World, kind: str, value: object) -> None:
    right = usage(world)
    strike(world, kind)
    spoiled = usage(world)
    assert spoiled[0] == {**right[0], "apiCalls": value}
    assert spoiled[1:] == right[1:]
    assert usage(world) == right


def test_it_restates_the_calls_from_the_middle_on(world: World) -> None:
    right = [int(row["apiCalls"]) for row in usage(world)]
    strike(world, "restated")
    told = [int(row["apiCalls"]) for row in usage(world)]
    assert {after - before for before, after in zip(right, told, strict=True)} == {0, 1000}
    assert told == sorted(told)


def test_it_loses_a_day_in_the_middle_or_the_last(world: World) -> None:
    right = usage(world)
    strike(world, "lost-day")
    assert usage(world) == [row for row in right if row != right[len(right) // 2]]
    strike(world, "late-day")
    assert usage(world) == right[:-1]


@pytest.mark.parametrize("kind", ["null", "drip-head", "other-workspace", "too-short", "endless"])
def test_it_changes_nothing_but_the_answer_it_was_told_to(world: World, kind: str) -> None:
    right = usage(world)
    strike(world, kind, "/labels", seconds=0.01)
    assert usage(world) == right


def test_it_moves_a_list_between_its_pages(world: World) -> None:
    strike(world, "shifting", "/sources", times=2)
    first = world.data("/sources")
    second = world.data("/sources", pagination__cursor=first["pagination"]["next"])
    assert second["pagination"]["totalEntries"] == first["pagination"]["totalEntries"] + 1
    assert len(first["sources"]) + len(second["sources"]) == first["pagination"]["totalEntries"]


def test_it_lets_a_cursor_expire(world: World) -> None:
    strike(world, "expiring", "/sources", times=2)
    cursor = world.data("/sources")["pagination"]["next"]
    assert world.error("/sources", pagination__cursor=cursor) == (422, "pagination.cursor")


def test_it_packs_a_bomb_into_little(world: World) -> None:
    strike(world, "bomb")
    with world.http.stream("GET", USAGE) as reply:
        packed = b"".join(reply.iter_raw())
    assert len(packed) < 2**20
    assert len(zlib.decompress(packed, wbits=31)) == 128 * 2**20


@pytest.mark.parametrize(
    ("kind", "header", "milliseconds"),
    [
        ("429", "7", 7000),
        ("429-body", None, 7000),
        ("429-bare", None, None),
        ("429-zero", "0", None),
        ("429-negative", "-30", None),
        ("429-day", "86400", None),
    ],
)
def test_it_asks_to_wait_in_every_way(
    world: World, kind: str, header: str | None, milliseconds: int | None
) -> None:
    strike(world, kind, seconds=7)
    reply = world.http.get(USAGE)
    (error,) = reply.json()["errors"]
    assert (reply.status_code, reply.headers.get("retry-after")) == (429, header)
    assert error.get("data", {}).get("msBeforeNext") == milliseconds


def test_it_nests_deeper_than_a_parser_goes(world: World) -> None:
    strike(world, "nesting")
    with pytest.raises(RecursionError):
        json.loads(world.http.get(USAGE).content)
