"""Where drills take place: prepared databases to copy, and a fresh rig for each seed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests import servers
from tests.drills.drills import DRILLS
from tests.drills.rig import Failed, Rig, connected, demo


@dataclass
class Ground:
    """Templates made once, copied for every drill."""

    folder: Path
    postgresql: str = ""  # URL of the prepared database; "" where there is no server
    made: int = field(default=0)

    def databases(self) -> tuple[str, ...]:
        return ("sqlite", "postgresql") if self.postgresql else ("sqlite",)

    def copy_of(self, kind: str, folder: Path) -> str:
        """The URL of a database of its own."""
        if kind == "postgresql":
            self.made += 1
            return copied(self.postgresql, f"drill{self.made}")
        shutil.copy(self.folder / "template.sqlite3", folder / "cdpwatch.sqlite3")
        return f"sqlite:///{folder / 'cdpwatch.sqlite3'}"


def copied(template: str, name: str) -> str:
    server, _, source = template.rpartition("/")
    with connected(f"{server}/postgres") as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    return f"{server}/{name}"


@contextlib.contextmanager
def prepared() -> Iterator[Ground]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drills-")))
        ground = Ground(folder)
        url = stack.enter_context(demo())
        Rig(folder, url, f"sqlite:///{folder / 'template.sqlite3'}", "").prepare()
        if not servers.without_postgresql():
            # On disk, as it would be: a crash is part of the drills.
            ground.postgresql = stack.enter_context(servers.postgresql("fsync=on"))
            Rig(folder, url, ground.postgresql, "").prepare()
        yield ground


def drill(ground: Ground, name: str, seed: int, keep: Path | None = None) -> str:
    """Run one drill. What it ran on; raises Failed, with the seed and the logs' last lines."""
    chance, chosen = Random(f"{name} {seed}"), DRILLS[name]
    kinds = [kind for kind in ground.databases() if kind in chosen.databases]
    if not kinds:
        return "left out: no PostgreSQL"
    brokers = servers.redis_programs()
    kind, broker = chance.choice(kinds), chance.choice(sorted(brokers))
    where = f"{kind}, {broker}"
    with tempfile.TemporaryDirectory(prefix="drill-", dir="/tmp") as folder, demo() as url:
        rig = Rig(Path(folder), url, ground.copy_of(kind, Path(folder)), brokers[broker])
        try:
            rig.start_broker()
            chosen.run(rig, chance)
        except Failed as error:
            if keep:
                shutil.copytree(
                    folder, keep / f"{name}-{seed}", dirs_exist_ok=True, ignore=_sockets
                )
            raise Failed(f"{name} seed {seed} on {where}: {error}\n{_logs(Path(folder))}") from None
        finally:
            rig.close()
    return where


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".sock")]


def _logs(folder: Path) -> str:
    tails = (path.read_text(errors="replace").splitlines()[-12:] for path in folder.glob("*.log"))
    return "\n".join(line for tail in tails for line in tail)
