"""The SQL itself, run by Google's own client on an emulator of BigQuery."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdpwatch.counters import Kind
from cdpwatch.days import DAY, start_of
from cdpwatch.readings import Window
from cdpwatch.warehouse import Meter, WarehouseReading, queries, read, settings_of
from cdpwatch.warehouse.client import warehouse
from tests.warehouse.emulator import emulator, wanted

LEFT_OUT = "BigQuery's SQL on its emulator: CDPWATCH_BQ_EMULATOR=1 runs it, 600 MB"
pytestmark = [
    pytest.mark.skipif(not wanted(), reason=LEFT_OUT),
    pytest.mark.timeout(300),
]
CALLS = 200_000
NOW = datetime.now(UTC)  # the emulator files what it loads under today's partition
TODAY = start_of(NOW.date())
WINDOW = Window(TODAY - DAY, NOW)
TRACKS = {
    **dict.fromkeys(("id", "event", "event_text", "user_id", "anonymous_id"), "STRING"),
    **dict.fromkeys(("context_page_url", "context_page_path", "context_library_name"), "STRING"),
    **dict.fromkeys(("received_at", "loaded_at"), "TIMESTAMP"),
}
IDENTIFIES = {"id": "STRING", "received_at": "TIMESTAMP", "context_library_name": "STRING"}
# One call in three is on the public site, without a user; each hundredth message is there twice.
FILL = f"""
INSERT INTO `demo-project.prod_application.tracks`
  (id, received_at, event, event_text, user_id, context_page_url, context_page_path,
   context_library_name)
SELECT CONCAT('m', CAST(n - IF(MOD(n, 100) = 0, 6, 0) AS STRING)),
  TIMESTAMP_SUB(@today, INTERVAL IF(MOD(n, 2) = 0, 1, 0) HOUR), 'page_edited', 'Page edited',
  IF(MOD(n, 3) = 0, NULL, 'u1'),
  IF(MOD(n, 3) = 0, 'https://user:pw@WWW.gitbook.com:443/pricing?x=1', 'https://app.gitbook.com'),
  IF(MOD(n, 3) = 0, '/pricing/teams', NULL), 'analytics.js'
FROM UNNEST(GENERATE_ARRAY(1, {CALLS})) AS n
"""


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        fill(url)
        yield url


def fill(url: str) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    options = {"api_endpoint": url}
    client = bigquery.Client(
        "demo-project", credentials=AnonymousCredentials(), client_options=options
    )
    client.create_dataset("prod_application")
    for name, columns in {
        "tracks": TRACKS,
        "identifies": IDENTIFIES,
        "page_edited": TRACKS,
    }.items():
        fields = [bigquery.SchemaField(column, kind) for column, kind in columns.items()]
        table = bigquery.Table(f"demo-project.prod_application.{name}", schema=fields)
        table.time_partitioning = bigquery.TimePartitioning()
        client.create_table(table)
    today = bigquery.ScalarQueryParameter("today", "TIMESTAMP", TODAY)
    config = bigquery.QueryJobConfig(query_parameters=[today])
    client.query(FILL, job_config=config).result()
    client.query(
        "INSERT INTO `demo-project.prod_application.identifies` (id, received_at)"
        " VALUES ('i1', TIMESTAMP_ADD(@today, INTERVAL 1 MINUTE))",
        job_config=config,
    ).result()
    client.close()


@pytest.fixture(scope="module")
def reading(emulated: str) -> WarehouseReading:
    settings, meter = settings_of({"project": "demo-project"}), Meter(lambda: 0, lambda note: None)
    with warehouse(settings, meter, NOW, url=emulated, allow_loopback=True) as opened:
        return read(opened, {"src1": "prod-application"}, WINDOW, NOW)


def total(reading: WarehouseReading, **wanted: Any) -> int:
    return sum(
        call.count
        for call in reading.traffic
        if all(getattr(call, name) == value for name, value in wanted.items())
    )


def test_it_counts_each_message_once(reading: WarehouseReading) -> None:
    assert not reading.rejections
    assert total(reading, call_type="track") == CALLS - CALLS // 100
    assert total(reading, call_type="identify") == 1


def test_it_counts_by_the_day_of_receipt(reading: WarehouseReading) -> None:
    yesterday = (TODAY - DAY).date()
    assert 0 < total(reading, day=yesterday) < total(reading)
    assert {call.day for call in reading.traffic} == {yesterday, TODAY.date()}


def test_it_tells_host_path_library_and_anonymity(reading: WarehouseReading) -> None:
    public = [call for call in reading.traffic if call.host == "www.gitbook.com"]
    assert {(call.path, call.library, call.anonymous) for call in public} == {
        ("/pricing", "analytics.js", True)
    }
    inside = [call for call in reading.traffic if call.host == "app.gitbook.com"]
    assert {(call.event, call.path, call.anonymous) for call in inside} == {
        ("Page edited", "", False)
    }


def test_it_counts_the_rows_of_partitions(reading: WarehouseReading) -> None:
    rows = {row.call_type: row.count for row in reading.counts if row.kind == Kind.RECEIVED}
    assert rows == {"track": CALLS, "identify": 1}


def test_it_loses_no_call_where_groups_are_too_many(
    emulated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_GROUPS", 1)
    settings, meter = settings_of({"project": "demo-project"}), Meter(lambda: 0, lambda note: None)
    later = NOW + timedelta(hours=6)
    with warehouse(settings, meter, later, url=emulated, allow_loopback=True) as opened:
        folded = read(opened, {"src1": "prod-application"}, WINDOW, later)
    assert "(other)" in {call.host for call in folded.traffic}
    assert total(folded, call_type="track") == CALLS - CALLS // 100
