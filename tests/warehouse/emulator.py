"""The BigQuery emulator that runs our SQL, in a virtual environment of its own.

It holds other releases of packages that are ours too, and 600 MB; so it is made only where
CDPWATCH_BQ_EMULATOR=1 asks for it, from requirements-bq.lock, once for each lock file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-bq.lock"
FOLDER = ROOT / ".venv-bq"
PATIENCE = 60.0  # seconds
# It looks for an extension of its database at home, and would download one that is not there.
EXTENSION = "import duckdb_extensions; duckdb_extensions.import_extension('spatial')"


def wanted() -> bool:
    return os.environ.get("CDPWATCH_BQ_EMULATOR") == "1"


def installed() -> Path:
    """The folder of its programs, made at first use: some seconds by uv, half a minute by pip."""
    programs, stamp = FOLDER / "bin", FOLDER / ".lock.sha256"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        make = [sys.executable, "-m", "venv", "--clear", "--without-pip", FOLDER]
        subprocess.run(make, check=True)
        _install(programs / "python")
        subprocess.run([programs / "python", "-c", EXTENSION], check=True, env=_environment())
        stamp.write_text(digest)
    return programs


def _install(python: Path) -> None:
    """What the lock file lists, for `python`: by uv where there is one, else by pip.

    As in `cdpwatch.bootstrap`, uv does not know every index that pip does.
    """
    wanted = ["install", "--quiet", "--require-hashes", "-r", LOCK]
    ours = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    uv = shutil.which("uv", path=ours)  # the set-up has put one into our own environment
    if uv and subprocess.run([uv, "pip", *wanted, "--python", python]).returncode == 0:
        return
    pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, *wanted, "--no-compile"], check=True)  # compiling doubles its time


@contextlib.contextmanager
def emulator(log: Path) -> Iterator[str]:
    """An empty BigQuery on loopback; gives its URL, and is gone with the block."""
    program = [installed() / "bqemulator", "start", "--rest-port", "0", "--grpc-port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(program, stdout=output, stderr=output, env=_environment())
        try:
            yield _url(process, log)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _environment() -> dict[str, str]:
    return {**os.environ, "HOME": str(FOLDER), "PYTHONWARNINGS": "ignore"}


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, as its log says."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text().splitlines():
            match = re.search(r"Uvicorn running on (http://[\d.:]+)", line)
            if match:
                return match[1]
        time.sleep(0.1)
    sys.exit(f"The BigQuery emulator did not start:\n{log.read_text()}")
