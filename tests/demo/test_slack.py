"""The Slack sink: what it takes, what it refuses, and that it shows text as text."""

from __future__ import annotations

from typing import Any

import pytest

from cdpwatch.demo.slack import HOOK_PATH
from cdpwatch.demo.slack_page import mrkdwn
from tests.demo.conftest import World

EVIL = "<script>alert(1)</script>"
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": f"Leak {EVIL}"}},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": f"*{EVIL}* `{EVIL}` <https://a.example/?q={EVIL}|x>"},
        "fields": [{"type": "mrkdwn", "text": EVIL}, {"type": "mrkdwn", "text": "*12 000*\ncalls"}],
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": EVIL}]},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "Open"},
                "url": "https://cdpwatch.example/?a=1&b=2",
            },
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "Bad"},
                "url": "javascript:alert(1)",
            },
        ],
    },
    {"type": "divider"},
]


def test_it_keeps_a_message_and_answers_ok(world: World) -> None:
    reply = world.http.post(HOOK_PATH, json={"text": "first"})
    assert (reply.status_code, reply.text) == (200, "ok")
    assert reply.headers["Content-Type"].startswith("text/plain")
    world.http.post(HOOK_PATH, json={"text": "second"})
    kept = world.http.get("/slack/messages.json").json()
    assert [row["message"]["text"] for row in kept] == ["second", "first"]


@pytest.mark.parametrize(
    "message",
    [
        [],
        {},
        {"text": ""},
        {"text": 5},
        {"blocks": "none"},
        {"blocks": [{"type": "divider"}] * 51},
        {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]},
        {"blocks": [{"type": "section"}]},
        {"blocks": ["text"]},
    ],
)
def test_it_refuses_what_slack_refuses(world: World, message: object) -> None:
    reply = world.http.post(HOOK_PATH, json=message)
    assert (reply.status_code, reply.text) == (400, "invalid_payload")
    assert world.http.get("/slack/messages.json").json() == []


def test_it_refuses_what_is_not_json(world: World) -> None:
    assert world.http.post(HOOK_PATH, content=b"{").text == "invalid_payload"


def test_it_takes_messages_at_the_limits(world: World) -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}},
        *[{"type": "divider"}] * 48,
    ]
    assert world.http.post(HOOK_PATH, json={"blocks": blocks}).text == "ok"


def test_it_knows_no_other_webhook(world: World) -> None:
    reply = world.http.post("/slack/services/T000DEMO/B000DEMO/other", json={"text": "x"})
    assert (reply.status_code, reply.text) == (404, "no_service")


def test_it_keeps_nothing_while_it_fails(world: World) -> None:
    world.http.post("/_demo/faults", json={"path_prefix": "/slack", "kind": "500"})
    assert world.http.post(HOOK_PATH, json={"text": "x"}).status_code == 500
    assert world.http.get("/slack/messages.json").json() == []


def test_it_shows_markup_in_messages_as_text(world: World) -> None:
    world.http.post(HOOK_PATH, json={"text": "x", "blocks": BLOCKS})
    page = world.http.get("/slack").text
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 5
    assert 'href="javascript' not in page
    assert 'href="https://cdpwatch.example/?a=1&amp;b=2"' in page
    assert "<b>12 000</b><br>calls" in page


def test_it_shows_plain_text_and_attachments(world: World) -> None:
    world.http.post(HOOK_PATH, json={"text": f"plain {EVIL}"})
    world.http.post(HOOK_PATH, json={"attachments": [{"color": "#f00", "blocks": BLOCKS[:1]}]})
    page = world.http.get("/slack").text
    assert page.index("<h2>Leak &lt;script&gt;") < page.index("plain &lt;script&gt;")


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_it_forgets_messages_when_told(world: World, method: str) -> None:
    world.http.post(HOOK_PATH, json={"text": "x"})
    assert world.http.request(method, "/slack/clear").status_code < 400
    assert "No message has arrived yet" in world.http.get("/slack").text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*bold* _it_ ~no~", "<b>bold</b> <i>it</i> <s>no</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`*code*`", "<code>*code*</code>"),
        ("```\na\n```", "<pre>a</pre>"),
        ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
        ("&amp;lt;", "&amp;lt;"),
        (
            "*<https://x.example/a_b_c|the page>*",
            '<b><a href="https://x.example/a_b_c" rel="noreferrer">the page</a></b>',
        ),
        (
            "<https://x.example/?a=1&amp;b=2>",
            '<a href="https://x.example/?a=1&amp;b=2" rel="noreferrer">'
            "https://x.example/?a=1&amp;b=2</a>",
        ),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        (
            '<https://x.example/" onclick="y|z>',
            "&lt;https://x.example/&quot; onclick=&quot;y|z&gt;",
        ),
        ("<!here> :warning:", "<b>@here</b> ⚠️"),
        ("\x000\x00 `a`", "0 <code>a</code>"),
    ],
)
def test_it_turns_slack_markup_into_safe_html(text: str, shown: str) -> None:
    assert mrkdwn(text) == shown
