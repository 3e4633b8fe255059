"""The whole suite, `python -m tests [PYTEST OPTIONS]`: what `manage.py test` runs.

1. Everything, on SQLite; what needs a broker starts a Valkey and, where there is one, a Redis.
2. Beside it, what touches the database once more, on a PostgreSQL that is started for it; and
   without options the tests of real processes, which wait more than they work.
3. What was left out and why, and the total of all as pytest would say it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
SYSTEM = "system"  # the marker of tests of real processes
# They wait more than they work, so two runs of them go on at once.
WAITING = {"Whole copies": "tests/system", "Real processes": "--ignore=tests/system"}
ORDER = ("failed", "passed", "skipped", "error")  # pytest's own
FINE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass
class Tally:
    """How the tests ended, why some were left out, and the seconds that it took."""

    without: str = ""  # why there was no PostgreSQL
    ended: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, report: Path) -> None:
        """Count one run of pytest by its report, as `--junit-xml` writes it."""
        for case in ElementTree.parse(report).iter("testcase"):
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
    began, tally = time.monotonic(), Tally(without)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, words = Path(name), options or ["-m", f"not {SYSTEM}"]
        urls = [stack.enter_context(database) for database in databases(without)]
        runs = [Run("PostgreSQL" if url else "SQLite", folder, words, url) for url in urls]
        if not options:
            runs += [Run(name, folder, ["-m", SYSTEM, where]) for name, where in WAITING.items()]
        codes = [run.end() for run in runs]
        for report in folder.glob("*.xml"):
            tally.add(report)
    tally.seconds = time.monotonic() - began
    print(*tally.lines(), sep="\n", flush=True)
    return int(not (tally.ended and all(code in FINE for code in codes)))


def databases(without: str) -> list[AbstractContextManager[str]]:
    """URLs of the databases to run on, each for as long as it is used; "" is SQLite."""
    sqlite = nullcontext("")
    return [sqlite] if without else [sqlite, servers.postgresql()]


class Run:
    """One pytest of its own, from its start on. What it prints waits for its end; SQLite's, which
    is the first and has most to say, does not."""

    def __init__(self, name: str, folder: Path, options: Sequence[str], url: str = "") -> None:
        """Start it on the database at `url` ("" is SQLite), its report in `folder`."""
        self.name = name
        self._said = None if name == "SQLite" else (folder / f"{name}.txt").open("w+")
        if self._said is None:
            print(f"\nOn {name}:", flush=True)
        environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        if url:
            environment["DATABASE_URL"] = url
        report = str(folder / f"{name}.xml")
        command = [sys.executable, "-m", "pytest", *options, "--junit-xml", report]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._said)

    def end(self) -> int:
        """Its exit code, once it has one."""
        # Popen.wait, not run(): pytest hears Ctrl-C too, and must be left to stop what it started.
        code = self._process.wait()
        if self._said:
            with self._said:
                self._said.seek(0)
                print(f"\n{self.name}:", self._said.read(), sep="\n", flush=True)
        return code


def leave_it_to_pytest(*_: object) -> None:
    """Ctrl-C reaches every process of the terminal; this one only waits for the others."""


if __name__ == "__main__":
    signal.signal(signal.SIGINT, leave_it_to_pytest)
    sys.exit(main(sys.argv[1:], servers.without_postgresql()))
