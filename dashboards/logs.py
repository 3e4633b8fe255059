"""What the web server's log says of refused requests: one line each."""

from __future__ import annotations

import logging


class OneLine(logging.Filter):
    """For `django.request`, which gives every 403 and 404 a traceback and every 503 an ERROR.

    A refusal is no defect of ours. A 503 is how /readyz and /statusz answer whoever watches them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 500)
        if status < 500:
            record.exc_info = None
        if status == 503:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
