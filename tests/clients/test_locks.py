"""The lock file of npm: exact versions, checked by hash, from whatever registry a machine uses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOCK: dict[str, dict[str, Any]] = json.loads((HERE / "package-lock.json").read_text())["packages"]


def test_it_wants_exact_versions() -> None:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+[\w.-]*", version) for version in wanted.values())
    assert LOCK[""]["dependencies"] == wanted


def test_it_locks_packages_by_hash_and_names_no_registry() -> None:
    packages = [package for name, package in LOCK.items() if name]
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    # "funding" is where a package asks for money, not where it comes from.
    rest = [{name: package[name] for name in package if name != "funding"} for package in packages]
    assert "resolved" not in json.dumps(rest)
    assert "://" not in json.dumps(rest)
