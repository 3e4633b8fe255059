"""Clients that nobody here wrote: Segment's own, from npm, run by Node.js."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LOCK_FILE = HERE / "package-lock.json"
STAMP = HERE / "node_modules" / ".stamp"
OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
LOOPBACK = {**os.environ, "NO_PROXY": "127.0.0.1"}
Run = Callable[..., Any]


@pytest.fixture(scope="session")
def node() -> Run:
    """Runs a script of this folder: its argument goes in as JSON, what it prints comes out."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if not program or not npm:
        pytest.skip("Node.js and npm are not installed")
    _install(npm)

    def run(script: str, argument: object) -> Any:
        command = [program, str(HERE / script), json.dumps(argument)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=LOOPBACK
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def _install(npm: str) -> None:
    """Install what the lock file names, once for each checkout and lock file.

    The suite runs on two databases side by side in one checkout, and `npm ci` begins by emptying
    the folder: the second waits for the first, and finds its stamp.
    """
    with LOCK_FILE.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install_alone(npm)


def _install_alone(npm: str) -> None:
    wanted = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    try:
        subprocess.run([npm, "ci", *OPTIONS], cwd=HERE, capture_output=True, timeout=55, check=True)
    except subprocess.SubprocessError as error:  # no registry within reach, as a rule
        pytest.skip(f"npm could not install Segment's clients: {type(error).__name__}")
    STAMP.write_text(wanted)
