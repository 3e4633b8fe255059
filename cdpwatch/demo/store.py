"""What changes while the demo runs, in SQLite: leaks, faults, Slack messages, tracked messages,
jobs of the warehouse.

One connection behind a lock serves all request threads. Without a folder the store lives in memory.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from cdpwatch.demo import inbox
from cdpwatch.demo.arrivals import Arrivals, from_rows
from cdpwatch.demo.ledger import Span, epoch_minute, months_before
from cdpwatch.demo.messages import Message

SCHEMA = """
create table if not exists born (anchor text not null);
create table if not exists leak (name text not null, on_at integer not null, off_at integer);
create unique index if not exists one_running on leak (name) where off_at is null;
create table if not exists fault (id integer primary key, path_prefix text not null,
    kind text not null, seconds real not null, times integer not null);
create table if not exists message (id integer primary key, at text not null, body text not null);
create table if not exists used_token (token text primary key);
create table if not exists job (id text primary key, at text not null, body text not null);
"""
FAR_FUTURE = 2**40  # epoch minutes: the end of a leak that still runs
PAST_LEAK_MONTHS = 5
JOBS_KEPT = timedelta(days=2)  # their ids carry the day


@dataclass(frozen=True)
class Fault:
    """What goes wrong for the next `times` requests whose path starts with `path_prefix`."""

    path_prefix: str
    kind: str
    seconds: float
    times: int


class Store:
    """The demo's own little database. `now` dates the world when the store is new."""

    def __init__(self, folder: Path | None, now: datetime) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        name = ":memory:" if folder is None else str(folder / "demo.sqlite3")
        self._lock = threading.Lock()
        self._arrivals: list[Arrivals] | None = None  # as of the last message
        self._db = sqlite3.connect(name, check_same_thread=False, timeout=10)
        with self._open() as db:
            db.executescript(SCHEMA + inbox.SCHEMA)
            if db.execute("select 1 from born").fetchone() is None:
                _give_birth(db, now)

    def close(self) -> None:
        self._db.close()

    def anchor(self) -> date:
        """First day of the month in which the demo was first started: volumes hold there."""
        with self._open() as db:
            return date.fromisoformat(db.execute("select anchor from born").fetchone()[0])

    def leaks(self) -> dict[str, list[Span]]:
        """When each leak was on, in epoch minutes."""
        with self._open() as db:
            rows = db.execute("select name, on_at, off_at from leak order by on_at").fetchall()
        spans: dict[str, list[Span]] = {}
        for name, on_at, off_at in rows:
            spans.setdefault(name, []).append((on_at, FAR_FUTURE if off_at is None else off_at))
        return spans

    def switch_leak(self, name: str, on: bool, now: datetime) -> None:
        """From this minute on. Switching on what is on, or off what is off, changes nothing."""
        with self._open() as db:
            if on:
                db.execute("insert or ignore into leak values (?, ?, null)", _row(name, now))
            else:
                db.execute(
                    "update leak set off_at = max(on_at, ?2) where name = ?1 and off_at is null",
                    _row(name, now),
                )

    def add_fault(self, fault: Fault) -> None:
        with self._open() as db:
            db.execute(
                "insert into fault (path_prefix, kind, seconds, times) values (?, ?, ?, ?)",
                (fault.path_prefix, fault.kind, fault.seconds, fault.times),
            )

    def faults(self) -> list[Fault]:
        with self._open() as db:
            rows = db.execute("select path_prefix, kind, seconds, times from fault order by id")
            return [Fault(*row) for row in rows.fetchall()]

    def take_fault(self, path: str) -> Fault | None:
        """The oldest fault that this path meets, with one of its times used up."""
        with self._open() as db:
            rows = db.execute("select id, path_prefix, kind, seconds, times from fault order by id")
            for number, *values in rows.fetchall():
                if path.startswith(values[0]):
                    db.execute("update fault set times = times - 1 where id = ?", (number,))
                    db.execute("delete from fault where times <= 0")
                    return Fault(*values)
        return None

    def clear_faults(self) -> None:
        with self._open() as db:
            db.execute("delete from fault")

    def add_message(self, at: datetime, body: dict[str, Any]) -> None:
        with self._open() as db:
            db.execute(
                "insert into message (at, body) values (?, ?)", (at.isoformat(), json.dumps(body))
            )

    def messages(self) -> list[dict[str, Any]]:
        """Newest first: `{"id", "at", "message"}`."""
        with self._open() as db:
            rows = db.execute("select id, at, body from message order by id desc").fetchall()
        return [{"id": row[0], "at": row[1], "message": json.loads(row[2])} for row in rows]

    def clear_messages(self) -> None:
        with self._open() as db:
            db.execute("delete from message")

    def use_up(self, token: str) -> bool:
        """Whether a token that works once had not been used before."""
        with self._open() as db:
            used = db.execute("insert or ignore into used_token values (?)", (token,))
            return used.rowcount == 1

    def keep_job(self, job_id: str, at: datetime, body: dict[str, Any]) -> bool:
        """Whether there was no job of the warehouse by that id."""
        row = (job_id, at.isoformat(), json.dumps(body))
        with self._open() as db:
            db.execute("delete from job where at < ?", ((at - JOBS_KEPT).isoformat(),))
            return db.execute("insert or ignore into job values (?, ?, ?)", row).rowcount == 1

    def job(self, job_id: str) -> tuple[dict[str, Any], datetime] | None:
        """What was kept of it, and when it was made."""
        with self._open() as db:
            row = db.execute("select body, at from job where id = ?", (job_id,)).fetchone()
        return (json.loads(row[0]), datetime.fromisoformat(row[1])) if row else None

    def take(self, messages: Iterable[Message], now: datetime) -> None:
        """Count messages of the Tracking API; all of them, or none if something fails."""
        with self._open() as db:
            inbox.take(db, messages, epoch_minute(now))
            self._arrivals = None

    def arrivals(self) -> list[Arrivals]:
        """Every message that was taken or turned away."""
        with self._open() as db:
            if self._arrivals is None:
                self._arrivals = from_rows(inbox.rows(db))
            return self._arrivals

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            yield self._db


def _row(name: str, now: datetime) -> tuple[str, int]:
    return name, epoch_minute(now)


def _give_birth(db: sqlite3.Connection, now: datetime) -> None:
    """A new world has one leak behind it: page calls of the public site, found after nine days."""
    db.execute("insert into born values (?)", (months_before(now.date(), 0).isoformat(),))
    on_at, off_at = past_leak(now.date())
    db.execute("insert into leak values ('L1', ?, ?)", (on_at, off_at))


def past_leak(today: date) -> Span:
    """A Thursday 14:20 UTC about five months ago, and nine days and two hours later."""
    tenth = months_before(today, PAST_LEAK_MONTHS) + timedelta(days=9)
    thursday = tenth + timedelta(days=(3 - tenth.weekday()) % 7)
    on_at = (thursday - date(1970, 1, 1)).days * 1440 + 14 * 60 + 20
    return on_at, on_at + 9 * 1440 + 120
