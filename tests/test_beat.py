"""Beat's scheduler on real brokers: it fires with the lock alone, and survives its loss."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from celery import Celery
from redis import Redis

from cdpwatch.env import redis_addresses
from cdpwatch.settings import DATA_DIR
from tasks.beat import Scheduler
from tests import servers

LOCK = "beat:lock"


@pytest.fixture(params=["valkey", "redis"])
def binary(request: pytest.FixtureRequest) -> str:
    programs = servers.redis_programs()
    if request.param not in programs:
        pytest.skip(f"There is no {request.param}-server.")
    return programs[request.param]


@pytest.fixture
def url(binary: str) -> Iterator[str]:
    with servers.broker(binary) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as client:
        yield client


@pytest.fixture
def beat(url: str) -> Iterator[Scheduler]:
    scheduler = make_beat(url)
    yield scheduler
    scheduler.close()


def make_beat(url: str) -> Scheduler:
    """A scheduler whose only job is always due."""
    addresses = redis_addresses(url, DATA_DIR)
    app = Celery("drill", broker=addresses.broker, set_as_current=False)
    app.conf.update(
        beat_schedule={"drill": {"task": "drill", "schedule": timedelta(0)}},
        beat_max_loop_interval=0.1,
        redbeat_redis_url=addresses.locks,
        redbeat_key_prefix="beat:",
        redbeat_lock_key=LOCK,
        redbeat_lock_timeout=5,
        redbeat_redis_options={"socket_timeout": 5},
    )
    return Scheduler(app=app)


def sent(client: Redis) -> int:
    return int(client.llen("celery"))


def test_it_fires_once_it_has_the_lock(beat: Scheduler, client: Redis) -> None:
    beat.tick()
    assert sent(client) == 1
    assert client.exists(LOCK)


def test_it_gives_the_lock_back_when_it_stops(beat: Scheduler, client: Redis) -> None:
    beat.tick()
    beat.close()
    assert not client.exists(LOCK)


def test_it_sends_nothing_while_another_beat_holds_the_lock(beat: Scheduler, client: Redis) -> None:
    beat.tick()
    client.set(LOCK, "another beat's", px=500)
    beat.tick()
    assert sent(client) == 1
    beat.tick()  # waits until the other's lock has run out
    assert sent(client) == 2


def test_it_takes_up_the_schedule_after_the_broker_lost_everything(
    beat: Scheduler, client: Redis
) -> None:
    beat.tick()
    client.flushall()
    beat.tick()
    beat.tick()
    assert sent(client) == 1


def test_it_outlives_its_broker(binary: str, caplog: pytest.LogCaptureFixture) -> None:
    with servers.broker(binary) as url:
        beat = make_beat(url)
        beat.tick()
    assert beat.tick() == beat.max_interval
    beat.close()
    assert "Beat pauses" in caplog.text
