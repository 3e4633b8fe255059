"""Makes `.venv` beside manage.py and enters it. Standard library only.

1. `is_ready`: a stamp in `.venv` holds the hash of the lock file that was installed last.
2. If not, one process at a time makes the venv and installs the lock, every file checked
   against its hash: by uv (the one on PATH, else one fetched into the venv), else by pip.
3. The command is run again by the venv's Python.

Everything that can go wrong ends in a SetupError: one sentence that says what helps.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
RUN_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"  # holds all of RUN_LOCK too
UV_LOCK = "requirements-uv.lock"
NEEDS_DEV = {"test", "verify"}

# What uv, pip and the resolver print when nothing answers.
_OFFLINE_SIGNS = (
    "temporary failure in name resolution",
    "name or service not known",
    "nodename nor servname",
    "dns error",
    "failed to establish a new connection",
    "network is unreachable",
    "connection refused",
    "connecttimeout",
    "error sending request",
)


class SetupError(Exception):
    """Why there is no usable `.venv`: one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Venv:
    """The virtual environment in `home`, with its Python, its install log and its stamps."""

    home: Path

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.home / "install.log"

    def stamp(self, lock_name: str) -> Path:
        return self.home / f".{lock_name}.sha256"

    def is_entered(self) -> bool:
        """True when this very process runs on its Python."""
        return Path(sys.prefix).resolve() == self.home.resolve()

    def is_ready(self, lock: Path) -> bool:
        """True when `lock`, as it is now, was the last one of its name installed here."""
        stamp = self.stamp(lock.name)
        return stamp.is_file() and stamp.read_text() == digest(lock)

    def is_sound(self) -> bool:
        """True when an install was once completed here and its Python still finds it."""
        stamped = any(self.stamp(name).is_file() for name in (RUN_LOCK, DEV_LOCK))
        return stamped and _succeeds([str(self.python), "-c", "import django"])


@dataclass(frozen=True)
class Installer:
    """Runs installers for `venv`, keeping what they print in its log."""

    venv: Venv
    env: dict[str, str] = field(default_factory=lambda: installer_env(dict(os.environ)))

    def run(self, command: Sequence[str]) -> bool:
        """Run `command`; true when it succeeded."""
        with self.venv.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            return _succeeds(command, env=self.env, stdout=log)

    def printed(self) -> str:
        return self.venv.log.read_text(errors="replace")

    def install(self, lock: Path) -> None:
        """Install `lock` by uv, else by pip. Raises SetupError."""
        python = str(self.venv.python)
        wanted = ["install", "--require-hashes", "-r", str(lock)]
        uv = (
            None if self.env.get("CDPWATCH_NO_UV") == "1" else self.find_uv(lock.with_name(UV_LOCK))
        )
        if uv and self.run([uv, "pip", *wanted, "--python", python]):
            return
        # uv does not read pip.conf: behind a private mirror pip succeeds where uv could not.
        # Compiling what is never imported would double pip's time.
        if not self.run([*self.find_pip(), *wanted, "--no-compile"]):
            raise SetupError(explain(self.printed(), self.venv.log))

    def find_uv(self, lock: Path) -> str | None:
        """The path of a uv: the one on PATH, else one that pip puts into the venv."""
        if found := shutil.which("uv"):
            return found
        command = ["install", "--require-hashes", "--retries", "2", "-r", str(lock)]
        if self.run([*self.find_pip(), *command]):
            return str(self.venv.home / "bin" / "uv")
        if is_offline(self.printed()):
            raise SetupError(explain(self.printed(), self.venv.log))
        return None

    def find_pip(self) -> list[str]:
        """The command of a pip that installs into the venv. Raises SetupError."""
        inside = [str(self.venv.python), "-m", "pip"]
        if _succeeds([*inside, "--version"]):
            return inside
        if self.run([str(self.venv.python), "-m", "ensurepip"]):
            return inside
        outside = [sys.executable, "-m", "pip", "--python", str(self.venv.python)]
        if _succeeds([*outside, "--version"]):
            return outside
        raise SetupError(
            "Python's ensurepip is missing: install python3-venv "
            "(sudo apt install python3-venv) and run the same command again."
        )


