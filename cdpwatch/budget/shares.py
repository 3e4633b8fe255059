"""Parts of a total: sources, call types or events by share, what each costs, and who moved.

Every table adds up to its total, in calls and in money: what no part explains is a row of its
own, which says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from .money import Rate, apportioned, cost_of

REST, OTHERS = "(rest)", "(others)"  # keys of the two rows that no thing stands behind


@dataclass(frozen=True)
class Part:
    """One row. `before` is what it used in the span it is compared with, None where unknown."""

    key: str
    label: str
    calls: int
    before: int | None = None
    share: float | None = None  # of the total, 0..1; None of a total of nothing
    cost: Decimal | None = None  # at the contract's rate

    @property
    def change(self) -> int | None:
        """Calls more, or less, than before."""
        return None if self.before is None else self.calls - self.before

    @property
    def growth(self) -> float | None:
        """The change as a share of what was before; None where there was nothing."""
        return (self.change or 0) / self.before if self.before else None


@dataclass(frozen=True)
class Shares:
    """A table of parts, most calls first, and its total; the rest, if any, is the last row."""

    parts: tuple[Part, ...]
    total: Part


def shares(
    calls: Mapping[str, int],
    total: int,
    *,
    labels: Mapping[str, str],
    rest: str,
    before: Mapping[str, int] | None = None,
    total_before: int | None = None,
) -> Shares:
    """Parts of `total` by key, in calls; `rest` is the label of what they leave, more or less.

    `before` are the calls of the span compared with: a key that it lacks had none. What was there
    and is gone has a row too.
    """
    keys = sorted(
        {*calls, *(before or {})}, key=lambda key: (-calls.get(key, 0), labels.get(key, key))
    )
    then = None if before is None else {key: before.get(key, 0) for key in keys}
    parts = [
        Part(key, labels.get(key, key), calls.get(key, 0), then[key] if then else None)
        for key in keys
        if calls.get(key) or (then and then[key])
    ]
    if left := _rest(parts, total, total_before, rest):
        parts.append(left)
    whole = Part("", "Total", total, total_before)
    return Shares(tuple(_shared(part, total) for part in parts), _shared(whole, total))


def _rest(parts: Sequence[Part], total: int, total_before: int | None, label: str) -> Part | None:
    calls = total - sum(part.calls for part in parts)
    before = None
    if total_before is not None and all(part.before is not None for part in parts):
        before = total_before - sum(part.before or 0 for part in parts)
    return Part(REST, label, calls, before) if calls or before else None


def _shared(part: Part, total: int) -> Part:
    return replace(part, share=part.calls / total if total else None)


def folded(table: Shares, most: int) -> Shares:
    """The table with its first `most` rows, the others in one, and the rest as it was."""
    rest = [part for part in table.parts if part.key == REST]
    named = [part for part in table.parts if part.key != REST]
    if len(named) <= most:
        return table
    return replace(table, parts=(*named[:most], _sum(named[most:]), *rest))


def _sum(parts: Sequence[Part]) -> Part:
    befores = [part.before for part in parts if part.before is not None]
    costs = [part.cost for part in parts if part.cost is not None]
    return Part(
        OTHERS,
        f"{len(parts)} others",
        sum(part.calls for part in parts),
        sum(befores) if len(befores) == len(parts) else None,
        sum(part.share or 0.0 for part in parts),
        sum(costs, Decimal(0)) if len(costs) == len(parts) else None,
    )


def priced(table: Shares, rate: Rate, allowance: int | None) -> Shares:
    """The table with what each part costs at the contract's rate; the parts add up to the total."""
    whole = cost_of(rate, allowance, table.total.calls)
    if whole is None:
        return table
    costs = apportioned(rate, whole, [part.calls for part in table.parts])
    parts = [replace(part, cost=cost) for part, cost in zip(table.parts, costs, strict=True)]
    return Shares(tuple(parts), replace(table.total, cost=whole))


def movers(table: Shares, most: int = 5) -> tuple[Part, ...]:
    """The parts that changed by most calls, up or down; the rest of a table is nobody."""
    moved = [part for part in table.parts if part.change and part.key != REST]
    return tuple(sorted(moved, key=lambda part: (-abs(part.change or 0), part.label))[:most])
