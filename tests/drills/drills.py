"""The drills: each treats a rig badly in a way that its seed chooses, and says what must hold.

W1  a process dies at one of four points      W6  PostgreSQL crashes, locks, refuses to write
W2  all workers die at once                    W7  SQLite under kill -9, again and again
W3  SIGTERM, again and again                   W8  a holder sleeps past its lease and wakes up
W4  two beats; beat comes back after a pause   W10 Segment is slower than the turns' interval
W5  the broker restarts, forgets, is full or read-only
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from tests.drills.rig import LEASE, Rig, check, connected, until

DRAIN = 32.0  # seconds that a worker may take to end: one request in hand, and a little
POINTS = ("mid poll", "mid write", "after commit", "after send")


def w1(rig: Rig, chance: Random) -> None:
    point = chance.choice(POINTS)
    rig.arm(point, 1 if point == "after send" else chance.randint(1, 3))
    rig.start_all()
    rig.fired()
    rig.converge(datetime.now(UTC), duplicates=int(point == "after send"))


def w2(rig: Rig, chance: Random) -> None:
    rig.start_all()
    time.sleep(chance.uniform(2, 9))
    rig.kill("worker", "alerts")
    since = datetime.now(UTC)
    rig.start("worker", "alerts")
    rig.converge(since, duplicates=1)  # it may have died between Slack's 200 and our row


def w3(rig: Rig, chance: Random) -> None:
    rig.start("beat")
    rig.fault("/usage", "slow", seconds=1.0, times=50)
    for _ in range(chance.randint(2, 4)):
        rig.start("worker", "alerts")
        time.sleep(chance.uniform(2.5, 6))
        took = rig.terminate("worker", "alerts")
        check(took < DRAIN, f"ended after {took:.0f} s")
        running = [run for run in rig.look()["runs"] if run["state"] == "running"]
        check(not running, f"a stopped worker kept its lease: {running}")
    rig.heal()
    since = datetime.now(UTC)
    rig.start("worker", "alerts")
    rig.converge(since)


def w4(rig: Rig, chance: Random) -> None:
    rig.start("worker", "alerts", "beat", "beat 2")
    time.sleep(chance.uniform(12, 16))
    twice = [run for run in rig.look()["runs"] if run["fence"] > 1]
    check(not twice, f"turns done twice: {twice}")
    rig.kill("beat", "beat 2")
    time.sleep(chance.uniform(14, 18))  # the lock of the dead one ends meanwhile, turns are missed
    since = datetime.now(UTC)
    rig.start("beat")
    until(lambda: bool(_runs(rig, since)), "beat is back", 30)
    first = datetime.fromisoformat(_runs(rig, since)[0]["started_at"])
    at_once = [run for run in _runs(rig, since) if _begun(run) < first + timedelta(seconds=2)]
    most = max(Counter(run["poller"] for run in at_once).values())
    check(most <= 2, f"{most} turns at once after the pause")
    rig.converge(since)


def w5(rig: Rig, chance: Random) -> None:
    rig.start_all()
    time.sleep(chance.uniform(3, 6))
    chance.choice(BROKER_FAULTS)(rig, chance.uniform(1, 5))
    rig.converge(datetime.now(UTC))


def _broker_restart(rig: Rig, seconds: float) -> None:
    rig.kill("broker")
    for path in rig.folder.glob("appendonlydir/*"):  # it comes back with nothing
        path.unlink()
    rig.socket.unlink(missing_ok=True)
    time.sleep(seconds)
    rig.start_broker()


def _broker_forgets(rig: Rig, seconds: float) -> None:
    rig.redis().flushall()


def _broker_full(rig: Rig, seconds: float) -> None:
    rig.redis().config_set("maxmemory", "1mb")
    time.sleep(seconds)
    rig.redis().config_set("maxmemory", "0")


def _broker_read_only(rig: Rig, seconds: float) -> None:
    rig.redis().replicaof("127.0.0.1", "1")
    time.sleep(seconds)
    rig.redis().replicaof("NO", "ONE")


BROKER_FAULTS = (_broker_restart, _broker_forgets, _broker_full, _broker_read_only)


def w6(rig: Rig, chance: Random) -> None:
    rig.start_all()
    time.sleep(chance.uniform(3, 6))
    chance.choice(DATABASE_FAULTS)(rig, chance.uniform(1, 5))
    rig.converge(datetime.now(UTC), duplicates=1)


def _database_crash(rig: Rig, seconds: float) -> None:
    """One of its processes dies: it ends all connections and recovers, as after a power cut."""
    connection = connected(rig.database)
    os.kill(connection.info.backend_pid, signal.SIGKILL)
    connection.close()


def _database_ends_connections(rig: Rig, seconds: float) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    rig.sql(f"{others} WHERE datname = current_database() AND pid <> pg_backend_pid()")


def _database_locked(rig: Rig, seconds: float) -> None:
    with connected(rig.database) as connection, connection.transaction():
        connection.execute("LOCK TABLE cdpwatch_pollrun IN ACCESS EXCLUSIVE MODE")
        time.sleep(seconds)


def _database_read_only(rig: Rig, seconds: float) -> None:
    name = rig.database.rsplit("/", 1)[1]
    rig.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    _database_ends_connections(rig, 0)  # the setting is for new ones
    time.sleep(seconds)
    with connected(rig.database) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    _database_ends_connections(rig, 0)


DATABASE_FAULTS = (
    _database_crash,
    _database_ends_connections,
    _database_locked,
    _database_read_only,
)


def w7(rig: Rig, chance: Random) -> None:
    rig.start("beat")
    for _ in range(4):
        rig.start("worker", "alerts")
        time.sleep(chance.uniform(2, 5))
        rig.kill("worker", "alerts")
        broken = rig.look()["broken"]
        check(not broken, broken)
    since = datetime.now(UTC)
    rig.start("worker", "alerts")
    rig.converge(since, duplicates=1)


def w8(rig: Rig, chance: Random) -> None:
    # Asleep in a transaction it holds SQLite's only write lock: that is a locked database.
    points = ("mid poll", "after send") if "sqlite" in rig.database else POINTS[:2]
    point = chance.choice(points)
    rig.arm(point, 1 if point == "after send" else chance.randint(1, 3), "SIGSTOP")
    rig.start_all()
    sleeper = rig.fired()
    time.sleep(LEASE + chance.uniform(4, 6))
    since = datetime.now(UTC)
    if point == "mid poll":
        until(lambda: _was_taken_over(rig), "another takes the turn over", 60)
    os.kill(sleeper, signal.SIGCONT)
    rig.converge(since, duplicates=int(point == "after send"))


def w10(rig: Rig, chance: Random) -> None:
    rig.lease = 15.0  # longer than one call, as everywhere
    rig.fault("/events/volume", "slow", seconds=chance.uniform(3, 5), times=500)
    rig.start_all()
    took = until(lambda: bool(rig.messages()), "an alert while Segment is slow", 60)
    check(took < 45, f"the alert took {took:.0f} s")
    time.sleep(15)
    runs = rig.look()["runs"]
    put_off = [run for run in runs if run["state"] == "put_off"]
    check(all("still running" in run["error"] for run in put_off) and bool(put_off), str(put_off))
    volume = [r for r in runs if r["poller"] == "volume" and r["state"] == "running"]
    check(len(volume) <= 1, f"piled up: {volume}")
    waiting = int(rig.redis().llen("polls"))  # type: ignore[arg-type]
    check(waiting < 20, f"{waiting} jobs wait")
    rig.heal()
    rig.converge(datetime.now(UTC))


def _runs(rig: Rig, since: datetime) -> list[dict[str, str]]:
    """Turns that were begun since, put-off ones apart."""
    runs = (run for run in rig.look()["runs"] if run["state"] != "put_off")
    return [run for run in runs if _begun(run) > since]


def _begun(run: dict[str, str]) -> datetime:
    return datetime.fromisoformat(run["started_at"])


def _was_taken_over(rig: Rig) -> bool:
    return any(run["state"] == "put_off" or run["fence"] > 1 for run in rig.look()["runs"])


class Drill(NamedTuple):
    run: Callable[[Rig, Random], None]
    databases: tuple[str, ...] = ("sqlite", "postgresql")


DRILLS: dict[str, Drill] = {
    "W1": Drill(w1),
    "W2": Drill(w2),
    "W3": Drill(w3),
    "W4": Drill(w4),
    "W5": Drill(w5),
    "W6": Drill(w6, ("postgresql",)),
    "W7": Drill(w7, ("sqlite",)),
    "W8": Drill(w8),
    "W10": Drill(w10),
}
