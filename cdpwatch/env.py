"""Reads the environment: every knob has one name, and each may be given as NAME_FILE.

Pure helpers for `settings.py`; nothing here knows Django.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import environ
from environ.fileaware_mapping import FileAwareMapping


class _Stripped(FileAwareMapping):  # type: ignore[misc]  # django-environ has no types
    """NAME_FILE wins over NAME, for docker's and systemd's secrets. Editors end files with a
    line break, which is no part of a token."""

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        return value.strip()


class _Env(environ.FileAwareEnv):  # type: ignore[misc]
    ENVIRON = _Stripped()


env = _Env()

# A unix socket's path must fit into 107 bytes (sun_path); Valkey exits on a longer one.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Redis:
    """One server under the two spellings its users want: kombu's and everybody else's."""

    broker: str
    locks: str


def redis_addresses(url: str, socket: Path) -> Redis:
    """Addresses for Celery's broker and for RedBeat, from REDIS_URL or the embedded socket.

    REDIS_URL is `redis://`, `rediss://` or `unix://`, as redis-py reads them: a password is
    percent-encoded. RedBeat keeps its keys in the broker's database under its own prefix.
    """
    url = url or f"unix://{socket}?db=0"
    scheme, _, rest = url.partition("://")
    address, _, query = rest.partition("?")
    options = dict(parse_qsl(query))
    if scheme == "unix":
        # kombu spells it `redis+socket://`; given the wrong spelling, beat dies at start.
        options = {"virtual_host": options.pop("db", "0"), **options}
        return Redis(f"redis+socket://{address}?{urlencode(options, safe='/')}", url)
    if scheme == "rediss":
        # redis-py checks the server's certificate by itself, kombu only when told to.
        options = {"ssl_cert_reqs": "required", **options}
        url = f"rediss://{address}?{urlencode(options, safe='/')}"
    return Redis(url, url)


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Valkey listens: in the data folder, or in /tmp when that is too deep."""
    path = data_dir / "valkey.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cdpwatch-{digest}" / "valkey.sock"


def kept_secret(path: Path) -> str:
    """The secret in `path`, made at first use and readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        # link() fails where the name is taken: of two first starts at once, one secret wins whole.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip()


class Variables:
    """Variables that are named elsewhere, each also as NAME_FILE; `defaults` where one is unset."""

    def __init__(self, defaults: Mapping[str, str]) -> None:
        self._defaults = defaults

    def get(self, name: str, default: str = "") -> str:
        return str(env(name, default=self._defaults.get(name, default)))


def pairs_of(path: Path) -> dict[str, str]:
    """The texts by name in the JSON file at `path`; nothing where there is no such file."""
    found: dict[str, str] = json.loads(text_of(path) or "{}")
    return found


def text_of(path: Path) -> str:
    """The text in `path`, or "" where there is no such file."""
    return path.read_text().strip() if path.exists() else ""
