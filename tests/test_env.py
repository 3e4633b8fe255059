"""Reading the environment: addresses in both spellings, secrets made once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cdpwatch.env import Redis, env, kept_secret, redis_addresses, socket_path, text_of


@pytest.mark.parametrize(
    ("url", "broker", "locks"),
    [
        ("", "redis+socket:///data/v.sock?virtual_host=0", "unix:///data/v.sock?db=0"),
        ("redis://h:6379/1", "redis://h:6379/1", "redis://h:6379/1"),
        (
            "unix://u:p%3Fdb=1@/run/r.sock?db=3",
            "redis+socket://u:p%3Fdb=1@/run/r.sock?virtual_host=3",
            "",
        ),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0", ""),
    ],
)
def test_it_spells_an_address_as_each_library_wants_it(url: str, broker: str, locks: str) -> None:
    assert redis_addresses(url, Path("/data/v.sock")) == Redis(broker, locks or url)


@pytest.mark.parametrize(
    ("given", "both"),
    [
        ("rediss://h/1", "rediss://h/1?ssl_cert_reqs=required"),
        ("rediss://h?ssl_ca_certs=/ca", "rediss://h?ssl_cert_reqs=required&ssl_ca_certs=/ca"),
        ("rediss://h?ssl_cert_reqs=none", "rediss://h?ssl_cert_reqs=none"),
    ],
)
def test_it_checks_a_brokers_certificate_unless_told_not_to(given: str, both: str) -> None:
    assert redis_addresses(given, Path("/unused")) == Redis(both, both)


def test_it_moves_a_socket_whose_path_is_too_long(tmp_path: Path) -> None:
    assert socket_path(Path("/data")) == Path("/data/valkey.sock")
    deep = tmp_path / ("x" * 100)
    moved = socket_path(deep)
    assert len(str(moved)) <= 100
    assert moved == socket_path(deep) != socket_path(deep / "y")


def test_it_makes_a_secret_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "key"
    secret = kept_secret(file)
    assert len(secret) >= 60
    assert kept_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_it_gives_one_secret_to_several_first_starts(tmp_path: Path) -> None:
    files = [tmp_path / "key"] * 16
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(kept_secret, files))) == 1


def test_it_reads_a_file_where_there_is_one(tmp_path: Path) -> None:
    assert text_of(tmp_path / "url") == ""
    (tmp_path / "url").write_text("http://127.0.0.1:1\n")
    assert text_of(tmp_path / "url") == "http://127.0.0.1:1"


def test_it_takes_a_secret_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("sgp_file")
    monkeypatch.setenv("SEGMENT_API_TOKEN", "sgp_env")
    assert env("SEGMENT_API_TOKEN") == "sgp_env"
    monkeypatch.setenv("SEGMENT_API_TOKEN_FILE", str(tmp_path / "token"))
    assert env("SEGMENT_API_TOKEN") == "sgp_file"


def test_it_reads_a_secret_from_a_file_without_its_line_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("sgp_secret\n")
    monkeypatch.setenv("CDPWATCH_TEST_TOKEN_FILE", str(tmp_path / "token"))
    assert env("CDPWATCH_TEST_TOKEN") == "sgp_secret"
