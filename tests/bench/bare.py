"""The yardstick of the pages: a Django of one view and no middleware, on the same web server.

Run as a file, `python tests/bench/bare.py PORT`: the package would set up another Django.
"""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from cdpwatch import web


def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("ok", ok)]

if __name__ == "__main__":
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])
    django.setup()
    web.run(get_wsgi_application(), "127.0.0.1", int(sys.argv[1]))
