"""A month's tables as files: the same rows as its page shows, none left out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from cdpwatch import exports
from cdpwatch.budget.shares import Shares
from cdpwatch.sheets import Cell, Table

from .closes import Month, MonthRow

PARTS = ("name", "id", "calls", "before", "change", "share", "cost")


def tables(month: Month) -> dict[str, Table]:
    """Every table of a month by the name of its file."""
    kept = month.numbers
    return {
        "summary": Table("Summary", ("what", "value", "unit"), _summary(month)),
        "sources": Table("Sources", PARTS, _parts(kept.sources)),
        "call-types": Table("Call types", PARTS, _parts(kept.call_types)),
        "sub-budgets": Table(
            "Sub-budgets",
            ("name", "allowance", "used", "left"),
            [(row.name, row.allowance, row.used, row.left) for row in kept.sub_budgets.rows],
        ),
        "movers": Table(
            "Movers",
            ("source", "calls", "change", "reason"),
            [(row.label, row.calls, row.change, row.reason) for row in kept.movers],
        ),
        "days": Table("Days", ("day", "billed"), sorted(kept.days.items())),
        "restatements": Table(
            "Restatements",
            ("day", "at_close", "now", "change"),
            [(row.day, row.then, row.now, row.calls) for row in month.restated],
        ),
        "invoices": Table(
            "Invoice check",
            ("invoice", "by", "name", "billed", "ours", "difference"),
            _differences(month),
        ),
    }


def months_table(rows: Sequence[MonthRow]) -> Table:
    columns = (
        *("start", "end", "used", "allowance", "over", "unknown_days"),
        *("closed_at", "closed_by", "restated_days", "restated_calls"),
    )
    return Table("Months", columns, [_month(row) for row in rows])


def _month(row: MonthRow) -> tuple[Cell, ...]:
    use, kept = row.use, row.row
    result = row.result
    told = (use.period.start, use.period.last_day, result.used, use.allowance, result.over)
    closed = (kept.closed_at, kept.closed_by) if kept else (None, None)
    return (*told, use.unknown_days, *closed, row.restated, row.restated_calls)


def _summary(month: Month) -> list[tuple[Cell, ...]]:
    kept, closed = month.numbers, month.closed
    currency = kept.rate.currency
    return [
        ("First day", month.span.start, "UTC"),
        ("Last day", month.span.last_day, "UTC"),
        ("State", "closed" if closed else "running" if month.running else "open", ""),
        ("Used", month.result.used, "calls"),
        ("Allowance", kept.allowance, "calls"),
        ("Carried in", kept.carried, "calls"),
        ("Over (under is negative)", None if month.running else month.result.over, "calls"),
        ("Cost", None if month.running else month.cost, currency),
        *_accrued(month),
        ("Days without a billed number", kept.coverage.unknown_days, "days"),
        ("Days known in a sum only", kept.coverage.joint_days, "days"),
        ("Billed to no listed source", kept.coverage.unexplained, "calls"),
        ("Closed by", closed.closed_by if closed else None, ""),
        ("Closed at", closed.closed_at if closed else None, "UTC"),
        ("Stamp", closed.stamp if closed else None, "SHA-256"),
    ]


def _accrued(month: Month) -> list[tuple[Cell, ...]]:
    if month.accrued is None:
        return []
    told, currency = month.accrued.accrual, month.accrued.rate.currency
    return [
        ("Accrued to the end of", month.accrued.to, "UTC"),
        ("Accrued price", told.committed, currency),
        ("Accrued overage", told.overage, currency),
        ("Accrued", told.total, currency),
    ]


def _parts(table: Shares) -> list[tuple[Cell, ...]]:
    return [
        (row.label, row.key, row.calls, row.before, row.change, row.share, row.cost)
        for row in (*table.parts, table.total)
    ]


def _differences(month: Month) -> list[tuple[Cell, ...]]:
    found: list[tuple[Cell, ...]] = []
    for one in month.billed:
        number, check = one.invoice.number, one.check
        for by, rows in (("day", check.by_day), ("source", check.by_source)):
            found += [(number, by, row.label, row.billed, row.ours, row.calls) for row in rows]
        found.append((number, "total", "Total", check.billed, check.ours, check.calls))
    return found


def as_csv(table: Table) -> str:
    """The table as CSV; text that a spreadsheet would run gets an apostrophe in front."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([exports.cell(value) for value in row] for row in table.rows)
    return out.getvalue()
