"""The demo's BigQuery against the demo's Segment, asked by Google's own client over real HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cdpwatch.http import NotFound, RateLimited, Unauthorized
from cdpwatch.readings import Window
from cdpwatch.warehouse import (
    JobNote,
    Meter,
    OverCap,
    Warehouse,
    WarehouseReading,
    check,
    read,
    settings_of,
    warehouse,
)
from tests.demo.conftest import APPLICATION, BACKEND, NOW, World
from tests.factories import at

WEEK = Window(at(9), at(16))  # Monday to Sunday
TODAY = Window(at(18), NOW)
MIB = 2**20
JOBS = "/vendors/bigquery/bigquery/v2/projects/demo-project/jobs"
Ask = Callable[..., WarehouseReading]


class Book:
    """What jobs cost, by id."""

    def __init__(self) -> None:
        self.notes: dict[str, JobNote] = {}

    def note(self, note: JobNote) -> None:
        before = self.notes.get(note.job_id, note)
        self.notes[note.job_id] = replace(note, estimated=note.estimated or before.estimated)

    @property
    def used(self) -> int:
        return sum(note.billed or 0 for note in self.notes.values())


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def opened(world: World, book: Book) -> Iterator[Callable[..., Warehouse]]:
    environment = world.http.get("/vendors").json()
    made: list[Warehouse] = []

    def make(**keys: str) -> Warehouse:
        settings = settings_of({"project": environment["BIGQUERY_PROJECT"], **keys})
        meter = Meter(lambda: book.used, book.note)
        usual: dict[str, Any] = {"allow_loopback": True, "retries": 0.0, "sleep": lambda _: None}
        url = environment["BIGQUERY_EMULATOR_HOST"]
        made.append(warehouse(settings, meter, world.clock(), url=url, **usual))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def ask(world: World, opened: Callable[..., Warehouse]) -> Ask:
    def asked(name: str, window: Window = WEEK, **keys: str) -> WarehouseReading:
        return read(opened(**keys), sources(world, name), window, world.clock())

    return asked


def sources(world: World, *names: str) -> dict[str, str]:
    """Slug by id of those, or of all that the warehouse is said to take."""
    rows = world.data("/sources")["sources"]
    wanted = names or [row["name"] for row in rows if row["name"].startswith("Prod - ")]
    return {row["id"]: row["slug"] for row in rows if row["name"] in wanted}


def live(world: World, name: str, window: Window = WEEK) -> Counter[tuple[date, str]]:
    """Segment's calls by day and type."""
    asked = {"sourceId.0": world.source_id(name), "groupBy.0": "eventType"}
    rows = world.volume("DAY", window.start.isoformat(), window.end.isoformat(), **asked)
    return Counter(
        {
            (datetime.fromisoformat(each["time"]).date(), row["eventType"]): each["count"]
            for row in rows
            for each in row["series"]
        }
    )


def scanned(reading: WarehouseReading) -> Counter[tuple[date, str]]:
    calls: Counter[tuple[date, str]] = Counter()
    for row in reading.traffic:
        calls[row.day, row.call_type] += row.count
    return calls


def rows_of(reading: WarehouseReading) -> int:
    return sum(row.count for row in reading.counts if row.kind == "received")


def test_it_agrees_with_segment_on_each_day_and_call_type(world: World, ask: Ask) -> None:
    reading = ask(APPLICATION)
    assert reading.rejections == []
    segment, loaded = live(world, APPLICATION), scanned(reading)
    gaps = {key: loaded[key] / calls - 1 for key, calls in segment.items() if calls}
    assert len(gaps) == 7 * 3
    assert all(-0.003 < gap <= 0 for gap in gaps.values())


def test_it_holds_duplicates_as_rows_but_not_as_calls(ask: Ask) -> None:
    reading = ask(APPLICATION)
    assert sum(scanned(reading).values()) / rows_of(reading) == pytest.approx(0.998, abs=0.001)


def test_it_has_loaded_today_but_for_the_last_hours(world: World, ask: Ask) -> None:
    segment, loaded = live(world, APPLICATION, TODAY), scanned(ask(APPLICATION, TODAY))
    now = sum(loaded.values())
    assert 0.6 < now / sum(segment.values()) < 0.95
    world.clock.forward(hours=12)
    later = sum(scanned(ask(APPLICATION, Window(at(18), at(19)))).values())
    world.clock.forward(hours=8)
    last = sum(scanned(ask(APPLICATION, Window(at(18), at(19)))).values())
    assert now < later < last


