"""A worker that is killed while its query runs: the next one finds the job, which is paid once."""

from __future__ import annotations

import subprocess
import sys
import time

from cdpwatch.warehouse.jobs import Query
from tests.factories import NOW
from tests.warehouse.conftest import Book, Opened
from tests.warehouse.google import CALL, Google, listening

PATIENCE = 60.0  # seconds
SQL = "SELECT 1"
WORKER = f"""
import sys
from datetime import datetime
from cdpwatch.warehouse import Meter, settings_of, warehouse
from cdpwatch.warehouse.jobs import Query
now = datetime.fromisoformat({NOW.isoformat()!r})
settings, meter = settings_of({{"project": "demo-project"}}), Meter(lambda: 0, lambda note: None)
with warehouse(settings, meter, now, url=sys.argv[1], allow_loopback=True) as opened:
    print(list(opened.ask(Query("scan", "demo-project.ds", {SQL!r}), "EU")))
"""


def test_it_pays_once_where_a_worker_was_killed(google: Google, opened: Opened, book: Book) -> None:
    google.looks = 10_000  # the query runs on and on
    with listening(google) as url:
        worker = subprocess.Popen([sys.executable, "-c", WORKER, url], stdout=subprocess.PIPE)
        try:
            end = time.monotonic() + PATIENCE
            while not google.jobs and worker.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
        finally:
            worker.kill()
            said, _ = worker.communicate()
    [job] = google.jobs.values()
    assert not said, "it died before it had an answer"
    job["looks"] = 2  # it ends meanwhile
    query = Query("scan", "demo-project.ds", SQL)
    assert [row["host"] for row in opened().ask(query, "EU")] == [CALL["host"]]
    assert google.inserted == ["scan"]
    assert google.bytes_billed == google.billed
    [note] = book.notes.values()
    assert note.billed == google.billed, "the book of the second knows what the first cost"
