"""The part of the control page that says where clients can send to, and what they have sent."""

from __future__ import annotations

import html
from collections import Counter

from cdpwatch.demo import world
from cdpwatch.demo.state import Demo

HEADS = ("Source", "Write key", "Taken", "Turned away")


def table(demo: Demo) -> str:
    """Safe HTML: a row for each source, with its write key and the messages that came."""
    taken, refused = _sums(demo)
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    rows = "".join(_row(source, taken, refused) for source in world.SOURCES)
    intro = (
        "<p>Segment's client libraries can send here too: give them this server's address as their "
        "host and one of these write keys. A call shows in event volume within a minute.</p>"
    )
    lost = f"<p>{refused['']} messages came with a write key that no source has.</p>"
    return (
        f"<h2>Tracking</h2>{intro}<table><caption>Write keys</caption><tr>{head}</tr>{rows}</table>"
        f"{lost if refused[''] else ''}"
    )


def _sums(demo: Demo) -> tuple[Counter[str], Counter[str]]:
    """Messages by source slug: those that were taken, those that were turned away."""
    taken: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for stream in demo.store.arrivals():
        (refused if stream.reason else taken)[stream.source] += stream.calls
    return taken, refused


def _row(source: world.Source, taken: Counter[str], refused: Counter[str]) -> str:
    return (
        f'<tr><th scope="row">{html.escape(source.name)}</th>'
        f"<td><code>{html.escape(source.write_key)}</code></td>"
        f"<td>{taken[source.slug]}</td><td>{refused[source.slug]}</td></tr>"
    )
