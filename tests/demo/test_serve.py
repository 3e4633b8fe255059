"""`manage.py demo`, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from cdpwatch.demo import vendors

MANAGE = Path(__file__).parents[2] / "manage.py"


def wait_for(path: Path) -> str:
    for _ in range(200):
        if path.exists():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path.name} never came")


@pytest.mark.system
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port_file = tmp_path / "run" / "url"
    command = [sys.executable, str(MANAGE), "demo", "--port", "0", "--port-file", str(port_file)]
    environment = {**os.environ, "DEMO_TOKEN": "another", "CDPWATCH_DATA_DIR": str(tmp_path)}
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        headers = {"Authorization": "Bearer another"}
        reply = httpx.get(f"{wait_for(port_file)}/", headers=headers, trust_env=False)
        assert reply.json()["data"]["workspace"]["slug"] == "gitbook-com"
    finally:
        demo.send_signal(signal.SIGTERM)
        printed, _ = demo.communicate(timeout=20)
    assert demo.returncode == 0
    assert "/slack/services/T000DEMO/B000DEMO/demo" in printed
    assert "REFINER_API_KEY, on the Connect page" in printed


def test_it_leaves_one_vendors_key_to_be_pasted_and_tells_it() -> None:
    url = "http://127.0.0.1:8001/vendors"
    left = vendors.connects(url).items() - vendors.at_first(url).items()
    assert left == {("REFINER_API_KEY", "demo-refiner")}
    assert vendors.at_first(url)["REFINER_API_URL"] == f"{url}/refiner"
