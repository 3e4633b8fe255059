"""Four processes write to one SQLite file: nobody is told that it is locked, nothing is twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WRITERS, DELIVERIES = 4, 40
SCRIPT = """
import json, multiprocessing, os, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
from cdpwatch import alerts, counting
from cdpwatch.models import Delivery, Reading, VolumeMinute, WorkspaceDay
from cdpwatch.readings import Grain
from tests.factories import *
from tests.test_counting import WINDOW

def write(results):
    workspace = Workspace.objects.get()
    for minute in range(5):
        with transaction.atomic():
            counting.record_usage(workspace, [make_reading(10 * n, n) for n in range(1, 18)], NOW)
            volume = [make_volume(7, at(18, 12, minute))]
            counting.record_volume(workspace, Grain.MINUTE, WINDOW, volume, NOW)
    claimed = []
    while delivery := alerts.claim_due(NOW):
        claimed.append(delivery.pk)
        alerts.note_sent(delivery, NOW)
    results.put(claimed)

call_command("migrate", verbosity=0)
alert = make_alert(make_workspace())
for n in range(int(sys.argv[2])):
    make_delivery(alert, event=f"step {n}")
connection.close()
fork = multiprocessing.get_context("fork")
results = fork.Queue()
writers = [fork.Process(target=write, args=(results,)) for _ in range(int(sys.argv[1]))]
for writer in writers:
    writer.start()
claimed = [results.get(timeout=60) for _ in writers]
for writer in writers:
    writer.join()
print(json.dumps({
    "claimed": sorted(pk for part in claimed for pk in part),
    "sent": Delivery.objects.filter(state="sent", attempts=1).count(),
    "readings": Reading.objects.count(),
    "days": WorkspaceDay.objects.count(),
    "volume": [row.count for row in VolumeMinute.objects.all()],
    "exits": [writer.exitcode for writer in writers],
}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="writers are forked")
def test_it_lets_four_writers_work_at_once_and_do_each_thing_once(tmp_path: Path) -> None:
    said = _run(tmp_path)
    assert said["exits"] == [0] * WRITERS
    assert len(set(said["claimed"])) == len(said["claimed"]) == said["sent"] == DELIVERIES
    assert (said["readings"], said["days"], said["volume"]) == (17, 17, [7])


def _run(folder: Path) -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CDPWATCH_", "DATABASE_"))}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
        "CDPWATCH_DATA_DIR": str(folder),
    }
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(WRITERS), str(DELIVERIES)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parent.parent,
        timeout=90,
    )
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))
