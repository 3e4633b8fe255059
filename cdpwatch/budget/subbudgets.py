"""Sub-budgets: parts of the allowance for apps, environments, owners or labels.

A source counts for one of them. Whatever belongs to none is in the row "Unassigned", so that the
rows add up to what the contract was charged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cdpwatch import wording

UNASSIGNED = "Unassigned"
BY = ("app", "environment", "owner", "label")


@dataclass(frozen=True)
class SubBudget:
    """`allowance` calls a period for the sources whose `by` is one of `values`.

    A label is written "team:growth", its key and its value.
    """

    name: str
    allowance: int
    by: str  # one of BY
    values: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A source, as sub-budgets see it."""

    source_id: int
    name: str
    app: str = ""
    environment: str = ""
    owner: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def values(self, by: str) -> set[str]:
        if by == "label":
            return {f"{key}:{value}" for key, value in self.labels.items()}
        value = {"app": self.app, "environment": self.environment, "owner": self.owner}[by]
        return {value} if value else set()


@dataclass(frozen=True)
class SubStanding:
    """What the sources of one sub-budget used of it, in calls."""

    name: str
    allowance: int | None  # None: of what is unassigned, nothing was promised
    used: int
    sources: tuple[int, ...]

    @property
    def left(self) -> int | None:
        return None if self.allowance is None else self.allowance - self.used


@dataclass(frozen=True)
class Split:
    """The sub-budgets with "Unassigned" last, adding up to `total`, and what is odd about them."""

    rows: tuple[SubStanding, ...]
    total: int
    remarks: tuple[str, ...]


def homes(budgets: Sequence[SubBudget], member: Member) -> list[str]:
    """Names of the sub-budgets that a source would belong to, in their order."""
    return [row.name for row in budgets if member.values(row.by) & set(row.values)]


def in_two(budgets: Sequence[SubBudget], members: Iterable[Member]) -> list[str]:
    """A sentence for each source that more than one sub-budget would count."""
    found = [(member, homes(budgets, member)) for member in members]
    return [
        f"{wording.one_line(member.name)} is in {' and in '.join(names)}: it counts for {names[0]}."
        for member, names in found
        if len(names) > 1
    ]


def split(
    budgets: Sequence[SubBudget],
    members: Sequence[Member],
    calls: Mapping[int, int],
    total: int,
    allowance: int | None = None,
) -> Split:
    """Divide `total` calls among the sub-budgets; `calls` are those of each source by its id."""
    owned: dict[str, list[int]] = {row.name: [] for row in budgets}
    loose: list[int] = []
    for member in members:
        names = homes(budgets, member)
        (owned[names[0]] if names else loose).append(member.source_id)
    rows = [
        SubStanding(row.name, row.allowance, _sum(calls, owned[row.name]), tuple(owned[row.name]))
        for row in budgets
    ]
    rest = total - sum(row.used for row in rows)
    rows.append(SubStanding(UNASSIGNED, None, rest, tuple(loose)))
    remarks = (*in_two(budgets, members), *_too_much(budgets, allowance))
    return Split(tuple(rows), total, remarks)


def _sum(calls: Mapping[int, int], sources: Iterable[int]) -> int:
    return sum(calls.get(source, 0) for source in sources)


def _too_much(budgets: Sequence[SubBudget], allowance: int | None) -> list[str]:
    given = sum(row.allowance for row in budgets)
    if allowance is None or given <= allowance:
        return []
    above = wording.short(given - allowance)
    return [f"The sub-budgets come to {wording.short(given)}, {above} above the contract."]
