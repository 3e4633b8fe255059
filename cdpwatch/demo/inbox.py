"""What came in over the Tracking API, counted by minute in the demo's database."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from cdpwatch.demo.messages import Message

SCHEMA = """
create table if not exists received (source text not null, call_type text not null,
    event text not null, reason text not null, minute integer not null, calls integer not null,
    primary key (source, call_type, event, reason, minute)) without rowid;
create table if not exists seen (message_id text primary key, minute integer not null)
    without rowid;
create index if not exists seen_minute on seen (minute);
"""
REMEMBERED = 24 * 60  # minutes for which a message id is known again
Row = tuple[str, str, str, str, int, int]  # source, call type, event, reason, minute, calls


def take(db: sqlite3.Connection, messages: Iterable[Message], minute: int) -> None:
    """Count the messages that are new. `minute` is an epoch minute."""
    db.execute("delete from seen where minute < ?", (minute - REMEMBERED,))
    new = Counter(
        (message.source, message.call_type, message.event, message.reason)
        for message in messages
        if _is_new(db, message, minute)
    )
    db.executemany(
        "insert into received values (?, ?, ?, ?, ?, ?) "
        "on conflict do update set calls = calls + excluded.calls",
        [(*key, minute, calls) for key, calls in new.items()],
    )


def rows(db: sqlite3.Connection) -> list[Row]:
    """In the order of the key."""
    return db.execute(
        "select source, call_type, event, reason, minute, calls from received "
        "order by source, call_type, event, reason, minute"
    ).fetchall()


def _is_new(db: sqlite3.Connection, message: Message, minute: int) -> bool:
    """A message that is turned away leaves its id free, for the client may mend and resend it."""
    if message.reason or not message.message_id:
        return True
    given = (message.message_id, minute)
    return db.execute("insert or ignore into seen values (?, ?)", given).rowcount == 1
