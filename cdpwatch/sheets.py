"""Tables as an XLSX workbook: numbers are numbers, days are dates, and no text is ever run.

Money stays exact to 15 digits, as far as a spreadsheet counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from .wording import one_line

Cell = str | int | Decimal | float | date | datetime | None
_LONGEST = 32_767  # characters of a cell; source: Excel specifications and limits
_WIDEST = 60  # characters that a column is made wide for
_FORMATS = {
    # A quote prefix keeps text text even after somebody has edited the cell.
    "text": {"quote_prefix": True},
    "head": {"bold": True, "bottom": 1, "quote_prefix": True},
    "int": {"num_format": "#,##0"},
    "money": {"num_format": "#,##0.00"},
    "float": {"num_format": "0.0000"},
    "date": {"num_format": "yyyy-mm-dd"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm"},
}


@dataclass(frozen=True)
class Table:
    """One table: its name (31 characters at most), its columns, its rows; None is unknown."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def xlsx(tables: Sequence[Table]) -> bytes:
    """A workbook with a sheet for each table. Moments are written in UTC."""
    out = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        styles = {name: book.add_format(told) for name, told in _FORMATS.items()}
        for table in tables:
            _fill(book.add_worksheet(table.name), table, styles)
    return out.getvalue()


def _fill(sheet: Worksheet, table: Table, styles: dict[str, Format]) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)
    for column, title in enumerate(table.columns):
        sheet.write_string(0, column, title, styles["head"])
        told = [len(str(row[column])) for row in table.rows if row[column] is not None]
        sheet.set_column(column, column, min(_WIDEST, max([len(title), *told]) + 3))
    for number, row in enumerate(table.rows, 1):
        for column, value in enumerate(row):
            _write(sheet, number, column, value, styles)


def _write(sheet: Worksheet, row: int, column: int, value: Cell, styles: dict[str, Format]) -> None:
    match value:
        case None:
            pass
        case str():
            sheet.write_string(row, column, one_line(value)[:_LONGEST], styles["text"])
        case datetime():
            sheet.write_datetime(row, column, value.replace(tzinfo=None), styles["moment"])
        case date():
            sheet.write_datetime(row, column, value, styles["date"])
        case Decimal():
            sheet.write_number(row, column, float(value), styles["money"])
        case float():
            sheet.write_number(row, column, value, styles["float"])
        case _:
            sheet.write_number(row, column, value, styles["int"])
