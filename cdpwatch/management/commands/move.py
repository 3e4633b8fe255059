"""Moves everything from a SQLite file into an empty database, such as the one of DATABASE_URL.

1. Refuse what cannot come out whole: a file of other migrations, a target with rows in it.
2. Copy table by table, in key order, in one transaction; what migrate wrote gives way.
3. Set the sequences behind the last keys, and compare the number of rows.

The file is only read. Pasted secrets come along encrypted: the new place needs the same keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model, QuerySet

from cdpwatch import vault
from cdpwatch.machine import CannotStart, only_one_copy
from cdpwatch.models import Credential, Workspace

OLD = "old"  # alias of the file that is read
AT_ONCE = 2_000  # rows
WRITTEN_BY_MIGRATE: tuple[type[Model], ...] = (Permission, ContentType)  # in order of deletion


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # A worker that goes on would write what the copy no longer sees.
            with only_one_copy(settings.DATA_DIR / "up.pid"), opened(options["file"]):
                check()
                self.stdout.write(move())
        except CannotStart as error:
            raise CommandError(f"{error} Stop it first.") from None
        self.stdout.write(word_on_secrets())


@contextmanager
def opened(file: Path) -> Iterator[None]:
    """`file` as the database OLD, read as it is at one moment. Raises CommandError."""
    if not file.is_file():
        raise CommandError(f"There is no file {file}.")
    name = f"{file.resolve().as_uri()}?mode=ro"
    wanted = {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
    both = {**connections.databases, OLD: wanted}
    connections.databases[OLD] = connections.configure_settings(both)[OLD]
    connections[OLD].connect()
    try:
        with transaction.atomic(using=OLD):
            yield
    finally:
        connections[OLD].close()
        del connections[OLD], connections.databases[OLD]


def check() -> None:
    """Raises CommandError for a pair of databases that would not come out the same."""
    try:
        theirs, ours = migrations(OLD), migrations(connection.alias)
        demo = Workspace.objects.using(OLD).values_list("demo", flat=True).first()
    except DatabaseError:
        raise CommandError("The file is not a database of cdpwatch.") from None
    if theirs != ours:
        raise CommandError(
            "File and database are not at the same migration: run `manage.py migrate` on both."
        )
    if demo is not None and demo != settings.DEMO:
        raise CommandError("Demo and live data never share a database: add or drop --demo.")
    for model in tables():
        if model not in WRITTEN_BY_MIGRATE and rows(model, connection.alias).exists():
            raise CommandError(f"The database is not empty: {model._meta.db_table} has rows.")


def migrations(alias: str) -> set[tuple[str, str]]:
    return set(MigrationRecorder(connections[alias]).applied_migrations())


def tables() -> list[type[Model]]:
    """Every table that migrations made, those between two models too."""
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if model._meta.managed and not model._meta.proxy]


def rows(model: type[Model], alias: str) -> QuerySet[Model]:
    return model._base_manager.using(alias).order_by("pk")


def move() -> str:
    """Copy every row, all or none; says how many. Raises CommandError."""
    total = 0
    with transaction.atomic():
        for model in WRITTEN_BY_MIGRATE:
            rows(model, connection.alias).delete()
        for model in tables():
            total += copy(model)
        with connection.cursor() as cursor:
            for sql in connection.ops.sequence_reset_sql(no_style(), tables()):
                cursor.execute(sql)
    return (
        f"{total:,} rows of {len(tables())} tables are in the {connection.display_name} database."
    )


def copy(model: type[Model]) -> int:
    """Copy one table in key order; returns its number of rows. Raises CommandError."""
    quote, fields = connection.ops.quote_name, model._meta.concrete_fields
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})"
    try:
        with connection.cursor() as cursor:
            for part in values(model):
                cursor.executemany(sql, part)
    except (DatabaseError, ValueError) as error:  # ValueError: PostgreSQL keeps no NUL in a text
        raise CommandError(f"{model._meta.db_table}: {error}") from None
    here, there = rows(model, connection.alias).count(), rows(model, OLD).count()
    if here != there:
        raise CommandError(f"{model._meta.db_table}: {there:,} rows were read, {here:,} arrived.")
    return here


def values(model: type[Model]) -> Iterator[list[list[Any]]]:
    """The rows of the file, some at a time, as the new database wants them."""
    fields = model._meta.concrete_fields
    found = rows(model, OLD).values_list(*[field.attname for field in fields]).iterator(AT_ONCE)
    while part := list(islice(found, AT_ONCE)):
        yield [
            [
                field.get_db_prep_save(value, connection)
                for field, value in zip(fields, row, strict=True)
            ]
            for row in part
        ]


def word_on_secrets() -> str:
    """Whether the keys of this place open what was pasted in the other."""
    try:
        for credential in Credential.objects.all():
            vault.secret_of(credential)
    except vault.Locked:
        return (
            "The pasted secrets do not open with the keys of this place: bring encryption-key (or "
            "CDPWATCH_ENCRYPTION_KEYS) along, or paste them again on the Connect page."
        )
    return "The keys of this place open the pasted secrets."
