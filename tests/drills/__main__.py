"""Runs drills: `python -m tests.drills --seeds 50 [W1 W5 ...]`; the last line is how many held."""

from __future__ import annotations

import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from tests.drills.drills import DRILLS
from tests.drills.ground import Ground, drill, prepared
from tests.drills.rig import Failed


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="DRILL", help=", ".join(DRILLS))
    parser.add_argument("--seeds", type=int, default=1, help="how many of each")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--keep", type=Path, help="folder for what a failed drill leaves")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the rig clears up behind itself
    held = asked = 0
    with prepared() as ground:
        for seed in range(options.first, options.first + options.seeds):
            for name in options.names or DRILLS:
                asked += 1
                held += _holds(ground, name, seed, options.keep)
    print(f"{held} of {asked} drills held")
    return 0 if held == asked else 1


def _holds(ground: Ground, name: str, seed: int, keep: Path | None) -> bool:
    began = time.monotonic()
    try:
        said = f"held ({drill(ground, name, seed, keep)})"
    except Failed as error:
        said = f"FAILED {error}"
    print(f"{name:<4} seed {seed:<3} {time.monotonic() - began:4.0f} s  {said}", flush=True)
    return "FAILED" not in said


if __name__ == "__main__":
    sys.exit(main())
