"""How templates write numbers, days and states: the spellings of `cdpwatch.wording` as filters.

An unknown value is a dash that says so when pointed at, never a zero and never a blank.
`now` is the page's clock, from its context: `{{ poll.last_good|age:now }}`.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django import template
from django.contrib.messages.storage.base import Message
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cdpwatch import roster, wording
from dashboards import contract

register = template.Library()

# A state is never told by colour alone: it has an icon and a word.
ICONS = {"ok": "✓", "warn": "▲", "bad": "■", "late": "…", "off": "○"}
MESSAGE_STATES = {"success": "ok", "warning": "warn", "error": "bad"}
MINUS = "\u2212"


def _said(text: str) -> str | SafeString:
    """`text`, or a dash with its meaning as title where the text is the dash of the unknown."""
    if text != wording.UNKNOWN:
        return text
    return format_html('<span class="unknown" title="Not known">{}</span>', text)


def _given(value: float | None) -> float | None:
    """A template's missing key arrives as "": it is as unknown as None."""
    return value if isinstance(value, int | float) else None


@register.filter
def calls(count: float | None) -> str:
    """18 800 123, with thin spaces."""
    return _said(wording.exact(_given(count)))


@register.filter
def short(count: float | None) -> str:
    """25.8M, 853k, 412"""
    return _said(wording.short(_given(count)))


@register.filter
def poller(name: str) -> str:
    """Live volume: the title of a poller or counter; of one that is no more, its name."""
    known = roster.everyone().get(name)
    return known.title if known else name.capitalize()


@register.filter
def gib(count: int) -> str:
    """12 GiB, 0.52 GiB: of bytes."""
    return wording.gib(count)


@register.filter
def share(part: float | None, whole: float | None) -> str:
    """47.1%: `part` of `whole`, both in calls."""
    return _said(wording.share(_given(part), _given(whole)))


@register.filter
def percent(value: float | None) -> str:
    """47.1%, from a value of 0 to 100."""
    return _said(wording.share(value, 100))


@register.filter
def signed(percent: float | None) -> str:
    """+14.2%, −0.4%: a change in percent, with a true minus sign."""
    if percent is None:
        return _said(wording.UNKNOWN)
    rounded = round(percent, 1)  # -0.04 is no change, not a small fall
    return f"{'+' if rounded > 0 else MINUS if rounded < 0 else ''}{abs(rounded):.1f}%"


@register.filter
def moved(calls: int | None) -> str:
    """+1.2M, −340, 0: calls more or less than before."""
    if calls is None:
        return _said(wording.UNKNOWN)
    return f"{'+' if calls > 0 else MINUS if calls < 0 else ''}{wording.short(abs(calls))}"


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """1 234.50 USD, with thin spaces; the dash of the unknown where no price was entered."""
    return _said(wording.UNKNOWN if amount is None else contract.money(amount, currency))


@register.filter
def day(value: date | None) -> str:
    """Sun 29 Nov"""
    return _said(wording.day(value))


@register.filter
def moment(value: datetime | None, now: datetime | None = None) -> str:
    """Mon 23 Nov 13:40 UTC; with the year where that is not the year of `now`."""
    return _said(wording.moment(value, now))


@register.filter
def took(started: datetime, finished: datetime) -> str:
    """412 ms, 3 s"""
    return wording.took(finished - started)


@register.filter
def age(then: datetime | None, now: datetime) -> str:
    """41 min, 6 h"""
    return _said(wording.UNKNOWN) if then is None else wording.age(then, now)


@register.filter
def icon(state: str) -> str:
    """The icon of a state; an unheard-of state looks like one that is off."""
    return ICONS.get(state, ICONS["off"])


@register.filter
def message_state(message: Message) -> str:
    """The state in which a one-time message is shown."""
    return MESSAGE_STATES.get(message.level_tag, "off")


# Written here and not in templates of their own: a page has dozens, and each template costs
# more than what it writes.
@register.simple_tag
def badge(state: str, word: str, big: bool = False, live: str = "") -> SafeString:
    """A state as icon, word and colour; `live` is the key under which a refresh replaces it."""
    key = format_html(' data-live="{}" data-live-state="{}"', live, live) if live else ""
    return format_html(
        '<span class="badge{}" data-state="{}"{}>{} {}</span>',
        *(" big" if big else "", state, key, icon(state), word),
    )


@register.simple_tag
def share_bar(percent: float | None) -> SafeString:
    """A part of a whole, 0 to 100, as a bar and as text; the dash of the unknown without a bar."""
    said = _said(wording.share(percent, 100))
    if percent is None:
        return format_html("{}", said)
    bar = '<progress class="bar" max="100" value="{:.2f}" aria-hidden="true"></progress>{}'
    return format_html(bar.replace("{:.2f}", f"{percent:.2f}"), said)
