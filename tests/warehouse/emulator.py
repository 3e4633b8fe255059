"""The BigQuery emulator that runs our SQL, in a virtual environment of its own.

It holds other releases of packages that are ours too, and 600 MB; so it is made only where
CDPWATCH_BQ_EMULATOR=1 asks for it, from requirements-bq.lock, once for each lock file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import time
import venv
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
    """The folder of its programs, made at first use: half a minute."""
    programs, stamp = FOLDER / "bin", FOLDER / ".lock.sha256"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        venv.create(FOLDER, with_pip=True, clear=True)
        install = [programs / "python", "-m", "pip", "install", "--quiet", "--require-hashes"]
        subprocess.run([*install, "-r", LOCK], check=True)
        subprocess.run([programs / "python", "-c", EXTENSION], check=True, env=_environment())
        stamp.write_text(digest)
    return programs


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
