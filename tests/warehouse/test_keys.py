"""Which key files are taken, and which address is called."""

from __future__ import annotations

import json

import pytest

from cdpwatch.http import ApiError, Refused, Unauthorized
from cdpwatch.warehouse import Meter, settings_of, warehouse
from cdpwatch.warehouse.client import key_of
from tests.factories import NOW

KEY = {
    "type": "service_account",
    "client_email": "cdpwatch@demo-project.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def opening(url: str, credentials: str = "") -> ApiError:
    settings = settings_of({"project": "demo-project", "credentials": credentials})
    with pytest.raises(ApiError) as e:
        warehouse(settings, Meter(lambda: 0, lambda note: None), NOW, url=url)
    return e.value


def test_it_takes_the_key_file_of_a_service_account() -> None:
    assert key_of(json.dumps(KEY)) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        json.dumps({**KEY, "type": "external_account"}),
        json.dumps({**KEY, "private_key": None}),
    ],
)
def test_it_takes_no_other_kind_of_key(text: str) -> None:
    with pytest.raises(Unauthorized, match="no key file of a service account"):
        key_of(text)


@pytest.mark.parametrize(
    "address",
    ["https://example.com/token", "http://oauth2.googleapis.com", "https://evilgoogleapis.com"],
)
def test_it_signs_in_at_google_alone(address: str) -> None:
    with pytest.raises(Refused):
        key_of(json.dumps({**KEY, "token_uri": address}))


def test_it_says_that_a_key_is_none_without_repeating_it() -> None:
    error = opening("", json.dumps(KEY))
    assert isinstance(error, Unauthorized)
    assert "BEGIN" not in str(error)


def test_it_calls_no_address_of_this_machine_unless_allowed() -> None:
    assert isinstance(opening("127.0.0.1:9050"), Refused)