def test_a_few_calls_come_up_to_six_hours_late(world: World, ask: Ask) -> None:
    yesterday = Window(at(17), at(18))
    segment = sum(live(world, APPLICATION, yesterday).values())
    gaps = []
    for hour in (1, 7):
        world.clock.now = at(18, hour)
        gaps.append(sum(scanned(ask(APPLICATION, yesterday)).values()) / segment - 1)
    assert -0.02 < gaps[0] < -0.0022
    assert gaps[1] == pytest.approx(-0.002, abs=0.0001)


def test_a_row_is_in_the_partition_of_its_load(world: World, ask: Ask) -> None:
    """A call of 23 o'clock is loaded on the next day."""
    segment = sum(live(world, APPLICATION).values())
    gap = rows_of(ask(APPLICATION)) / segment - 1
    assert 0 < abs(gap) < 0.05


def test_it_knows_host_path_and_library_of_a_browser_and_not_of_a_server(ask: Ask) -> None:
    browser, server = ask(APPLICATION, TODAY).traffic, ask(BACKEND, TODAY).traffic
    assert {row.host for row in browser} == {"app.gitbook.com"}
    assert {row.path for row in browser} == {"/o", "/s", "/home", "/join"}
    assert {row.anonymous for row in browser} == {True, False}
    assert {(row.host, row.library) for row in server} == {("", "@segment/analytics-node")}


def test_it_tells_where_a_leak_comes_from(world: World, ask: Ask) -> None:
    world.http.post("/_demo/leaks/L1", data={"on": "1"})
    world.clock.forward(hours=6)
    window = Window(at(18), world.clock())
    leaked = [row for row in ask(APPLICATION, window).traffic if row.call_type == "page"]
    assert {row.host for row in leaked} == {"www.gitbook.com"}
    assert "/pricing" in {row.path for row in leaked}
    assert sum(row.count for row in leaked) > 10_000


def test_a_table_is_there_from_its_first_call_on(
    world: World, opened: Callable[..., Warehouse]
) -> None:
    assert opened().table("demo-project.prod_backend.pages") is None
    key = "demo-canary-write-key-prod-backend"
    sent = {"writeKey": key, "name": "Home", "userId": "u1", "messageId": "m1"}
    world.http.post("/v1/page", json=sent)
    assert opened().table("demo-project.prod_backend.pages") is None  # not loaded yet
    world.clock.forward(hours=8)
    table = opened().table("demo-project.prod_backend.pages")
    assert table is not None
    assert table.num_rows == 1


def test_a_column_is_there_from_its_first_value_on(opened: Callable[..., Warehouse]) -> None:
    def columns(dataset: str) -> set[str]:
        table = opened().table(f"demo-project.{dataset}.identifies")
        assert table is not None
        return {field.name for field in table.schema}

    page = {"context_page_url", "context_page_path"}
    library = {"context_library_name"}
    assert columns("prod_application") & (page | library) == page | library
    assert columns("prod_backend") & (page | library) == library
    assert not columns("prod_census") & (page | library)


def test_one_source_has_a_dataset_of_another_name(world: World, ask: Ask) -> None:
    with pytest.raises(NotFound, match="BIGQUERY_DATASETS says which"):
        ask("Prod - Manual")
    assert ask("Prod - Manual", datasets="prod-manual=backfills").traffic


def test_it_counts_what_the_keys_open(world: World, opened: Callable[..., Warehouse]) -> None:
    taken = sources(world)
    assert check(opened(), taken) == f"{len(taken) - 1} of {len(taken)} sources have a dataset"


def test_a_second_turn_in_the_hour_pays_nothing(world: World, ask: Ask, book: Book) -> None:
    first, used = ask(APPLICATION, TODAY), book.used
    world.clock.forward(minutes=10)
    assert ask(APPLICATION, TODAY).traffic == first.traffic
    assert book.used == used


def test_a_job_that_is_found_again_has_the_answer_of_its_time(world: World, ask: Ask) -> None:
    """The days before are asked for once in six hours, though late calls come meanwhile."""
    yesterday = Window(at(17), at(18))
    world.clock.now = at(18, 1)
    before = ask(APPLICATION, yesterday).traffic
    world.clock.forward(hours=4)
    assert ask(APPLICATION, yesterday).traffic == before


