"""`python -m tests.bench [NAME ...]`: runs the benches named, or all of them.

One line a figure: name, measured, unit, goal, `ok` or `short`, and the yardstick that was
measured in the same run with the ratio to it. A figure that falls short is no error: the exit
code is 0 unless a bench breaks. What a bench cannot do on this machine it says on one line.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from tests.bench import (
    browser,
    budget,
    evaluate,
    ingest,
    memory,
    pacing,
    pages,
    polling,
    rollups,
    scale,
    server,
)
from tests.bench.figure import Figure

# A text among the figures is a remark, printed as it is.
BENCHES: dict[str, Callable[[], Iterable[Figure | str]]] = {
    "ingest": ingest.figures,
    "rollups": rollups.figures,
    "evaluate": evaluate.figures,
    "polling": polling.figures,
    "pacing": pacing.figures,
    "scale": scale.figures,
    "memory": memory.figures,
    "server": server.figures,
    "pages": pages.figures,
    "budget": budget.figures,
    "browser": browser.figures,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names = parser.parse_args().names or list(BENCHES)
    if unknown := set(names) - BENCHES.keys():
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    for name in names:
        print(f"# {name}", flush=True)
        for figure in BENCHES[name]():
            print(figure, flush=True)


if __name__ == "__main__":
    main()
