"""What the log says: one line a message, also of a refused request."""

from __future__ import annotations

import logging

from cdpwatch.wording import one_line


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


class Line(logging.Formatter):
    """A message in a line of its own: a name that holds a line break forges no other.

    A traceback follows in lines of its own.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        return one_line(super().formatMessage(record))
