"""A small BigQuery to ask, and a client of it that tries once and does not sleep."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cdpwatch.warehouse import JobNote, Meter, Warehouse, settings_of, warehouse
from tests.factories import NOW
from tests.warehouse.google import Google, listening

Opened = Callable[..., Warehouse]


class Book:
    """The jobs noted, and the bytes of the month that are used."""

    def __init__(self) -> None:
        self.notes: dict[str, JobNote] = {}
        self.used = 0

    def note(self, note: JobNote) -> None:
        self.notes[note.job_id] = note


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def google() -> Google:
    return Google()


@pytest.fixture
def opened(google: Google, book: Book) -> Iterator[Opened]:
    """Makes clients of `google`; keys and the time may be given."""
    made: list[Warehouse] = []

    def make(now: object = NOW, before_each: object = lambda: None, **keys: str) -> Warehouse:
        settings = settings_of({"project": "demo-project", **keys})
        made.append(
            warehouse(
                settings,
                Meter(lambda: book.used, book.note),
                now,  # type: ignore[arg-type]
                url=url,
                allow_loopback=True,
                before_each=before_each,  # type: ignore[arg-type]
                retries=0.0,
                sleep=lambda seconds: None,
            )
        )
        return made[-1]

    with listening(google) as url:
        yield make
        for each in made:
            each.close()
