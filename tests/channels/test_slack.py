"""Slack messages: within Block Kit's limits, escaped, and the webhook's URL kept to itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from cdpwatch.channels import CHANNELS, ChannelError
from cdpwatch.channels.slack import cut, escape, payload, send
from cdpwatch.demo.slack import is_valid
from cdpwatch.readings import Message
from tests.conftest import DemoWorkspace

MESSAGE = Message(
    state="OPEN",
    kind="leak",
    severity="critical",
    title="Prod - Application: page calls that must not be tracked",
    consequence="6k calls so far.",
    facts=(("Since", "Wed 18 Nov 06:05 UTC"), ("Per day", "about 24k calls")),
    footer="as of Wed 18 Nov 12:05 UTC · alert 7",
    url="http://127.0.0.1:8000/alerts/7/",
    demo=False,
)
SECRET = "B000/very-secret-hook"


def texts(value: Any) -> Iterator[str]:
    """Every text of a payload, in order."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        yield value
    elif not isinstance(value, bool):
        for part in value:
            yield from texts(part)


def mrkdwn(text: str) -> dict[str, object]:
    """A text in which Slack looks for nothing but what is marked: no `@channel`, no address."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def test_it_says_everything_in_blocks() -> None:
    assert payload(MESSAGE) == {
        "text": "OPEN · Leak · Prod - Application: page calls that must not be tracked. "
        "6k calls so far.",
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": "OPEN · Leak · Prod - Application: page calls that must not be tracked",
                },
            },
            {"type": "section", "text": mrkdwn("6k calls so far.")},
            {
                "type": "section",
                "fields": [
                    mrkdwn("*Since*\nWed 18 Nov 06:05 UTC"),
                    mrkdwn("*Per day*\nabout 24k calls"),
                ],
            },
            {
                "type": "section",
                "text": mrkdwn("<http://127.0.0.1:8000/alerts/7/|Open in cdpwatch>"),
            },
            {
                "type": "context",
                "elements": [mrkdwn("as of Wed 18 Nov 12:05 UTC · alert 7")],
            },
        ],
    }


def test_it_stays_within_slacks_limits() -> None:
    huge = replace(
        MESSAGE,
        title="&" * 400,
        consequence="<" * 4_000,
        facts=tuple(("&" * 90, ">" * 3_000) for _ in range(14)),
        footer="f" * 4_000,
    )
    blocks = payload(huge)["blocks"]
    assert is_valid(payload(huge))
    assert len(blocks[0]["text"]["text"]) == 150
    assert len(blocks[1]["text"]["text"]) <= 3_000
    assert len(blocks[2]["fields"]) == 10
    assert max(len(field["text"]) for field in blocks[2]["fields"]) <= 2_000


def test_it_leaves_out_an_empty_list_of_facts() -> None:
    bare = payload(replace(MESSAGE, facts=()))
    assert is_valid(bare)
    assert len(bare["blocks"]) == 4


@pytest.mark.parametrize("foreign", ["<!channel>", "<https://evil.test|Open>", "<@U123> & co"])
def test_it_shows_foreign_words_as_words(foreign: str) -> None:
    hostile = replace(
        MESSAGE,
        title=foreign,
        consequence=foreign,
        facts=((foreign, foreign),),
        footer=foreign,
    )
    made = payload(hostile)
    made["blocks"][0] = {}  # plain text, where nothing is markup
    opened = [text for text in texts(made) if "<" in text]
    assert opened == [f"<{MESSAGE.url}|Open in cdpwatch>"]
    assert escape(foreign) in made["text"]


def test_it_escapes_what_slacks_markup_starts_with() -> None:
    assert escape("<!channel> & co") == "&lt;!channel&gt; &amp; co"


def test_it_cuts_no_escape_in_two() -> None:
    text = payload(replace(MESSAGE, consequence="&" * 4_000))["blocks"][1]["text"]["text"]
    assert text.removesuffix("…").replace("&amp;", "") == ""
    assert (cut("abcdef", 6), cut("abcdef", 5)) == ("abcdef", "abcd…")


def test_it_lets_no_name_begin_a_line_or_turn_one_round() -> None:
    forged = "x\n*Since*\nnever \u202egnp.exe\0"
    made = payload(replace(MESSAGE, title=forged, consequence=forged, facts=((forged, forged),)))
    told = "".join(texts(made))
    assert told.count("\n") == 1  # ours, below the label
    assert not {"\u202e", "\0"} & set(told)


def test_it_marks_the_demo() -> None:
    made = payload(replace(MESSAGE, demo=True))
    assert made["text"].startswith("DEMO · OPEN")
    assert made["blocks"][0]["text"]["text"].startswith("DEMO · OPEN")
    assert "DEMO" not in json.dumps(payload(MESSAGE))


# --- sending ----------------------------------------------------------------------------------
@contextmanager
def answering(status: int, body: bytes = b"", **headers: str) -> Iterator[str]:
    """A webhook on loopback that always gives this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
        finally:
            server.shutdown()
            thread.join()


def refused(address: str, *, loopback: bool = True) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        send(address, MESSAGE, loopback)
    error = raised.value
    assert SECRET not in f"{error!r} {error} {error.__cause__!r}"
    return error


def test_it_posts_what_slack_accepts(demo: DemoWorkspace) -> None:
    base = str(demo.http.base_url).rstrip("/")
    send(f"{base}/slack/services/T000DEMO/B000DEMO/demo", MESSAGE, True)
    assert demo.messages == [payload(MESSAGE)]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_it_knows_answers_that_no_retry_mends(status: int) -> None:
    with answering(status, b"no_service") as address:
        error = refused(address)
    assert (error.permanent, str(error)) == (True, f"Slack answered {status}: no_service")


@pytest.mark.parametrize("status", [302, 500, 503])
def test_it_takes_no_other_answer_for_a_yes(status: int) -> None:
    with answering(status, b"x" * 900) as address:
        error = refused(address)
    assert not error.permanent
    assert len(str(error)) < 300


def test_it_hears_how_long_to_wait() -> None:
    with answering(429, Retry_After="42") as address:
        error = refused(address)
    assert (error.permanent, error.retry_after) == (False, 42)


def test_it_tries_again_where_nobody_answers() -> None:
    assert not refused(f"http://127.0.0.1:9/services/{SECRET}").permanent


@pytest.mark.parametrize(
    "address",
    [
        f"https://example.com/services/{SECRET}",
        f"https://hooks.slack.com.evil.test/services/{SECRET}",
        f"http://hooks.slack.com/services/{SECRET}",
        f"http://127.0.0.1:9/services/{SECRET}",
        f"ftp://hooks.slack.com/{SECRET}",
        SECRET,
    ],
)
def test_it_posts_to_slack_only(address: str) -> None:
    assert refused(address, loopback=False).permanent


def test_it_is_registered() -> None:
    assert CHANNELS["slack"].send is send
