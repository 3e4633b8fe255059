"""Slack by incoming webhook: Block Kit within its limits, every foreign word escaped.

Limits (Block Kit reference): 50 blocks, header 150 characters, section text 3,000, 10 fields
of 2,000, context 10 elements. An event name can hold `<!channel>` or a link: `&`, `<` and `>`
are what Slack's markup starts with, so these three are escaped everywhere; `verbatim` keeps Slack
from making mentions and links of plain words (`@channel`, an address).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from cdpwatch import wording
from cdpwatch.http import ApiError, BadPayload, Reply, post_json
from cdpwatch.readings import Message

from .error import ChannelError

HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
HEADER, SECTION, FIELD, MOST_FIELDS = 150, 3000, 2000, 10
# Answers that no retry mends: the webhook or its channel is gone, or may not be used.
PERMANENT = frozenset({400, 401, 403, 404, 410})


def payload(message: Message) -> dict[str, Any]:
    """The webhook's JSON. `text` is what phones and screen readers show."""
    demo = "DEMO · " if message.demo else ""
    title = wording.one_line(message.title)
    head = f"{demo}{message.state} · {message.kind.capitalize()} · {title}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(head, HEADER)}},
        {"type": "section", "text": _mrkdwn(escape(message.consequence), SECTION)},
    ]
    if message.facts:
        fields = [
            _mrkdwn(f"*{escape(label)}*\n{escape(value)}", FIELD)
            for label, value in message.facts[:MOST_FIELDS]
        ]
        blocks.append({"type": "section", "fields": fields})
    link = f"<{message.url}|Open in cdpwatch>"
    blocks.append({"type": "section", "text": _mrkdwn(link, SECTION)})
    blocks.append({"type": "context", "elements": [_mrkdwn(escape(message.footer), FIELD)]})
    text = _cut_markup(escape(f"{head}. {message.consequence}"), SECTION)
    return {"text": text, "blocks": blocks}


def send(address: str, message: Message, allow_loopback: bool) -> None:
    """Post to the webhook at `address`. Raises ChannelError when Slack did not say yes."""
    # A webhook on loopback is the demo's sink; everything else must be Slack itself.
    loopback = allow_loopback and urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")
    hosts = None if loopback else HOSTS
    try:
        reply = post_json(address, payload(message), allow_loopback=loopback, allowed_hosts=hosts)
    except ApiError as error:
        # An answer that cannot be read says nothing of the channel: it may be a passing proxy.
        permanent = error.permanent and not isinstance(error, BadPayload)
        raise ChannelError(str(error), permanent=permanent) from error
    if not 200 <= reply.status < 300:
        raise _refusal(reply)


def _refusal(reply: Reply) -> ChannelError:
    said = cut(reply.text.strip() or "nothing", 200)
    if reply.status == 429:
        return ChannelError("Slack asks us to slow down.", retry_after=reply.retry_after)
    return ChannelError(
        f"Slack answered {reply.status}: {said}",
        permanent=reply.status in PERMANENT,
        message_only=reply.status == 400,
    )


def escape(text: str) -> str:
    """Text that Slack shows as it is, in a line: no link, no mention, no `<!channel>`."""
    return wording.one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """At most `most` characters, with an ellipsis where something was left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cut_markup(text: str, most: int) -> str:
    """Cut text that is escaped already; half an escape at the end would show as letters."""
    return re.sub(r"&\w{0,3}…$", "…", cut(text, most))


def _mrkdwn(text: str, most: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut_markup(text, most), "verbatim": True}