def test_a_turn_of_the_next_hour_pays_for_today_again(world: World, ask: Ask, book: Book) -> None:
    ask(APPLICATION, TODAY)
    world.clock.forward(hours=1)
    ask(APPLICATION, TODAY)
    shapes = Counter(note.shape for note in book.notes.values())
    assert shapes == {"columns": 1, "partitions": 2, "scan": 2}


def test_it_bills_what_a_scan_reads(ask: Ask, book: Book) -> None:
    ask(APPLICATION, TODAY)
    billed = {note.shape: note.billed or 0 for note in book.notes.values()}
    assert billed["columns"] == billed["partitions"] == 10 * MIB
    assert 100 * MIB < billed["scan"] < 500 * MIB
    assert all(note.billed == note.estimated for note in book.notes.values())


def test_a_query_above_the_months_cap_is_not_run(ask: Ask, book: Book) -> None:
    book.note(JobNote("other", "scan", NOW, None, billed=2**30 - 20 * MIB))
    reading = ask(APPLICATION, TODAY, month_gib="1")
    assert not reading.traffic
    assert "Not asked, not paid" in reading.rejections[0].reason


def test_a_month_that_is_used_up_leaves_nothing_to_read(ask: Ask, book: Book) -> None:
    book.note(JobNote("other", "scan", NOW, None, billed=2**30))
    with pytest.raises(OverCap):
        ask(APPLICATION, TODAY, month_gib="1")


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("401", Unauthorized, "No key file"),  # over plain HTTP none was sent
        ("403", Unauthorized, "refused the account"),
        ("403-quota", RateLimited, "used up until 2026-11-19 08:00 UTC: Quota exceeded"),
        ("404", NotFound, "no dataset"),
    ],
)
def test_its_faults_are_switched_on_the_control_page(
    world: World, ask: Ask, kind: str, error: type[Exception], said: str
) -> None:
    fault = {"path_prefix": "/vendors/bigquery", "kind": kind}
    world.http.post("/_demo/faults", data=fault)
    with pytest.raises(error, match=said):
        ask(APPLICATION, TODAY)
    assert ask(APPLICATION, TODAY).traffic


def job(**more: Any) -> dict[str, Any]:
    """One that asks for the columns of a dataset."""
    text = "SELECT 1 FROM `demo-project.prod_backend`.INFORMATION_SCHEMA.COLUMNS"
    configuration = {"labels": {"shape": "columns"}, "query": {"query": text, **more}}
    return {"jobReference": {"jobId": "one"}, "configuration": configuration}


def test_a_job_is_run_once(world: World) -> None:
    first, second = (world.http.post(JOBS, json=job()) for _ in range(2))
    assert first.json()["statistics"]["query"]["totalBytesBilled"] == str(10 * MIB)
    assert (second.status_code, second.json()["error"]["errors"][0]["reason"]) == (409, "duplicate")


def test_a_job_that_may_not_be_billed_what_it_reads_fails_unpaid(world: World) -> None:
    answer = world.http.post(JOBS, json=job(maximumBytesBilled="1000")).json()
    assert answer["status"]["errorResult"]["reason"] == "bytesBilledLimitExceeded"
    assert answer["statistics"]["query"]["totalBytesBilled"] == "0"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"configuration": {"query": {"query": "x"}}}'])
def test_a_job_that_says_nothing_is_refused_in_googles_words(world: World, body: str) -> None:
    reply = world.http.post(JOBS, content=body)
    assert (reply.status_code, reply.json()["error"]["errors"][0]["reason"]) == (400, "invalid")


def test_pages_of_an_answer_are_one_answer(ask: Ask) -> None:
    reading = ask(APPLICATION, WEEK)
    assert len(reading.traffic) > 500  # the demo's page
    keys = [(row.day, row.call_type, row.event, row.host, row.path) for row in reading.traffic]
    assert len(keys) == len(set(keys))


def test_it_says_of_a_week_ago_what_it_said_then(world: World, ask: Ask) -> None:
    before = ask(APPLICATION).traffic
    world.clock.forward(days=timedelta(days=7).days)
    assert ask(APPLICATION).traffic == before
