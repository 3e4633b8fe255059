"""Numbers and times in words, at the edges where a unit turns into the next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from cdpwatch import wording
from tests.factories import NOW


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (0, "0"),
        (412, "412"),
        (1_000, "1k"),
        (9_949, "9.9k"),
        (9_950, "10k"),
        (853_200, "853k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (25_840_000, "25.8M"),
        (40_000_000, "40M"),
        (-2_500, "-2.5k"),
        (None, "–"),
    ],
)
def test_it_shortens_calls(calls: float | None, said: str) -> None:
    assert wording.short(calls) == said


def test_it_writes_calls_out_with_thin_spaces() -> None:
    assert wording.exact(18_800_123) == "18\u2009800\u2009123"
    assert wording.exact(None) == "–"


def test_it_writes_few_bytes_with_two_digits() -> None:
    assert [wording.gib(n) for n in (0, 2**29, 10 * 2**30)] == ["0.00 GiB", "0.50 GiB", "10 GiB"]
    assert wording.gib(2**40) == "1\u2009024 GiB"


def test_it_names_the_unit_of_a_span_once_where_both_ends_share_it() -> None:
    assert wording.span_of_calls(41_800_000, 44_600_000) == "41.8–44.6M"
    assert wording.span_of_calls(950_000, 1_200_000) == "950k–1.2M"
    assert wording.span_of_calls(10, 20) == "10–20"


def test_it_never_rounds_a_small_share_to_nothing() -> None:
    assert wording.share(18_840_000, 40_000_000) == "47.1%"
    assert wording.share(12_000, 40_000_000) == "0.03%"
    assert wording.share(0, 40_000_000) == "0.0%"
    assert wording.share(1, None) == wording.share(None, 1) == wording.share(1, 0) == "–"


def test_it_calls_only_what_has_happened_certain() -> None:
    said = [wording.chance(value) for value in (0.0, 0.009, 0.5, 0.991, 1.0, None)]
    assert said == ["under 1%", "under 1%", "50%", "over 99%", "certain", "–"]


def test_it_writes_days_and_moments() -> None:
    assert wording.day(date(2026, 11, 29)) == "Sun 29 Nov"
    assert wording.moment(NOW) == "Wed 18 Nov 12:05 UTC"
    assert wording.day(None) == wording.moment(None) == wording.moment(None, NOW) == "–"


def test_it_writes_the_year_of_a_moment_in_another_one() -> None:
    assert wording.moment(NOW, NOW) == "Wed 18 Nov 12:05 UTC"
    assert wording.moment(datetime(2025, 1, 2, 10, tzinfo=UTC), NOW) == "Thu 2 Jan 2025 10:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 ms"), (0.0004, "0 ms"), (0.9994, "999 ms"), (1, "1 s"), (90, "2 min")],
)
def test_it_says_how_long_something_took_below_a_second_too(seconds: float, said: str) -> None:
    assert wording.took(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=41), "41 min"),
        (timedelta(hours=6), "6 h"),
        (timedelta(days=9), "9 d"),
    ],
)
def test_it_gives_a_length_in_one_unit(span: timedelta, said: str) -> None:
    assert wording.length(span) == said


def test_it_tells_ages_and_plurals() -> None:
    assert wording.age(NOW - timedelta(minutes=3), NOW) == "3 min"
    assert wording.age(None, NOW) == "never"
    assert [wording.plural(n, "day") for n in (0, 1, 2)] == ["0 days", "1 day", "2 days"]


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        ("Prod - Café\u0301 東京 🚀", "Prod - Café\u0301 東京 🚀"),
        ("a\r\nb\tc\0d", "a b c d"),
        ("\u202eexe.png\u2066", " exe.png "),
        ("\x1b[31mred\x9b", " [31mred "),
    ],
)
def test_it_keeps_foreign_words_in_a_line(foreign: str, said: str) -> None:
    assert wording.one_line(foreign) == said
