"""The naming page: every connection against the convention, with the exact new name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdpwatch import renames
from cdpwatch.naming import CONVENTION, Verdict
from cdpwatch.renames import Named
from dashboards.context import the_workspace
from dashboards.naming import VERDICTS

# Why a group stands where it stands, and what is to be done about it.
TOLD = {
    Verdict.CONFLICT: "Two answers to one question. Decide which is true, then mend the other.",
    Verdict.NO_ENVIRONMENT: "Nothing says where it runs. Decide, and the new name follows.",
    Verdict.NO_APPLICATION: "Nothing says which application it is. Decide, and add it.",
    Verdict.RENAME: "Both parts are known, only the spelling is off. Type exactly this.",
    Verdict.FOLLOWS: "Nothing to do.",
}


@dataclass(frozen=True)
class Group:
    """The connections of one verdict."""

    verdict: Verdict
    rows: tuple[Named, ...]

    @property
    def state(self) -> str:
        return VERDICTS[self.verdict][0]

    @property
    def word(self) -> str:
        return VERDICTS[self.verdict][1]

    @property
    def told(self) -> str:
        return TOLD[self.verdict]

    @property
    def follows(self) -> bool:
        return self.verdict == Verdict.FOLLOWS


def grouped(found: Iterable[Named]) -> list[Group]:
    """By verdict, in the order in which they come: the worst first."""
    return [Group(verdict, tuple(rows)) for verdict, rows in groupby(found, lambda n: n.verdict)]


def following(found: Sequence[Named]) -> int:
    return sum(named.verdict == Verdict.FOLLOWS for named in found)


@require_safe
def names(request: HttpRequest) -> HttpResponse:
    found = renames.every(the_workspace())
    live = [named for named in found if named.connection.enabled]
    return render(
        request,
        "naming/naming.html",
        {
            "convention": CONVENTION,
            "groups": grouped(found),
            "follow": following(live),
            "live": len(live),
            "off": len(found) - len(live),
            "renames": len(found) - following(found),
            "taken": renames.TAKEN,
        },
    )
