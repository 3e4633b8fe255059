"""Lists of Segment's API over a fake transport: followed to their end, bad rows kept account of."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cdpwatch.http import Api, ApiError, BadPayload, Fields, paging, sample_of
from cdpwatch.readings import Rejection
from tests.answering import Handler, Script, client, failure, ok

pytestmark = pytest.mark.usefixtures("no_waiting")


def ids(api: Api, key: str = "rows", **params: str) -> list[str]:
    return api.rows("/things", params, key=key, parse=lambda row: row.text("id"))


def test_it_follows_cursors_to_the_last_page() -> None:
    script = Script(
        ok(rows=[{"id": "a"}], pagination={"current": "MA==", "next": "MQ=="}),
        ok(rows=[], pagination={"next": "Mg=="}),
        ok(rows=[{"id": "b"}, {"id": "c"}], pagination={"current": "Mg=="}),
    )
    with client(script) as api:
        assert ids(api, period="p") == ["a", "b", "c"]
    assert [dict(request.url.params) for request in script.asked] == [
        {"period": "p", "pagination.count": "1000"},
        {"period": "p", "pagination.count": "1000", "pagination.cursor": "MQ=="},
        {"period": "p", "pagination.count": "1000", "pagination.cursor": "Mg=="},
    ]


@pytest.mark.parametrize("pagination", [None, {}, {"next": None}, {"next": ""}])
def test_it_stops_where_there_is_no_next_page(pagination: object) -> None:
    script = Script(ok(rows=[], pagination=pagination))
    with client(script) as api:
        assert ids(api) == []
    assert len(script.asked) == 1


def test_it_stops_at_a_cursor_that_comes_back() -> None:
    script = Script(*[ok(rows=[{}], pagination={"next": cursor}) for cursor in ("a", "b", "a")])
    with client(script) as api, pytest.raises(BadPayload, match="same page cursor twice"):
        ids(api)
    assert len(script.asked) == 3


def more(rows: list[Any]) -> Handler:
    """Another page for ever."""

    def handler(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("pagination.cursor", "")
        return ok(rows=rows, pagination={"next": f"{len(cursor)}{cursor[:3]}x"})

    return handler


def test_it_stops_at_a_list_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 7)
    with client(more([{}])) as api, pytest.raises(BadPayload, match="more than 7 pages"):
        ids(api)


def test_it_stops_at_empty_pages_without_end() -> None:
    with client(more([])) as api, pytest.raises(BadPayload, match="one empty page after another"):
        ids(api)


@pytest.mark.parametrize(
    "error", [{"field": "pagination.count"}, {"message": "count must be at most 200"}]
)
def test_it_asks_older_servers_for_smaller_pages(error: dict[str, str]) -> None:
    script = Script(failure(422, **error), ok(rows=[]))
    with client(script) as api:
        assert (ids(api), ids(api)) == ([], [])
    counts = [request.url.params["pagination.count"] for request in script.asked]
    assert counts == ["1000", "200", "200"]


@pytest.mark.parametrize(
    ("status", "field"), [(422, "period"), (400, "pagination.count"), (404, "pagination.count")]
)
def test_it_does_not_ask_again_when_the_count_was_not_at_fault(status: int, field: str) -> None:
    script = Script(failure(status, field=field))
    with client(script) as api, pytest.raises(ApiError):
        ids(api)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "data.rows is missing"),
        ({"rows": {}}, "data.rows is not a list"),
        ({"rows": [5]}, r"rows\[0\] is not an object"),
        ({"rows": [], "pagination": []}, "data.pagination is not an object"),
        ({"rows": [], "pagination": {"next": 5}}, "data.pagination.next is not a string"),
    ],
)
def test_it_refuses_a_page_of_the_wrong_shape(data: dict[str, Any], field: str) -> None:
    with client(ok(**data)) as api, pytest.raises(BadPayload, match=rf"^GET /things: {field}"):
        ids(api)


def page(*rows: str, total: object = None, following: str = "") -> httpx.Response:
    listed = [{"id": row} for row in rows]
    return ok(rows=listed, pagination={"next": following, "totalEntries": total})


MOVED = {
    "a row came": (page("a", total=2, following="x"), page("b", total=3)),
    "a row went": (page("a", total=2, following="x"), page("b", total=1)),
    "a row slid onto the next page": (page("a", following="x"), page("a", "b")),
    "the cursor expired": (page("a", following="x"), failure(422, field="pagination.cursor")),
}


@pytest.mark.parametrize("pages", MOVED.values(), ids=MOVED)
def test_it_reads_a_list_again_that_moved_meanwhile(pages: tuple[httpx.Response, ...]) -> None:
    script = Script(*pages, page("c", "a", total=3, following="x"), page("b", total=3))
    with client(script) as api:
        assert ids(api) == ["c", "a", "b"]


@pytest.mark.parametrize("pages", MOVED.values(), ids=MOVED)
def test_it_gives_up_on_a_list_that_moves_three_times(pages: tuple[httpx.Response, ...]) -> None:
    script = Script(*pages * 4)
    with client(script) as api, pytest.raises(BadPayload, match="each time"):
        ids(api)
    assert len(script.asked) == 6


def test_it_takes_live_traffic_as_it_comes() -> None:
    script = Script(page("a", total=2, following="x"), page("a", "b", total=3))
    with client(script) as api:
        live = api.rows("/things", key="rows", parse=lambda row: row.text("id"), steady=False)
    assert live == ["a", "a", "b"]


@pytest.mark.parametrize("total", [None, "3", True, 0, 7])
def test_it_believes_the_rows_rather_than_a_total(total: object) -> None:
    with client(page("a", "a", total=total)) as api:
        assert ids(api) == ["a", "a"]


# Rows that cannot be taken


def test_it_takes_the_other_rows_and_keeps_account_of_the_rest() -> None:
    rows = [{"id": "a"}, {"id": 5, "name": "b"}, {"id": "c"}, 5, "wk_1", {"name": "d"}]
    with client(ok(rows=rows)) as api:
        assert ids(api) == ["a", "c"]
    where = "GET /things: rows"
    assert api.rejections == [
        Rejection(where, "id is not a string.", '{"id": 5, "name": "b"}'),
        Rejection(where, "is not an object.", "(int)"),
        Rejection(where, "is not an object.", "(str)"),
        Rejection(where, "id is missing.", '{"name": "d"}'),
    ]


def test_it_fails_where_no_row_can_be_taken() -> None:
    with client(ok(rows=[{"name": "a"}, {}])) as api, pytest.raises(BadPayload) as caught:
        ids(api)
    assert str(caught.value) == (
        "GET /things: rows[0].id is missing. No row of this list could be taken."
    )
    assert api.rejections == []


def test_it_counts_rows_of_one_kind_together_wherever_they_stood() -> None:
    rows = [{"id": "a"}, {"series": [{}]}, {"series": [{"n": 1}, {}]}]

    def parse(row: Fields) -> int:
        return sum(each.whole("n") for each in row.parts("series")) if row.has("series") else 0

    with client(ok(rows=rows)) as api:
        api.rows("/things", key="rows", parse=parse)
    assert {rejection.reason for rejection in api.rejections} == {"series[].n is missing."}


SECRETS = {
    "writeKeys": ["S3CRET"],
    "settings": {"apiKey": "S3CRET"},
    "apiToken": "S3CRET",
    "Password": "S3CRET",
    "webhookUrl": "https://S3CRET",
    "clientSecret": "S3CRET",
    "code": "S3CRET",
    "metadata": {"options": [{"token": "S3CRET"}]},
}


@pytest.mark.parametrize("key", SECRETS)
def test_it_keeps_no_secret_in_a_sample(key: str) -> None:
    sample = sample_of({"name": "a", key: SECRETS[key]})
    assert "S3CRET" not in sample
    assert '"name": "a"' in sample and key in sample


def test_it_keeps_a_sample_short_and_printable() -> None:
    nested: Any = "deep"
    for _ in range(900):
        nested = [nested]
    row = {"a": "x\n\x1b[31m\u202e\ud800" + "y" * 10_000, "b": nested, "c": list(range(1000))}
    sample = sample_of(row)
    assert len(sample) == 300 and sample.isprintable()
    assert "deep" not in sample_of({"b": nested})
