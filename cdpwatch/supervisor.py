"""Runs several programs as one: starts, reads, restarts and stops them.

One loop, one thread (`Supervisor.turn`): read what the programs print, notice who ended,
start again whoever is due. On Linux the children die with the supervisor, even when it is
killed; each leads a process group of its own, so that Ctrl-C reaches only the supervisor
and what a program leaves behind is ended with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import TextIO

LONGEST_WAIT = 30.0  # seconds between two starts of a program that keeps ending
STEADY = 60.0  # seconds of running after which earlier failures are forgotten
GRACE = 35.0  # seconds from SIGTERM to SIGKILL: a request in hand takes 30 at the longest
LOG_BYTES = 5_000_000
_COLOURS = (36, 33, 35, 32, 34)  # of the terminal: cyan, yellow, magenta, green, blue
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class StopAsked(Exception):
    """SIGINT or SIGTERM came while something was waited for."""


@dataclass(frozen=True)
class Program:
    """What to run. Programs of a lower wave are stopped before those of a higher one."""

    name: str
    command: Sequence[str]
    wave: int = 0


@dataclass
class Child:
    """A running program. Times are seconds of the monotonic clock."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    failures: int
    unfinished: bytes = b""


@dataclass(frozen=True)
class Due:
    """A program that ended and is started again at `at`."""

    program: Program
    at: float
    failures: int


def failures_now(failures: int, ran_for: float) -> int:
    """How many times in a row a program has ended early, after it ended once more."""
    return 1 if ran_for >= STEADY else failures + 1


def backoff(failures: int) -> float:
    """Seconds to wait before the next start: 1, 2, 4 ... LONGEST_WAIT."""
    return min(LONGEST_WAIT, 2.0 ** min(failures - 1, 10))


def how_it_ended(returncode: int) -> str:
    """A return code of `Popen` in words."""
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit {returncode}"


def printable(line: str) -> str:
    """`line` without control characters: a name from outside must not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in line)


@dataclass
class Journal:
    """Writes each program's lines to the terminal, behind its name, and to its own log."""

    folder: Path
    width: int = 6
    out: TextIO = field(default_factory=lambda: sys.stdout)
    _logs: dict[str, RotatingFileHandler] = field(default_factory=dict)

    def write(self, name: str, line: str) -> None:
        self._log(name).emit(logging.makeLogRecord({"msg": printable(line)}))
        self.show(name, line)

    def show(self, name: str, line: str) -> None:
        """Write to the terminal alone: for what must not stay in a file."""
        # A closed terminal must not end what it started.
        with contextlib.suppress(OSError):
            print(f"{self._label(name)} {printable(line)}", file=self.out, flush=True)

    def close(self) -> None:
        for log in self._logs.values():
            log.close()
        self._logs.clear()

    def _log(self, name: str) -> RotatingFileHandler:
        if name not in self._logs:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{name}.log"
            self._logs[name] = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=2)
        return self._logs[name]

    def _label(self, name: str) -> str:
        label = f"{name:<{self.width}} |"
        if not self.out.isatty():
            return label
        return f"\033[{_COLOURS[sum(name.encode()) % len(_COLOURS)]}m{label}\033[0m"


class Supervisor:
    """Keeps programs running until SIGINT, SIGTERM or SIGHUP.

    `noted` is told the process ids by name at each start. A second signal kills at once.
    """

    def __init__(
        self, journal: Journal, noted: Callable[[Mapping[str, int]], None] = lambda pids: None
    ) -> None:
        self.journal = journal
        self.stopping = False
        self._noted = noted
        self._children: dict[str, Child] = {}
        self._due: list[Due] = []
        self._selector = selectors.DefaultSelector()

    def listen(self) -> None:
        """Take the signals that ask to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def say(self, line: str) -> None:
        self.journal.write("up", line)

    def show(self, line: str) -> None:
        """Say something that no log keeps: a password, a link that signs in."""
        self.journal.show("up", line)

    def start(self, program: Program, failures: int = 0) -> None:
        """Start `program`; from now on it is kept running."""
        process = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            process_group=0,
            preexec_fn=_die_with_parent(),  # safe: this process has one thread
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        child = Child(program, process, time.monotonic(), failures)
        self._children[program.name] = child
        self._selector.register(process.stdout, selectors.EVENT_READ, child)
        self._noted({name: child.process.pid for name, child in self._children.items()})

    def turn(self, seconds: float = 0.5) -> None:
        """Do what there is to do, waiting at most `seconds` for it."""
        for key, _ in self._selector.select(seconds):
            self._read(key.data)
        for child in list(self._children.values()):
            if child.process.poll() is not None:
                self._ended(child)
        now = time.monotonic()
        for due in [due for due in self._due if due.at <= now]:
            self._due.remove(due)
            self.start(due.program, due.failures)

    def wait_until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Turn until `is_so`; false when that took too long. Raises StopAsked."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if self.stopping:
                raise StopAsked
            if time.monotonic() > deadline:
                return False
            self.turn(0.1)
        return True

    def run(self, tick: Callable[[], None] = lambda: None) -> None:
        """Turn until asked to stop, calling `tick` each time."""
        while not self.stopping:
            self.turn()
            tick()

    def stop(self) -> None:
        """Stop everything, wave by wave."""
        self.stopping = True
        self._due.clear()
        for wave in sorted({child.program.wave for child in self._children.values()}):
            self._stop_wave([c for c in self._children.values() if c.program.wave == wave])
        self._selector.close()
        self.journal.close()

    def _stop_wave(self, wave: Sequence[Child]) -> None:
        # To the leader alone: a pool's processes must finish the task in hand.
        for child in wave:
            child.process.terminate()
        deadline = time.monotonic() + GRACE
        while any(child.program.name in self._children for child in wave):
            if time.monotonic() > deadline:
                self._kill(wave)
            self.turn(0.1)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            self._kill(list(self._children.values()))
        self.stopping = True

    def _kill(self, children: Sequence[Child]) -> None:
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)

    def _read(self, child: Child) -> None:
        """Journal what `child` has printed since the last time."""
        assert child.process.stdout is not None
        data = child.process.stdout.read(65536)
        if data == b"":  # closed; the process itself ends now or is about to
            self._selector.unregister(child.process.stdout)
        *lines, child.unfinished = (child.unfinished + (data or b"")).split(b"\n")
        for line in lines:
            self.journal.write(child.program.name, line.decode(errors="replace"))

    def _ended(self, child: Child) -> None:
        """Clear up after `child`, and note when it is started again."""
        del self._children[child.program.name]
        self._kill([child])  # what is left of its group holds its port
        self._hear_out(child)
        if self.stopping:
            return
        ran_for = time.monotonic() - child.started
        failures = failures_now(child.failures, ran_for)
        wait = backoff(failures)
        self._due.append(Due(child.program, time.monotonic() + wait, failures))
        how = how_it_ended(child.process.returncode)
        self.say(f"{child.program.name} ended ({how}) after {ran_for:.0f} s; again in {wait:.0f} s")

    def _hear_out(self, child: Child) -> None:
        """Journal the last words of an ended `child` and close its pipe."""
        assert child.process.stdout is not None
        with contextlib.suppress(KeyError):
            self._selector.get_key(child.process.stdout)
            self._read(child)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.process.stdout)
        if child.unfinished:
            self.journal.write(child.program.name, child.unfinished.decode(errors="replace"))
        child.process.stdout.close()


def _die_with_parent() -> Callable[[], None] | None:
    """What a child runs first, so that it is told to stop when this process dies (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arrange
