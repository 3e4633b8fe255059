"""Sub-budgets, planned events, notes on days and scenarios: what people lay over the contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from math import isfinite

from django.db import transaction
from django.db.models import Max, Q

from cdpwatch import wording
from cdpwatch.budget.scenario import BadScenario, from_query, to_query
from cdpwatch.budget.subbudgets import BY, UNASSIGNED, Member, SubBudget, in_two
from cdpwatch.forecast.events import Event
from cdpwatch.models import Connection, Contract, DayNote, PlannedEvent, Scenario
from cdpwatch.models import SubBudget as SubBudgetRow

from .entering import Refused, locked, log, refuse

_MOST_CALLS, _MOST_TIMES = 10**15, 1_000.0
_TOLD = 5  # sources in two sub-budgets that a refusal names


# --- sub-budgets ------------------------------------------------------------------------------
def sub_budgets_of(contract: Contract, at: datetime | None = None) -> list[SubBudget]:
    """The sub-budgets in force, now or as they were at a moment, in one query."""
    open_then = Q(ended_at=None) if at is None else Q(ended_at=None) | Q(ended_at__gt=at)
    rows = contract.sub_budgets.filter(open_then)
    if at is not None:
        rows = rows.filter(entered_at__lte=at)
    return [SubBudget(row.name, row.allowance, row.by, tuple(row.values)) for row in rows]


def members(contract: Contract) -> list[Member]:
    """Every source under the contract, as sub-budgets see it, in one query."""
    rows = Connection.objects.sources().filter(workspace__contract=contract)
    return [
        Member(
            row.pk,
            row.name,
            row.app_slug,
            row.environment.name if row.environment else "",
            row.owner or (row.app.owner if row.app else ""),
            {str(key): str(value) for key, value in row.labels.items()},
        )
        for row in rows.select_related("app", "environment", "function")
    ]


@transaction.atomic
def make_sub_budget(contract: Contract, made: SubBudget, by: str, now: datetime) -> SubBudgetRow:
    """Set a part of the allowance aside, or change the one of that name: the old row ends.

    Raises Refused, also where a source would count for two.
    """
    held = locked(contract)
    others = [row for row in sub_budgets_of(held) if row.name != made.name]
    refuse([*_wrong(made), *_some(in_two([*others, made], members(held)))])
    old = held.sub_budgets.filter(name=made.name, ended_at=None).first()
    if old:
        SubBudgetRow.objects.filter(pk=old.pk).update(ended_by=by, ended_at=now)
    last = held.sub_budgets.aggregate(last=Max("position"))["last"] or 0
    row = held.sub_budgets.create(
        name=made.name,
        allowance=made.allowance,
        by=made.by,
        values=list(made.values),
        position=old.position if old else last + 1,
        entered_by=by,
        entered_at=now,
    )
    log(by, "sub-budget", made.name, _told(old), _told(row))
    return row


def _some(problems: list[str]) -> list[str]:
    """The first few of what can be hundreds, and how many more there are."""
    more = len(problems) - _TOLD
    return problems if more <= 0 else [*problems[:_TOLD], f"So it is for {more} more."]


def _wrong(made: SubBudget) -> list[str]:
    problems = []
    if not made.name.strip() or len(made.name) > 100 or made.name == UNASSIGNED:
        problems.append(f"A sub-budget has a name of 1 to 100 characters, not {UNASSIGNED}.")
    if made.by not in BY or not made.values:
        problems.append(f"A sub-budget names what it is for: one of {', '.join(BY)}, with values.")
    if not 0 < made.allowance <= _MOST_CALLS:
        problems.append("A sub-budget is of one call at least.")
    return problems


def _told(row: SubBudgetRow | None) -> dict[str, object]:
    return {"allowance": row.allowance, "by": row.by, "values": row.values} if row else {}


@transaction.atomic
def end_sub_budget(row: SubBudgetRow, by: str, now: datetime) -> None:
    """End a sub-budget: its sources are unassigned from now on. Raises Refused."""
    rows = SubBudgetRow.objects.filter(pk=row.pk, ended_at=None)
    if not rows.update(ended_by=by, ended_at=now):
        raise Refused("This sub-budget has ended already.")
    log(by, "sub-budget ended", row.name, _told(row))


# --- planned events, notes, scenarios ---------------------------------------------------------
def events_of(contract: Contract, at: datetime | None = None) -> list[Event]:
    """Planned events of the whole workspace as the forecast takes them, in one query."""
    known = Q(cancelled_at=None) if at is None else Q(cancelled_at=None) | Q(cancelled_at__gt=at)
    rows = contract.planned_events.filter(known, source=None)
    if at is not None:
        rows = rows.filter(planned_at__lte=at)
    return [Event(row.starts_on, row.scale, row.per_day, row.ends_on) for row in rows]


@transaction.atomic
def plan_event(
    contract: Contract,
    name: str,
    starts_on: date,
    by: str,
    now: datetime,
    *,
    ends_on: date | None = None,
    scale: float = 1.0,
    per_day: float = 0.0,
    source: Connection | None = None,
) -> PlannedEvent:
    """Say what is expected to change the traffic from a day on. Raises Refused."""
    problems = []
    if not name.strip() or len(name) > 100:
        problems.append("An event has a name of 1 to 100 characters.")
    if ends_on is not None and ends_on <= starts_on:
        problems.append(f"It ends on {wording.day(ends_on)}, before it starts.")
    if not (isfinite(scale) and 0 <= scale <= _MOST_TIMES):
        problems.append("Traffic is multiplied by a number from 0 to 1,000.")
    if not (isfinite(per_day) and abs(per_day) <= 1e10):
        problems.append("Calls a day on top are ten thousand million at most.")
    if not problems and scale == 1 and per_day == 0:
        problems.append("An event changes something.")
    refuse(problems)
    row = contract.planned_events.create(
        name=name.strip(),
        starts_on=starts_on,
        ends_on=ends_on,
        scale=scale,
        per_day=per_day,
        source=source,
        planned_by=by,
        planned_at=now,
    )
    log(by, "event planned", name, after={"starts_on": str(starts_on), "scale": scale})
    return row


@transaction.atomic
def cancel_event(event: PlannedEvent, by: str, now: datetime) -> None:
    """Plan it no more; the row stays. Raises Refused."""
    rows = PlannedEvent.objects.filter(pk=event.pk, cancelled_at=None)
    if not rows.update(cancelled_by=by, cancelled_at=now):
        raise Refused("This event was cancelled already.")
    log(by, "event cancelled", event.name)


@transaction.atomic
def note_day(contract: Contract, day: date, text: str, by: str, now: datetime) -> DayNote:
    """Note what is known of a day. Raises Refused."""
    if not text.strip() or len(text) > 300:
        raise Refused("A note has 1 to 300 characters.")
    log(by, "day noted", day, after={"text": text.strip()})
    return contract.day_notes.create(day=day, text=text.strip(), by=by, at=now)


@transaction.atomic
def remove_note(note: DayNote, by: str, now: datetime) -> None:
    """Take a note off the charts; the row stays. Raises Refused."""
    rows = DayNote.objects.filter(pk=note.pk, removed_at=None)
    if not rows.update(removed_by=by, removed_at=now):
        raise Refused("This note was removed already.")
    log(by, "note removed", note.day, before={"text": note.text})


@transaction.atomic
def keep_scenario(contract: Contract, name: str, query: str, by: str, now: datetime) -> Scenario:
    """Keep a what-if under a name. Raises Refused, also for a name that is taken."""
    try:
        changes: Sequence[object] = from_query(query)
    except BadScenario as error:
        raise Refused(str(error)) from None
    if not changes or not name.strip() or len(name) > 100:
        raise Refused("A scenario has a name of 1 to 100 characters and changes something.")
    held = locked(contract)
    if held.scenarios.filter(name=name.strip(), removed_at=None).exists():
        raise Refused("There is a scenario of this name already.")
    row = held.scenarios.create(
        name=name.strip(), query=to_query(from_query(query)), made_by=by, made_at=now
    )
    log(by, "scenario kept", row.name, after={"query": row.query})
    return row


@transaction.atomic
def remove_scenario(scenario: Scenario, by: str, now: datetime) -> None:
    """List it no more; the row and its link stay. Raises Refused."""
    rows = Scenario.objects.filter(pk=scenario.pk, removed_at=None)
    if not rows.update(removed_by=by, removed_at=now):
        raise Refused("This scenario was removed already.")
    log(by, "scenario removed", scenario.name, before={"query": scenario.query})