def enter(argv: list[str]) -> None:
    """Come back only inside a `.venv` that has what the command needs.

    `--demo` anywhere in `argv` is dropped and becomes CDPWATCH_DEMO=1. Exits with one
    sentence where the set-up fails.
    """
    argv[:] = take_demo_flag(argv)
    venv = Venv(ROOT / ".venv")
    try:
        prepare(venv, ROOT / lock_name_for(argv), sys.platform)
    except SetupError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(cannot_write(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped; the same command starts the set-up afresh.")
    if not venv.is_entered():
        os.execv(venv.python, [str(venv.python), *argv])


def take_demo_flag(argv: Sequence[str]) -> list[str]:
    """`argv` without `--demo`, which is noted in the environment for every child."""
    if "--demo" in argv:
        os.environ["CDPWATCH_DEMO"] = "1"
    return [word for word in argv if word != "--demo"]


def lock_name_for(argv: Sequence[str]) -> str:
    """The lock file that the command in `argv` needs."""
    return DEV_LOCK if len(argv) > 1 and argv[1] in NEEDS_DEV else RUN_LOCK


def prepare(venv: Venv, lock: Path, platform: str) -> None:
    """Make `venv` hold what `lock` lists. Raises SetupError, OSError."""
    if platform == "win32":
        raise SetupError("cdpwatch does not run on Windows itself; run it inside WSL2.")
    if venv.is_ready(lock) and (venv.is_entered() or venv.is_sound()):
        return
    with only_one_setup(lock.parent):
        # Whoever held the lock before us may have done the work.
        if venv.is_ready(lock) and venv.is_sound():
            return
        started = time.monotonic()
        if not venv.is_sound() and not venv.is_entered():
            make(venv)
        else:
            print(f"Installing {lock.name} into .venv ...", flush=True)
        fill(venv, lock)
        print(f"Set up in {time.monotonic() - started:.0f} s.", flush=True)


def make(venv: Venv) -> None:
    """Make an empty venv, in place of a half-made or broken one."""
    print("Setting up .venv (first time, about 20 s) ...", flush=True)
    if venv.home.exists():
        shutil.rmtree(venv.home)
    # Without pip, so that it works where ensurepip is missing and an installer is at hand.
    if not _succeeds([sys.executable, "-m", "venv", "--without-pip", str(venv.home)]):
        if not os.access(venv.home.parent, os.W_OK):
            raise SetupError(f"Cannot write to {venv.home.parent}: clone into a folder of yours.")
        raise SetupError(
            "Python's venv module failed: install python3-venv "
            "(sudo apt install python3-venv) and run the same command again."
        )


def fill(venv: Venv, lock: Path) -> None:
    """Install `lock` and stamp it; killed half-way it leaves no stamp."""
    for name in (RUN_LOCK, DEV_LOCK):
        venv.stamp(name).unlink(missing_ok=True)
    venv.log.write_text("")
    Installer(venv).install(lock)
    contained = (RUN_LOCK, DEV_LOCK) if lock.name == DEV_LOCK else (lock.name,)
    for name in contained:
        venv.stamp(name).write_text(digest(lock.with_name(name)))


@contextlib.contextmanager
def only_one_setup(root: Path) -> Iterator[None]:
    """Hold the set-up's lock: two first starts at once must not build over each other."""
    import fcntl  # not on Windows, which has been turned away by now

    # The folder itself is locked: a lock file inside .venv would go with a half-made one.
    handle = os.open(root, os.O_RDONLY)
    # The installer inherits it, so that one that outlives us still keeps others out.
    os.set_inheritable(handle, True)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is running in this folder; waiting for it ...", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def installer_env(environ: dict[str, str]) -> dict[str, str]:
    """`environ` without what would send packages elsewhere or fetch another Python."""
    dropped = {"PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"}
    kept = {name: value for name, value in environ.items() if name not in dropped}
    return {
        **kept,
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }


def is_offline(printed: str) -> bool:
    """True when an installer's output says that nothing answered."""
    return any(sign in printed.lower() for sign in _OFFLINE_SIGNS)


def explain(printed: str, log: Path) -> str:
    """The end of an installer's output, and one sentence on what to do."""
    if is_offline(printed):
        return (
            f"No network: the packages could not be fetched (details in {log}); "
            "connect and run the same command again."
        )
    tail = "\n".join(f"  {line}" for line in printed.strip().splitlines()[-8:])
    return f"{tail}\nInstalling the packages failed; all of the output is in {log}."


def cannot_write(error: OSError) -> str:
    """One sentence for a folder that cannot be used."""
    return (
        f"Cannot use {error.filename}: {error.strerror}; "
        "give cdpwatch a folder of yours (CDPWATCH_DATA_DIR=... for its data)."
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _succeeds(
    command: Sequence[str],
    env: dict[str, str] | None = None,
    stdout: IO[str] | int = subprocess.DEVNULL,
) -> bool:
    try:
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            close_fds=False,
            check=False,
        )
    except (FileNotFoundError, PermissionError):
        return False
    return done.returncode == 0
