"""Delivers what waits in the outbox."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.conf import settings

from cdpwatch import alerts, vault
from cdpwatch.channels import CHANNELS, ChannelError
from cdpwatch.failpoints import failpoint
from cdpwatch.models import Delivery

from .lasting import insist, running, stopping

# A send takes 15 s at the longest: each ends well before its lease of a minute does.
MOST = 3
log = logging.getLogger(__name__)


def deliver(now: datetime, *, most: int = MOST) -> int:
    """Send what waits, at most `most` messages. How many were sent."""
    sent, clock = 0, running(now)
    for _ in range(most):
        delivery = None if stopping() else insist(lambda: alerts.claim_due(clock()))
        if delivery is None:
            break
        sent += _send(delivery, now)
    return sent


def _send(delivery: Delivery, now: datetime) -> bool:
    channel = delivery.channel
    try:
        address = vault.slack_webhook(channel.workspace)
        if not address:
            raise ChannelError("No Slack webhook yet: paste one on the Connect page.")
        CHANNELS[channel.kind].send(address, delivery.as_message(), settings.ALLOW_LOOPBACK)
    except (ChannelError, vault.Locked) as error:
        permanent = isinstance(error, ChannelError) and error.permanent
        wait = error.retry_after if isinstance(error, ChannelError) else None
        log.warning("deliver delivery=%d state=failed said=%s", delivery.pk, error)
        note = partial(
            alerts.note_failed,
            delivery,
            str(error),
            now,
            permanent=permanent,
            retry_after=wait,
            stop_channel=not getattr(error, "message_only", False),
        )
        insist(note)
        return False
    failpoint("after send")
    insist(partial(alerts.note_sent, delivery, now))  # else it would be sent again
    log.info("deliver delivery=%d channel=%s state=sent", delivery.pk, channel.kind)
    return True
