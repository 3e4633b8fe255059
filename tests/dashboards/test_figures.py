"""Numbers, days and states as templates write them."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from django.template import Context, Template

NOW = datetime(2026, 11, 23, 13, 40, tzinfo=UTC)
DASH = '<span class="unknown" title="Not known">–</span>'


def rendered(source: str, **context: object) -> str:
    return Template("{% load figures %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("written", "value", "read"),
    [
        ("value|calls", 18_800_123, "18\u2009800\u2009123"),
        ("value|calls", 0, "0"),
        ("value|short", 25_812_000, "25.8M"),
        ("value|short", 853_012, "853k"),
        ("value|short", 412, "412"),
        ("value|short", 0, "0"),
        ("value|share:40000000", 18_840_000, "47.1%"),
        ("value|percent", 47.1, "47.1%"),
        ("value|percent", 0, "0.0%"),
        ("value|signed", 14.24, "+14.2%"),
        ("value|signed", -0.4, "\u22120.4%"),
        ("value|signed", -0.04, "0.0%"),
        ("value|day", date(2026, 11, 29), "Sun 29 Nov"),
        ("value|moment", NOW, "Mon 23 Nov 13:40 UTC"),
        ("value|age:now", datetime(2026, 11, 23, 12, 59, tzinfo=UTC), "41 min"),
        ("value|age:now", datetime(2026, 11, 23, 7, 40, tzinfo=UTC), "6 h"),
    ],
)
def test_it_spells_a_value(written: str, value: object, read: str) -> None:
    assert rendered("{{ " + written + " }}", value=value, now=NOW) == read


@pytest.mark.parametrize(
    "filtered",
    ["calls", "short", "share:40", "percent", "signed", "day", "moment", "age:now"],
)
def test_it_says_that_a_value_is_unknown(filtered: str) -> None:
    assert rendered("{{ value|" + filtered + " }}", value=None, now=NOW) == DASH


def test_it_knows_no_share_of_an_allowance_that_nobody_entered() -> None:
    assert rendered("{{ 5|share:allowance }}", allowance=None) == DASH


@pytest.mark.parametrize(
    ("state", "icon"), [("ok", "✓"), ("warn", "▲"), ("bad", "■"), ("late", "…"), ("off", "○")]
)
def test_it_tells_a_state_by_icon_and_word(state: str, icon: str) -> None:
    html = rendered("{% badge state 'Billed' %}", state=state)
    assert f'data-state="{state}"' in html
    assert f"{icon} Billed" in html


def test_it_escapes_the_word_of_a_badge() -> None:
    assert "<script>" not in rendered("{% badge 'ok' word %}", word="<script>")


@pytest.mark.parametrize(("level", "state"), [("error", "bad"), ("success", "ok"), ("info", "off")])
def test_it_shows_a_message_in_its_state(level: str, state: str) -> None:
    message = SimpleNamespace(level_tag=level)
    assert rendered("{{ message|message_state }}", message=message) == state
