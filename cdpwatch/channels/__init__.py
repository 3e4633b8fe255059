"""Channels send: one module each, `send(address, message, allow_loopback)`.

A message is frozen into the outbox when its step happens, so that a late one still says what
was true then; each channel writes it in its own markup and within its own limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cdpwatch.readings import Message

from . import slack
from .error import ChannelError


class Channel(NamedTuple):
    title: str
    send: Callable[[str, Message, bool], None]  # address, message, allow_loopback


CHANNELS: dict[str, Channel] = {
    "slack": Channel("Slack", slack.send),
}

__all__ = ["CHANNELS", "Channel", "ChannelError"]
