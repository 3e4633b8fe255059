"""The web server: waitress, for it holds slow clients off the threads that answer.

One thread reads requests whole, heads and bodies, and writes the answers; a few others run
Django. So hundreds of clients that send a byte a second cost a socket each and nobody waits for
them, which neither gunicorn's threads (slow heads) nor granian (slow bodies) can say.
"""

from __future__ import annotations

import signal
from types import FrameType
from wsgiref.types import WSGIApplication

import waitress
from django.core.wsgi import get_wsgi_application

LARGEST_HEAD = 32 * 1024  # bytes
LARGEST_BODY = 1024 * 1024  # bytes; forms are the largest that pages take
OPTIONS = {
    "threads": 12,  # seven of them may wait for a password to be checked (views/people.py)
    # Below the 1,024 open files that systems allow by default.
    "connection_limit": 800,
    "channel_timeout": 60,  # seconds that an idle connection is kept
    "asyncore_use_poll": True,  # select() ends at 1,024 files
    "max_request_header_size": LARGEST_HEAD,
    "max_request_body_size": LARGEST_BODY,
    # Whether a proxy's X-Forwarded-... are believed is Django's to say (CDPWATCH_HTTPS).
    "clear_untrusted_proxy_headers": False,
    "ident": "",  # no Server header
    "log_socket_errors": False,  # a client that hangs up is no news
}


def serve(host: str, port: int) -> None:
    """Serve the pages until SIGTERM or SIGINT."""
    run(get_wsgi_application(), host, port)


def run(app: WSGIApplication, host: str, port: int) -> None:
    """Serve `app` until told to stop; requests in hand have 5 s to be answered."""
    signal.signal(signal.SIGTERM, _stop)
    waitress.create_server(app, host=host, port=port, **OPTIONS).run()


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit  # out of the server's loop, which then waits for its threads
