"""A Slack incoming webhook: checks a message as Slack does, keeps it, answers `ok`."""

from __future__ import annotations

import json
from typing import Any

from cdpwatch.demo.slack_page import render_page
from cdpwatch.demo.state import Demo
from cdpwatch.demo.web import HTML, Reply, Request, as_json, as_redirect, as_text

SECRET = "demo"
HOOK_PATH = f"/slack/services/T000DEMO/B000DEMO/{SECRET}"

MAX_BLOCKS, MAX_HEADER, MAX_SECTION, MAX_FIELDS, MAX_FIELD = 50, 150, 3_000, 10, 2_000


def answer(demo: Demo, request: Request) -> Reply:
    """The reply to any request below /slack."""
    if request.path.startswith("/slack/services/"):
        return _receive(demo, request)
    if request.method == "GET" and request.path == "/slack/messages.json":
        return as_json(demo.store.messages())
    if request.method == "GET" and request.path == "/slack":
        return Reply(200, render_page(demo.store.messages()).encode(), HTML)
    if request.method in ("POST", "DELETE") and request.path == "/slack/clear":
        demo.store.clear_messages()
        return as_redirect("/slack") if request.method == "POST" else as_json({"cleared": True})
    return as_text("not_found", 404)


def _receive(demo: Demo, request: Request) -> Reply:
    if request.method != "POST" or request.path != HOOK_PATH:
        return as_text("no_service", 404)
    try:
        message = json.loads(request.body)
    except ValueError:
        return as_text("invalid_payload", 400)
    if not is_valid(message):
        return as_text("invalid_payload", 400)
    demo.store.add_message(demo.clock(), message)
    return as_text("ok")


def is_valid(message: object) -> bool:
    """An object with a text or blocks, within Slack's limits."""
    if not isinstance(message, dict) or not isinstance(message.get("text", ""), str):
        return False
    blocks = message.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > MAX_BLOCKS:
        return False
    spoken = bool(message.get("text") or blocks or message.get("attachments"))
    return spoken and all(_is_valid_block(block) for block in blocks)


def _is_valid_block(block: object) -> bool:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    if block["type"] == "header":
        return _is_text(block.get("text"), MAX_HEADER)
    if block["type"] == "section":
        return _is_valid_section(block)
    return True


def _is_valid_section(block: dict[str, Any]) -> bool:
    text, fields = block.get("text"), block.get("fields", [])
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS:
        return False
    text_is_fine = _is_text(text, MAX_SECTION) if text is not None else bool(fields)
    return text_is_fine and all(_is_text(field, MAX_FIELD) for field in fields)


def _is_text(value: object, longest: int) -> bool:
    text = value.get("text") if isinstance(value, dict) else None
    return isinstance(text, str) and 0 < len(text) <= longest
