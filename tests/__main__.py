"""The whole suite, `python -m tests [PYTEST OPTIONS]`: what `manage.py test` runs.

1. Everything, on SQLite; what needs a broker starts a Valkey and, where there is one, a Redis.
2. What touches the database once more, on a PostgreSQL that is started for it.
3. What was left out and why, and the total of both as pytest would say it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("failed", "passed", "skipped", "error")  # pytest's own
FINE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
GOES_ON = (*FINE, pytest.ExitCode.TESTS_FAILED)  # not after Ctrl-C or a wrong option


@dataclass
class Tally:
    """How the tests ended, why some were left out, and the seconds that it took."""

    without: str = ""  # why there was no PostgreSQL
    ended: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, report: Path) -> None:
        """Count one run of pytest by its report, as `--junit-xml` writes it."""
        for suite in ElementTree.parse(report).iter("testsuite"):
            self.seconds += float(suite.get("time", 0))
            for case in suite.iter("testcase"):
                self._add_test(case)

    def _add_test(self, case: ElementTree.Element) -> None:
        if (skipped := case.find("skipped")) is not None:
            self.skipped[skipped.get("message", "").strip(".")] += 1
            self.ended["skipped"] += 1
        elif case.find("failure") is not None:
            self.ended["failed"] += 1
        else:
            self.ended["error" if case.find("error") is not None else "passed"] += 1

    def lines(self) -> list[str]:
        """What was left out, and the total."""
        reasons = [f"{count} ({reason})" for reason, count in self.skipped.items()]
        if self.without:
            reasons.append(f"database tests on PostgreSQL ({self.without})")
        counts = [f"{self.ended[name]} {name}" for name in ORDER if self.ended[name]]
        total = f" {', '.join(counts) or 'no tests ran'} in {self.seconds:.2f}s "
        return [f"Left out: {', '.join(reasons) or 'nothing'}.", total.center(80, "=")]


def main(options: Sequence[str], without: str) -> int:
    """Run everything; 0 where something ran and nothing failed, else 1.

    `without` says why there is no PostgreSQL.
    """
    tally, fine = Tally(without), True
    with tempfile.TemporaryDirectory() as folder:
        for number, database in enumerate(databases(without)):
            report = Path(folder) / f"{number}.xml"
            with database as url:
                code = run([*options, "--junit-xml", str(report)], url)
            fine = fine and code in FINE
            if report.exists():
                tally.add(report)
            if code not in GOES_ON:
                break
    print(*tally.lines(), sep="\n", flush=True)
    return int(not (fine and tally.ended))


def databases(without: str) -> list[AbstractContextManager[str]]:
    """URLs of the databases to run on, each for as long as it is used; "" is SQLite."""
    sqlite = nullcontext("")
    return [sqlite] if without else [sqlite, servers.postgresql()]


def run(options: Sequence[str], database_url: str) -> int:
    """One run of pytest on a database; its exit code."""
    print(f"\nOn {'PostgreSQL' if database_url else 'SQLite'}:", flush=True)
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if database_url:
        environment["DATABASE_URL"] = database_url
    command = [sys.executable, "-m", "pytest", *options]
    # Popen.wait, not run(): pytest hears Ctrl-C too, and must be left to stop what it started.
    return subprocess.Popen(command, cwd=ROOT, env=environment).wait()


def leave_it_to_pytest(*_: object) -> None:
    """Ctrl-C reaches every process of the terminal; this one only waits for the others."""


if __name__ == "__main__":
    signal.signal(signal.SIGINT, leave_it_to_pytest)
    sys.exit(main(sys.argv[1:], servers.without_postgresql()))
