"""How a channel reports that the far side did not take a message."""

from __future__ import annotations


class ChannelError(Exception):
    """The far side did not take the message.

    `permanent` says that the channel must be mended first; else `retry_after` may give the
    seconds that it asked for. `message_only` says that the channel is sound.
    """

    def __init__(
        self,
        said: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        message_only: bool = False,
    ) -> None:
        super().__init__(said)
        self.message_only = message_only
        self.permanent = permanent
        self.retry_after = retry_after
