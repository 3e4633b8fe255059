"""Forms of the what-if page: a row for each change. They are sent by GET and become its address."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.http import QueryDict

from cdpwatch import wording
from cdpwatch.books.whatif import Traffic
from cdpwatch.budget.scenario import (
    LAUNCH,
    MOST_CALLS,
    MOST_CHANGES,
    MOST_TIMES,
    SLICES,
    BadScenario,
    Change,
    read,
    to_query,
)
from dashboards.contract_forms import day_field

OFFERED = 200  # names of each kind, those with most calls
KINDS = {"app": "Apps", "source": "Sources", "event": "Events", "call_type": "Call types"}
Choices = list[tuple[str, list[tuple[str, str]]]]


class ChangeForm(forms.Form):
    """What both rows share: a day, and that an empty row is no change."""

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["since"].initial = today

    @property
    def first_day(self) -> date:
        return self.cleaned_data["since"] or self.today


class SliceForm(ChangeForm):
    """Switch a slice of the traffic off, or scale it."""

    slice = forms.ChoiceField(label="Traffic", required=False)
    percent = forms.FloatField(
        label="Percent of now",
        min_value=0,
        max_value=100 * MOST_TIMES,
        required=False,
        initial=0,
        widget=forms.NumberInput(attrs={"step": "any"}),
        error_messages={"invalid": "Enter a number: 0 switches it off."},
    )
    since = day_field("From", required=False)

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["slice"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Choose…"), *choices]

    def change(self) -> Change | None:
        """The change that the filled row asks for. Raises BadScenario."""
        what, _, key = self.cleaned_data.get("slice", "").partition(":")
        percent = self.cleaned_data.get("percent")
        if not what:
            return None
        if percent is None:
            raise BadScenario("Say how many percent are left: 0 switches it off.")
        return Change(what, key, percent / 100, self.first_day)


class LaunchForm(ChangeForm):
    """Add something that is not there yet."""

    name = forms.CharField(label="Launch", max_length=100, required=False)
    per_day = forms.FloatField(
        label="Calls a day on top",
        min_value=0,
        max_value=MOST_CALLS,
        required=False,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    since = day_field("From", required=False)

    def change(self) -> Change | None:
        """The change that the filled row asks for; without a number it asks for none."""
        name, per_day = self.cleaned_data.get("name"), self.cleaned_data.get("per_day")
        if per_day is None:
            return None
        return Change(LAUNCH, wording.one_line(name or "") or "Launch", per_day, self.first_day)


class Rows:
    """All rows of a page: as its form was sent, else as the changes of its address fill them."""

    def __init__(
        self, sent: QueryDict, changes: Sequence[Change], traffic: Traffic, today: date
    ) -> None:
        self.sent = "s-TOTAL_FORMS" in sent or "l-TOTAL_FORMS" in sent
        slices = [row for row in changes if row.what != LAUNCH]
        held = [row.named for row in slices] + _events_sent(sent)
        offered = {"today": today, "choices": choices(traffic, held)}
        self.slices = _rows(SliceForm, "s", sent if self.sent else None, slices, offered)
        launches = [row for row in changes if row.what == LAUNCH]
        self.launches = _rows(
            LaunchForm, "l", sent if self.sent else None, launches, {"today": today}
        )

    def asked(self) -> tuple[tuple[Change, ...], list[str]]:
        """The changes of the rows that can be, and a sentence on each that cannot."""
        found: list[Change | None] = []
        refused: list[str] = []
        for rows in (self.slices, self.launches):
            refused += [] if rows.is_valid() else [str(error) for error in rows.non_form_errors()]
            for form in rows:
                try:
                    found.append(_change(form))
                except BadScenario as error:
                    refused.append(str(error))
        kept, more = read(to_query(change for change in found if change))
        return kept, [*refused, *more]


def _change(form: SliceForm | LaunchForm) -> Change | None:
    """Raises BadScenario with all that is wrong with the row."""
    said = [
        f"{form[name].label}: {' '.join(str(error) for error in errors)}"
        for name, errors in form.errors.items()
    ]
    if said:
        raise BadScenario(" ".join(said))
    return form.change()


def _rows(
    form: type[ChangeForm],
    prefix: str,
    sent: QueryDict | None,
    changes: Sequence[Change],
    args: dict[str, Any],
) -> BaseFormSet[Any]:
    """The rows of one kind, with an empty one to add the next."""
    made = formset_factory(form, max_num=MOST_CHANGES, absolute_max=MOST_CHANGES, extra=1)
    initial = [_filled(change) for change in changes]
    return made(sent, prefix=prefix, initial=initial, form_kwargs=args)


def _filled(change: Change) -> dict[str, object]:
    if change.what == LAUNCH:
        return {"name": change.key, "per_day": _plain(change.amount), "since": change.since}
    return {"slice": change.named, "percent": _plain(100 * change.amount), "since": change.since}


def _plain(value: float) -> float:
    """A number as people type it: 55, not 55.0 and not 55.00000000000001."""
    rounded = float(f"{value:.10g}")
    return int(rounded) if rounded.is_integer() else rounded


def _events_sent(sent: QueryDict) -> list[str]:
    """Events that a sent form holds: of them there may be more than are offered."""
    names = (str(sent[key]) for key in sent if re.fullmatch(r"s-\d{1,3}-slice", key))
    return [name for name in names if name.startswith("event:")][:MOST_CHANGES]


def choices(traffic: Traffic, held: Iterable[str] = ()) -> Choices:
    """What can be changed, by kind, the most calls first, each with its calls a day.

    `held` are in the scenario already, and offered whatever they are.
    """
    found, held = [], list(dict.fromkeys(held))
    for what in SLICES:
        calls: Counter[str] = Counter()
        for row in traffic.slices:
            calls[row.named(what)] += row.calls
        keys = [key for key, _ in calls.most_common(OFFERED) if key]
        more = (name.partition(":")[2] for name in held if name.startswith(f"{what}:"))
        keys += [key for key in more if key and key not in keys]
        offered = [
            (f"{what}:{key}", f"{named(what, key, traffic)}, {_a_day(calls[key], traffic)}")
            for key in keys
        ]
        found.append((KINDS[what], offered))
    return found


def named(what: str, key: str, traffic: Traffic) -> str:
    """How people call a slice: sources and apps by their names, the rest by their keys."""
    names = {"source": traffic.names, "app": traffic.apps}.get(what, {})
    return wording.one_line(names.get(key, key))


def _a_day(calls: int, traffic: Traffic) -> str:
    return f"{wording.short(calls / max(1, traffic.days))} a day"


def told(change: Change, traffic: Traffic, today: date) -> str:
    """A change in a sentence: 'Source Prod - Web is off from Tue 1 Dec 2026.'"""
    since = f"from {wording.day(change.since)} {change.since.year}"
    if change.since < today:
        since += ", so from today on"
    if change.what == LAUNCH:
        name = wording.one_line(change.key)
        return f"{name} adds {wording.short(change.amount)} calls a day {since}."
    kind = KINDS[change.what].removesuffix("s")
    name = f"{kind} {named(change.what, change.key, traffic)}"
    if not traffic.has(change):
        return f"{name} had no calls lately, so this changes nothing."
    if change.amount == 0:
        return f"{name} is off {since}."
    return f"{name} is at {100 * change.amount:g}% {since}."
