"""The messages that reached the Slack sink, shown much as Slack shows them.

Message text is untrusted: it is HTML-escaped first, and only then is Slack's own markup (bold,
code, links) put in, so that no text can bring markup of its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any

from cdpwatch.demo.page import render

EMOJI = {
    "rotating_light": "🚨",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "large_green_circle": "🟢",
    "red_circle": "🔴",
    "chart_with_upwards_trend": "📈",
    "bell": "🔔",
    "eyes": "👀",
}
# In escaped text: a code block, code, a link, a mention. What Slack's own escapes (&lt;) stood for
# is &amp;lt; by now and does not match.
TOKENS = re.compile(
    r"```(?P<block>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|&lt;(?P<url>https?://[^\s|]+?)(?:\|(?P<label>.+?))?&gt;"
    r"|&lt;!(?P<mention>here|channel|everyone)&gt;",
    re.DOTALL,
)
STYLES = (
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<!\w)_([^_\n]+)_(?!\w)"), r"<i>\1</i>"),
    (re.compile(r"(?<!\w)~([^~\n]+)~(?!\w)"), r"<s>\1</s>"),
)
STASHED = re.compile("\x00(\\d+)\x00")


def render_page(messages: list[dict[str, Any]]) -> str:
    shown = "".join(_message(row) for row in messages)
    empty = "<p>No message has arrived yet. Those that do are shown here, newest first.</p>"
    clear = '<form method="post" action="/slack/clear"><button>Clear</button></form>'
    links = '<p><a href="/_demo">Demo control</a> · <a href="/slack/messages.json">JSON</a></p>'
    return render("Slack messages", links + (clear + shown if messages else empty))


def mrkdwn(text: str) -> str:
    """Slack's markup as safe HTML."""
    stash: list[str] = []

    def put_away(match: re.Match[str]) -> str:
        stash.append(_token(match))
        return f"\x00{len(stash) - 1}\x00"

    shown = TOKENS.sub(put_away, html.escape(text.replace("\x00", "")))
    for pattern, replacement in STYLES:
        shown = pattern.sub(replacement, shown)
    shown = _emoji(_unescape(shown)).replace("\n", "<br>")
    return STASHED.sub(lambda match: stash[int(match[1])], shown)


def plain(text: str) -> str:
    """A plain_text object's text as safe HTML."""
    return _emoji(html.escape(text))


def _token(match: re.Match[str]) -> str:
    if match["block"] is not None:
        return f"<pre>{_unescape(match['block'].strip())}</pre>"
    if match["code"] is not None:
        return f"<code>{_unescape(match['code'])}</code>"
    if match["mention"] is not None:
        return f"<b>@{match['mention']}</b>"
    url = _unescape(match["url"])
    label = url if match["label"] is None else _unescape(match["label"])
    return f'<a href="{url}" rel="noreferrer">{label}</a>'


def _unescape(escaped: str) -> str:
    """Slack's three escapes, once undone: what was sent as &lt; shows as a less-than sign."""
    return re.sub(r"&amp;(lt|gt|amp);", r"&\1;", escaped)


def _emoji(text: str) -> str:
    return re.sub(r":(\w+):", lambda match: EMOJI.get(match[1], match[0]), text)


def _message(row: Mapping[str, Any]) -> str:
    message = row["message"]
    attached = [block for part in _dicts(message.get("attachments")) for block in _blocks(part)]
    blocks = _blocks(message) + attached
    body = "".join(_block(block) for block in blocks) or f"<p>{mrkdwn(message.get('text', ''))}</p>"
    at = f"{row['at'][:16].replace('T', ' ')} UTC"
    return f'<article class="message"><p class="muted">{html.escape(at)}</p>{body}</article>'


def _blocks(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _dicts(part.get("blocks"))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _block(block: dict[str, Any]) -> str:
    draw = BLOCKS.get(str(block.get("type")))
    return draw(block) if draw else ""


def _header(block: dict[str, Any]) -> str:
    return f"<h2>{_text(block.get('text'))}</h2>"


def _section(block: dict[str, Any]) -> str:
    text = f"<p>{_text(block.get('text'))}</p>" if block.get("text") else ""
    fields = "".join(f"<div>{_text(field)}</div>" for field in _dicts(block.get("fields")))
    accessory = "".join(_button(part) for part in _dicts([block.get("accessory")]))
    return text + (f'<div class="fields">{fields}</div>' if fields else "") + accessory


def _context(block: dict[str, Any]) -> str:
    parts = " ".join(_text(part) for part in _dicts(block.get("elements")))
    return f'<p class="muted">{parts}</p>'


def _actions(block: dict[str, Any]) -> str:
    return f"<p>{' '.join(_button(part) for part in _dicts(block.get('elements')))}</p>"


def _divider(block: dict[str, Any]) -> str:
    return "<hr>"


def _button(button: dict[str, Any]) -> str:
    label, url = _text(button.get("text")), str(button.get("url", ""))
    if url.startswith(("https://", "http://")):
        return f'<a class="button" href="{html.escape(url)}" rel="noreferrer">{label}</a>'
    return f'<span class="button">{label}</span>'


def _text(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    text = str(value.get("text", ""))
    return mrkdwn(text) if value.get("type") == "mrkdwn" else plain(text)


BLOCKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
}
