"""Forms of the what-if page. They are sent by GET: what they ask for becomes the page's address."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django import forms
from django.http import QueryDict

from cdpwatch import wording
from cdpwatch.books.whatif import Traffic
from cdpwatch.budget.scenario import LAUNCH, MOST_CALLS, MOST_TIMES, SLICES, Change, Slice

OFFERED = 200  # names of each kind, those with most calls
KINDS = {"app": "Apps", "source": "Sources", "event": "Events", "call_type": "Call types"}


def day_field() -> forms.DateField:
    return forms.DateField(
        label="From",
        help_text="The first UTC day. Days before today stay as they were counted.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class SliceForm(forms.Form):
    """Switch a slice of the traffic off, or scale it."""

    slice = forms.ChoiceField(label="Traffic")
    percent = forms.FloatField(
        label="Percent of what it is now",
        min_value=0,
        max_value=100 * MOST_TIMES,
        help_text="0 switches it off, 50 is half, 200 twice as much.",
    )
    since = day_field()

    def __init__(
        self, traffic: Traffic, data: QueryDict | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, auto_id="slice_%s", initial=initial)
        field = self.fields["slice"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices(traffic)

    def change(self) -> Change:
        """The change that the filled form asks for. Raises BadScenario."""
        what, _, key = self.cleaned_data["slice"].partition(":")
        return Change(what, key, self.cleaned_data["percent"] / 100, self.cleaned_data["since"])


class LaunchForm(forms.Form):
    """Add something that is not there yet."""

    name = forms.CharField(label="Launch", max_length=100)
    per_day = forms.FloatField(label="Calls a day that it adds", min_value=0, max_value=MOST_CALLS)
    since = day_field()

    def __init__(
        self, data: QueryDict | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, auto_id="launch_%s", initial=initial)

    def change(self) -> Change:
        """The change that the filled form asks for. Raises BadScenario."""
        given = self.cleaned_data
        return Change(LAUNCH, wording.one_line(given["name"]), given["per_day"], given["since"])


def choices(traffic: Traffic) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be changed, by kind, the most calls first, each with its calls a day."""
    found = []
    for what in SLICES:
        calls: Counter[str] = Counter()
        for row in traffic.slices:
            calls[row.named(what)] += row.calls
        offered = [
            (f"{what}:{key}", f"{named(what, key, traffic)}, {_a_day(calls[key], traffic)}")
            for key, _ in calls.most_common(OFFERED)
            if key
        ]
        found.append((KINDS[what], offered))
    return found


def named(what: str, key: str, traffic: Traffic) -> str:
    """How people call a slice: a source by its name, the rest by their keys."""
    return wording.one_line(traffic.names.get(key, key) if what == "source" else key)


def _a_day(calls: int, traffic: Traffic) -> str:
    return f"{wording.short(calls / max(1, traffic.days))} a day"


def told(change: Change, traffic: Traffic) -> str:
    """A change in a sentence: 'Source Prod - Web is off from Tue 1 Dec.'"""
    since = f"from {wording.day(change.since)} {change.since.year}"
    if change.what == LAUNCH:
        return f"{change.key} adds {wording.short(change.amount)} calls a day {since}."
    kind = KINDS[change.what].removesuffix("s")
    name = f"{kind} {named(change.what, change.key, traffic)}"
    if not any(_hit(change, row) for row in traffic.slices):
        return f"{name} had no calls lately, so this changes nothing."
    if change.amount == 0:
        return f"{name} is off {since}."
    return f"{name} is at {100 * change.amount:g}% {since}."


def _hit(change: Change, row: Slice) -> bool:
    return row.named(change.what) == change.key
