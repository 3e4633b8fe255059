"""The policy page: the rules in force, what each catches, and the one switch that editors have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from cdpwatch import people, rulebook, snapshot
from cdpwatch.models import Role
from cdpwatch.policy import IN_APP_PAGES, UNMATCHED, Rule, Verdict, judge
from cdpwatch.readings import TrafficSlice
from dashboards.access import needs, person
from dashboards.context import the_workspace

VERDICTS = {
    Verdict.IN_APP: ("ok", "In-app"),
    Verdict.ACCEPTED: ("ok", "Accepted"),
    Verdict.MARKETING: ("bad", "Marketing"),
    Verdict.PUBLIC: ("bad", "Public"),
    Verdict.NON_PROD: ("off", "Not production"),
    Verdict.MACHINE: ("off", "Machine"),
    Verdict.UNKNOWN: ("warn", "Unknown"),
}


@dataclass(frozen=True)
class RuleRow:
    """A rule in its place, with the calls it decided in this period."""

    position: int | None  # None: what no rule matches
    rule: Rule
    calls: int
    percent: float | None  # of the period's live calls
    state: str
    word: str

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """What must hold for it to match; empty for a rule that matches everything."""
        told = {
            "app": ", ".join(self.rule.apps),
            "environment": ", ".join(self.rule.environments),
            "call": ", ".join(self.rule.call_types),
            "event": self.rule.event,
        }
        return [(label, text) for label, text in told.items() if text]


def rule_rows(rules: Sequence[Rule], traffic: Iterable[TrafficSlice]) -> list[RuleRow]:
    """Every rule in order, and last what none of them matched."""
    caught: Counter[str] = Counter()
    for piece in traffic:
        caught[judge(rules, piece).key] += piece.total
    total = caught.total()
    places: list[tuple[int | None, Rule]] = [*enumerate(rules, 1), (None, UNMATCHED)]
    return [
        RuleRow(
            position=position,
            rule=rule,
            calls=caught[rule.key],
            percent=100 * caught[rule.key] / total if total else None,
            state=VERDICTS[rule.verdict][0],
            word=VERDICTS[rule.verdict][1],
        )
        for position, rule in places
    ]


@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    workspace, now = the_workspace(), datetime.now(UTC)
    view = snapshot.take(workspace, now)
    found = rule_rows(view.situation.rules, view.situation.traffic)
    return render(
        request,
        "policy/rules.html",
        {
            "now": now,
            "rows": found,
            "total": sum(row.calls for row in found),
            "period": view.period,
            "live_to": view.situation.live_to,
            "versions": workspace.policies.all(),
            "pages_wanted": rulebook.in_app_pages_wanted(view.situation.rules),
            "may_edit": person(request).can(Role.EDITOR),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Role.EDITOR)
def in_app_pages(request: HttpRequest) -> HttpResponse:
    """Confirm, then switch. The form carries the wish: two people cannot toggle past each other."""
    workspace, actor = the_workspace(), person(request)
    rules = rulebook.current(workspace)
    wanted_now = rulebook.in_app_pages_wanted(rules)
    if request.method != "POST":
        return render(request, "policy/confirm.html", confirmation(rules))
    wanted = request.POST.get("wanted") == "yes"
    if wanted != wanted_now:
        version = rulebook.want_in_app_pages(workspace, wanted, actor.get_username())
        before, after = {"wanted": wanted_now}, {"wanted": wanted, "version": version.number}
        people.note(actor, "policy: in-app page calls", str(version), before, after)
        messages.success(request, f"{version.note} This is version {version.number}.")
    return redirect("alerts-policy")


def confirmation(rules: Sequence[Rule]) -> dict[str, object]:
    """What the switch would do, with the calls it is about."""
    view = snapshot.take(the_workspace(), datetime.now(UTC))
    rows = rule_rows(rules, view.situation.traffic)
    return {
        "wanted_now": rulebook.in_app_pages_wanted(tuple(rules)),
        "row": next((row for row in rows if row.rule.key == IN_APP_PAGES), None),
        "period": view.period,
    }
