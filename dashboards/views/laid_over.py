"""Sub-budgets, planned events, notes on days and kept what-ifs: editors lay them over the contract.

Each is added by a form and ended by a button, and both messages carry the button that undoes it.
Nothing is deleted: an end that is undone is another row with the same content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST

from cdpwatch import contracts, wording
from cdpwatch.budget import subbudgets
from cdpwatch.models import Contract, DayNote, PlannedEvent, Role, Scenario, SubBudget
from dashboards import contract as told
from dashboards.access import needs, person
from dashboards.context import the_workspace
from dashboards.contract_forms import DayNoteForm, EventForm, SubBudgetForm, after
from dashboards.views.contract import METHODS, ask, kept, sent

Row = SubBudget | PlannedEvent | DayNote | Scenario


# --- adding -----------------------------------------------------------------------------------
@require_http_methods(METHODS)
@needs(Role.EDITOR)
def sub_budget(request: HttpRequest) -> HttpResponse:
    """Make one, or change the one of that name: `?name=` opens the form with what it says."""
    row, by = contracts.contract_of(the_workspace()), person(request).get_username()
    form = SubBudgetForm(sent(request), initial=of_name(row, request.GET.get("name", "")))
    members = contracts.members(row)
    made = kept(form, lambda: contracts.make_sub_budget(row, form.made(), by, datetime.now(UTC)))
    if made:
        said_of(request, made, told.unheard_of(form.made(), members))
        return redirect("budget-contract")
    return ask(
        request,
        form,
        "Sub-budget",
        "Set it aside",
        why="A part of the allowance, for some sources. One of the same name is changed by it.",
        choices=told.choices(members, subbudgets.BY),
    )


def said_of(request: HttpRequest, made: SubBudget, missing: list[str]) -> None:
    """Only what is new can be undone by ending it: a change has another row before it."""
    text = f"{made.name} is of {wording.short(made.allowance)} calls a period."
    is_new = made.contract.sub_budgets.filter(name=made.name).count() == 1
    messages.success(request, undoable(text, "sub-budgets", made.pk) if is_new else text)
    if missing:
        messages.warning(request, f"No source has the {made.by} {', '.join(missing[:5])} yet.")


def of_name(row: Contract, name: str) -> dict[str, object]:
    """What a sub-budget says, for changing it; nothing where there is none of the name."""
    for found in contracts.sub_budgets_of(row):
        if found.name == name:
            return {
                "name": name,
                "allowance": found.allowance,
                "by": found.by,
                "values": "\n".join(found.values),
            }
    return {}


@require_http_methods(METHODS)
@needs(Role.EDITOR)
def event(request: HttpRequest) -> HttpResponse:
    row, by = contracts.contract_of(the_workspace()), person(request).get_username()
    form = EventForm(row, sent(request))
    made = kept(form, lambda: plan(row, form.cleaned_data, by))
    if made:
        messages.success(request, undoable(f"{made.name} is planned.", "events", made.pk))
        return redirect("budget-contract")
    why = "What will change the traffic from a day on. The forecast goes by it from now on."
    return ask(request, form, "Plan an event", "Plan it", why=why)


def plan(row: Contract, said: dict[str, Any], by: str) -> PlannedEvent:
    """Raises Refused."""
    return contracts.plan_event(
        row,
        said["name"],
        said["starts_on"],
        by,
        datetime.now(UTC),
        ends_on=after(said["last_day"]),
        scale=1.0 if said["scale"] is None else said["scale"],
        per_day=float(said["per_day"] or 0),
        source=said["source"],
    )


@require_http_methods(METHODS)
@needs(Role.EDITOR)
def note(request: HttpRequest) -> HttpResponse:
    row, by = contracts.contract_of(the_workspace()), person(request).get_username()
    form = DayNoteForm(sent(request))
    made = kept(
        form,
        lambda: contracts.note_day(
            row, form.cleaned_data["day"], form.cleaned_data["text"], by, datetime.now(UTC)
        ),
    )
    if made:
        text = f"{wording.day(made.day)} is noted."
        messages.success(request, undoable(text, "notes", made.pk))
        return redirect("budget-contract")
    why = "It is seen on the charts of every budget page."
    return ask(request, form, "Note on a day", "Note it", why=why)


# --- ending and undoing -----------------------------------------------------------------------
@dataclass(frozen=True)
class Kind:
    """How rows of a kind are ended, and how one like an ended one is made again."""

    rows: Callable[[Contract], QuerySet[Any]]
    end: Callable[[Any, str, datetime], None]
    again: Callable[[Contract, Any, str, datetime], Row]
    open_like: Callable[[Any], dict[str, object]]  # a filter: rows in force that stand in its way
    said: str
    page: str = "budget-contract"  # that lists them


def _sub_budget_again(row: Contract, was: SubBudget, by: str, now: datetime) -> SubBudget:
    made = subbudgets.SubBudget(was.name, was.allowance, was.by, tuple(was.values))
    return contracts.make_sub_budget(row, made, by, now)


def _event_again(row: Contract, was: PlannedEvent, by: str, now: datetime) -> PlannedEvent:
    return contracts.plan_event(
        row,
        was.name,
        was.starts_on,
        by,
        now,
        ends_on=was.ends_on,
        scale=was.scale,
        per_day=was.per_day,
        source=was.source,
    )


def _note_again(row: Contract, was: DayNote, by: str, now: datetime) -> DayNote:
    return contracts.note_day(row, was.day, was.text, by, now)


def _scenario_again(row: Contract, was: Scenario, by: str, now: datetime) -> Scenario:
    return contracts.keep_scenario(row, was.name, was.query, by, now)


KINDS = {
    "sub-budgets": Kind(
        lambda row: row.sub_budgets.all(),
        contracts.end_sub_budget,
        _sub_budget_again,
        lambda was: {"name": was.name, "ended_at": None},
        "The sub-budget has ended: its sources are unassigned.",
    ),
    "events": Kind(
        lambda row: row.planned_events.all(),
        contracts.cancel_event,
        _event_again,
        lambda was: {
            "name": was.name,
            "starts_on": was.starts_on,
            "source": was.source,
            "cancelled_at": None,
        },
        "The event is cancelled.",
    ),
    "notes": Kind(
        lambda row: row.day_notes.all(),
        contracts.remove_note,
        _note_again,
        lambda was: {"day": was.day, "text": was.text, "removed_at": None},
        "The note is removed.",
    ),
    "scenarios": Kind(
        lambda row: row.scenarios.all(),
        contracts.remove_scenario,
        _scenario_again,
        lambda was: {"name": was.name, "removed_at": None},
        "The scenario is removed. Its link still works.",
        "budget-whatif",
    ),
}


def undoable(text: str, kind: str, pk: int, act: str = "end") -> str:
    """A message with a button of the page's undo form."""
    address = reverse(f"budget-contract-{act}", kwargs={"kind": kind, "pk": pk})
    button = '{} <button class="btn" form="undo" formaction="{}">Undo</button>'
    return format_html(button, text, address)


def found(kind: str, pk: int) -> tuple[Contract, Kind, Row]:
    """Raises Http404 for what was never laid over this contract."""
    if kind not in KINDS:
        raise Http404("There is nothing of this kind.")
    row = contracts.contract_of(the_workspace())
    return row, KINDS[kind], get_object_or_404(KINDS[kind].rows(row), pk=pk)


@require_POST
@needs(Role.EDITOR)
def end(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    _, how, row = found(kind, pk)
    try:
        how.end(row, person(request).get_username(), datetime.now(UTC))
    except contracts.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, undoable(how.said, kind, pk, "again"))
    return redirect(how.page)


@require_POST
@needs(Role.EDITOR)
def again(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Undo an end, once: not over what is in force by now."""
    contract, how, row = found(kind, pk)
    try:
        if how.rows(contract).filter(**how.open_like(row)).exists():
            raise contracts.Refused("It is there already: nothing was changed.")
        made = how.again(contract, row, person(request).get_username(), datetime.now(UTC))
    except contracts.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, undoable("It is back.", kind, made.pk))
    return redirect(how.page)
