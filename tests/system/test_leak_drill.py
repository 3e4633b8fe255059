"""The drill: page calls leak in through the production key, Slack hears of it once, it ends.

The first half runs on a running copy. Its end would take a quarter of an hour of quiet: so the
second half goes on with a copy of the data, where turns are made with a clock that is ahead.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from cdpwatch.bootstrap import ROOT
from tests.system.copies import Copy, Person, Workspace, environment, manage, until

SOURCE = "Prod - Application"
LEAK = (SOURCE, "page calls")
# Ten minutes after its last call a leak is quiet, and five quiet turns make its end.
TURNS = """
from datetime import UTC, datetime, timedelta
from cdpwatch import watch
from cdpwatch.seed import the_workspace
for minutes in range(12, 26, 2):
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    watch.poll("volume", the_workspace(), now, slot=now)
    watch.evaluate(the_workspace(), now)
    watch.deliver(now)
"""


def test_it_tells_slack_once_of_a_leak_and_once_of_its_end(
    running: Copy, workspace: Workspace, person: Person, tmp_path: Path
) -> None:
    begun = datetime.now(UTC)
    workspace.leak("L1", on=True)
    # Segment's volume lags by a minute or two; a turn takes a few of its sixty requests.
    until(lambda: hears_of_it(workspace, person), 200, every=5)
    assert_message_says_what_it_costs(workspace)

    for _ in range(2):
        before = workspace.calls(SOURCE, "page", begun)
        for command in (["poll", "volume"], ["evaluate"], ["deliver"]):
            running.manage(*command, "--demo")
        assert before <= calls_so_far(running) <= workspace.calls(SOURCE, "page", begun)
    assert len(workspace.messages(*LEAK)) == 1
    assert "page calls that must not be tracked" in person.read("/alerts/")

    workspace.leak("L1", on=False)
    with later(running, tmp_path) as (env, workspace_later):
        manage(env, "shell", "-c", TURNS)
        assert len(workspace_later.messages("RESOLVED", *LEAK)) == 1
        assert len(workspace_later.messages(*LEAK)) == 2


def hears_of_it(workspace: Workspace, person: Person) -> list[str]:
    """The messages about the leak, after one more turn of the worker."""
    person.poll_now("volume")
    return workspace.messages(*LEAK)


def assert_message_says_what_it_costs(workspace: Workspace) -> None:
    (message,) = workspace.messages(*LEAK)
    assert message.startswith("DEMO · OPEN · Leak · ")
    month = f"{datetime.now(UTC):%B}"
    assert re.search(rf"[\d.]+k? calls so far. If it is left, {month} ends at [\d.]+M of", message)


def calls_so_far(running: Copy) -> int:
    """What the open leak has cost, as `export leaks` tells it."""
    (leak,) = json.loads(running.manage("export", "leaks", "--format", "json", "--demo"))
    assert leak["source"] == SOURCE
    return int(leak["calls_so_far"])


@contextmanager
def later(running: Copy, folder: Path) -> Iterator[tuple[dict[str, str], Workspace]]:
    """A copy of the data with its own demo workspace, and nothing else that runs."""
    data = folder / "demo"
    data.mkdir()
    running.manage("backup", str(data / "cdpwatch.sqlite3"), "--demo")
    shutil.copy(running.data_dir / "demo" / "demo.sqlite3", data)
    env = {**environment(folder, running.port), "CDPWATCH_DEMO": "1"}
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--port", "0"]
    command += ["--data-dir", str(data), "--port-file", str(data / "demo-url")]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        until((data / "demo-url").exists)
        url = (data / "demo-url").read_text()
        with httpx.Client(base_url=url, trust_env=False) as client:
            yield env, Workspace(client)
    finally:
        process.terminate()
        process.wait()
