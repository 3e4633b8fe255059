"""The only maker of HTTP clients: Segment's API, vendors' and webhooks go out through here.

    ApiError                 .permanent: asking again does not help; .retry_after: seconds or None
      Unreachable            transient  refused, unknown name, TLS, timeout, answer broken off
      RateLimited            transient  429
      ServerError            transient  5xx
      Unauthorized           permanent  401, 403, a token that cannot be one
      NotFound               permanent  404
      Refused                permanent  other 4xx, a redirect, an address that we do not call
      BadPayload             permanent  not JSON, wrong shape, a list without end, too many bytes
        NoRowTaken           permanent  a list of which every row was wrong

The message of each is a sentence for people. It holds no token, no webhook URL and no value
from an answer, only the server's own error message, shortened.

    errors.py    the tree above
    network.py   which addresses may be called; one deadline for a whole request
    exchange.py  one request, its answer read up to a cap, failures turned into the tree
    status.py    what a status outside 2xx means, how long to wait
    payload.py   strict JSON and strict fields
    paging.py    lists in pages, bounded, read again when they moved
    sample.py    what may be shown of a row that was not taken
    asker.py     what both kinds of API share: hooks, pace, retries, rows taken and rejected
    api.py       Segment's token, envelope and pages
    vendor.py    a vendor's JSON, with headers of its own
    webhook.py   one JSON POST
"""

from __future__ import annotations

from cdpwatch.http.api import Api, segment
from cdpwatch.http.errors import (
    ApiError,
    BadPayload,
    NoRowTaken,
    NotFound,
    RateLimited,
    Refused,
    ServerError,
    Unauthorized,
    Unreachable,
)
from cdpwatch.http.payload import Fields, iso_utc, whole
from cdpwatch.http.sample import sample_of
from cdpwatch.http.vendor import JsonApi, vendor
from cdpwatch.http.webhook import Reply, post_json

__all__ = [
    "Api",
    "ApiError",
    "BadPayload",
    "Fields",
    "JsonApi",
    "NoRowTaken",
    "NotFound",
    "RateLimited",
    "Refused",
    "Reply",
    "ServerError",
    "Unauthorized",
    "Unreachable",
    "iso_utc",
    "post_json",
    "sample_of",
    "segment",
    "vendor",
    "whole",
]
