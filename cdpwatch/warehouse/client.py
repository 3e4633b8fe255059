"""Google's own client, made for one turn. Only this package imports it, and only when asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.http import Refused, Unauthorized
from cdpwatch.http.exchange import check_url

from .errors import told
from .jobs import Meter, Warehouse
from .keys import Settings

SCOPE = "https://www.googleapis.com/auth/bigquery"  # a read-only scope runs no queries
RETRIES = 60.0  # seconds that the client may go on trying one request
TOKEN_HOST = "googleapis.com"
NOT_A_KEY = (
    "That is no key file of a service account: paste the whole JSON file, from { to }, or name it"
    " in GOOGLE_APPLICATION_CREDENTIALS."
)


def warehouse(
    settings: Settings,
    meter: Meter,
    now: datetime,
    *,
    url: str = "",
    allow_loopback: bool = False,
    ca_file: str = "",
    before_each: Callable[[], object] = lambda: None,
    retries: float = RETRIES,
    sleep: Callable[[float], object] = time.sleep,
) -> Warehouse:
    """A warehouse to ask. `url` (default Google's) without https is an emulator's: no key then.

    `ca_file` holds certificate authorities to trust besides the usual ones.
    `before_each` is called before every request; `retries` is how long (seconds) the client goes
    on trying one; `sleep` waits between two looks at a job. Raises ApiError for a key file that
    is none and an address that we do not call.
    """
    address = url or BIGQUERY.url
    if "://" not in address:
        address = f"http://{address}"  # as Google writes BIGQUERY_EMULATOR_HOST
    check_url(address, "the BigQuery API", allow_loopback=allow_loopback)
    with told(now):
        client = _client(settings, address, allow_loopback=allow_loopback, ca_file=ca_file)
    return Warehouse(
        client, settings, meter, now, before_each=before_each, retries=retries, sleep=sleep
    )


def _client(settings: Settings, address: str, **network: Any) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    from .session import session

    if address.startswith("http://"):  # an emulator asks for no key, and must not be shown ours
        credentials: Any = AnonymousCredentials()  # type: ignore[no-untyped-call]
    else:
        credentials = _credentials(settings.credentials)
    return bigquery.Client(
        settings.project,
        credentials=credentials,
        _http=session(credentials, sign_in=bool(settings.credentials), **network),
        client_options={"api_endpoint": address},
    )


def _credentials(text: str) -> Any:
    """Those of a pasted key file, else what Google's own ways find on this machine."""
    import google.auth
    from google.oauth2 import service_account

    if not text:
        return google.auth.default(scopes=[SCOPE])[0]
    made = service_account.Credentials.from_service_account_info
    try:
        return made(key_of(text), scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except ValueError:  # its private key is none
        raise Unauthorized(NOT_A_KEY) from None


def key_of(text: str) -> dict[str, Any]:
    """The key file, read strictly. Raises Unauthorized for anything else.

    Other kinds of credentials may name programs to run, and `token_uri` any host: not taken.
    """
    try:
        key = json.loads(text)
    except ValueError:
        raise Unauthorized(NOT_A_KEY) from None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise Unauthorized(NOT_A_KEY)
    needed = ("client_email", "private_key", "token_uri")
    if not all(isinstance(key.get(name), str) for name in needed):
        raise Unauthorized(NOT_A_KEY)
    host = check_url(key["token_uri"], "Google's sign-in", allow_loopback=False).host
    if host != TOKEN_HOST and not host.endswith(f".{TOKEN_HOST}"):
        raise Refused("The key file signs in somewhere else than at Google: not used.")
    return key
