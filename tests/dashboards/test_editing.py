"""Editing the catalog's texts on the pages: who may, two people at once, undo, and plain text."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch import editing
from cdpwatch.models import AuditLog, CatalogChange, Connection, Function, Role, Workspace
from tests.dashboards.conftest import sign_in, text
from tests.factories import make_connection

UNDO = reverse("catalog-undo")
EVIL = "<script>alert(1)</script> https://evil.example/ <img src=x onerror=alert(2)>"


@pytest.fixture
def source(workspace: Workspace) -> Connection:
    return make_connection(workspace, app=workspace.apps.get(slug="backend"))


def form_of(thing: editing.Thing) -> str:
    return reverse("catalog-edit", args=[f"{editing.kind_of(thing)}s", thing.pk])


def page(thing: Connection) -> str:
    return reverse("catalog-connection", args=[thing.pk])


def save(browser: Client, thing: editing.Thing, seen: dict[str, str] | None = None, **texts: str):
    """Send the form as a browser does that was shown `seen`, or what is stored."""
    thing.refresh_from_db()
    stored = {field: getattr(thing, field) for field in editing.LIMITS}
    shown = {**stored, **(seen or {})}
    sent = {f"seen_{field}": value for field, value in shown.items()}
    return browser.post(form_of(thing), {**shown, **sent, **texts})


def last_saved() -> str:
    return str(CatalogChange.objects.first().pk)


def test_it_saves_a_text_says_so_and_shows_it(editor: Client, source: Connection) -> None:
    reply = save(editor, source, notes="First line\r\nSecond line", owner="  Data   team ")
    assert (reply.status_code, reply.url) == (302, page(source))
    html = text(editor, page(source))
    assert "✓ Saved. <button" in html
    assert "<dd>First line<br>Second line</dd>" in html
    assert "<dd>Data team</dd>" in html
    assert "Saved." not in text(editor, page(source))  # said once


@pytest.mark.parametrize("kind", ["app", "connection", "function"])
def test_it_edits_apps_connections_and_functions(
    workspace: Workspace, editor: Client, source: Connection, kind: str
) -> None:
    thing = {"app": source.app, "connection": source, "function": Function.objects.get()}[kind]
    reply = save(editor, thing, description="Told by us")
    assert "Told by us" in text(editor, reply.url)
    thing.refresh_from_db()
    assert thing.description == "Told by us"
    assert text(editor, form_of(thing)).count("Told by us") == 2  # the field, and what was seen


def test_it_shows_the_texts_of_the_app_where_a_connection_has_none(
    viewer: Client, source: Connection
) -> None:
    type(source.app).objects.filter(pk=source.app_id).update(owner="Platform")
    html = text(viewer, page(source))
    assert "<dd>Our backend tracking (server)</dd>" in html
    assert "<dd>Platform</dd>" in html
    Connection.objects.update(owner="Somebody", description="Its own")
    html = text(viewer, page(source))
    assert "<dd>Its own</dd>" in html
    assert "<dd>Somebody</dd>" in html


def test_it_logs_an_edit_and_its_undo(editor: Client, source: Connection) -> None:
    save(editor, source, notes="New", owner="Ana")
    log = AuditLog.objects.get()
    assert (log.actor, log.action) == ("editor", "catalog: texts")
    assert log.subject == "connection Prod - Application"
    assert (log.before, log.after) == ({"notes": "", "owner": ""}, {"notes": "New", "owner": "Ana"})
    editor.post(UNDO, {"change": last_saved()})
    assert AuditLog.objects.latest("pk").action == "catalog: undo"


def test_it_writes_and_logs_nothing_when_nothing_changed(
    editor: Client, source: Connection
) -> None:
    assert save(editor, source).status_code == 302
    assert not AuditLog.objects.exists()
    assert not CatalogChange.objects.exists()
    assert "Saved." not in text(editor, page(source))


@pytest.mark.parametrize(("field", "limit"), editing.LIMITS.items())
def test_it_says_in_a_sentence_how_long_a_text_may_be(
    editor: Client, source: Connection, field: str, limit: int
) -> None:
    assert save(editor, source, **{field: "x" * limit}).status_code == 302
    Connection.objects.update(**{field: ""})
    html = save(editor, source, **{field: "x" * (limit + 1)}).content.decode()
    assert re.search(rf"Keep it to [\d\u2009]+ characters: this has {limit + 1}\.", html)
    source.refresh_from_db()
    assert getattr(source, field) == ""


def test_it_counts_a_line_break_once(editor: Client, source: Connection) -> None:
    lines = ["x"] * (editing.LIMITS["description"] // 2)
    assert save(editor, source, description="\r\n".join(lines)).status_code == 302
    source.refresh_from_db()
    assert source.description == "\n".join(lines)


def test_it_offers_the_owners_that_are_known(editor: Client, source: Connection) -> None:
    save(editor, source, owner="Data & Co")
    html = text(editor, form_of(source.app))
    assert '<option value="Data &amp; Co">' in html
    assert 'list="owners"' in html


# --- who may ----------------------------------------------------------------------------------
def test_it_lets_viewers_read_and_not_write(viewer: Client, source: Connection) -> None:
    save(sign_in(Role.EDITOR), source, notes="For all to read")
    html = text(viewer, page(source))
    assert "For all to read" in html
    assert form_of(source) not in html
    assert ">Undo<" not in html
    assert viewer.get(form_of(source)).status_code == 403
    assert save(viewer, source, notes="Mine").status_code == 403
    assert viewer.post(UNDO, {"change": last_saved()}).status_code == 403
    source.refresh_from_db()
    assert source.notes == "For all to read"


def test_it_takes_no_form_from_elsewhere(editor: Client, source: Connection) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = editor.cookies
    assert save(strict, source, notes="Forged").status_code == 403
    assert strict.post(UNDO, {"change": "1"}).status_code == 403


@pytest.mark.parametrize("kind", ["apps", "connections", "functions", "users"])
def test_it_edits_nothing_that_is_not_there(editor: Client, kind: str) -> None:
    assert editor.get(reverse("catalog-edit", args=[kind, 9_000_000])).status_code == 404


# --- two people at once -----------------------------------------------------------------------
def test_it_shows_both_texts_to_whoever_comes_second(editor: Client, source: Connection) -> None:
    save(sign_in(Role.EDITOR, "ana"), source, notes="Ana’s", owner="Ana")
    reply = save(editor, source, {"notes": "", "owner": "Ana"}, notes="Mine", description="Also")
    html = reply.content.decode()
    assert reply.status_code == 409
    assert "<dd>Ana’s</dd>" in html
    assert "Notes now<br><small>ana, " in html
    assert "Owner now" not in html  # nobody else touched it
    assert ">\nMine</textarea>" in html
    source.refresh_from_db()
    assert (source.notes, source.description) == ("Ana’s", "")  # all of the form or none
    assert AuditLog.objects.count() == 1


def test_it_lets_the_second_replace_what_they_have_now_seen(
    editor: Client, source: Connection
) -> None:
    save(sign_in(Role.EDITOR, "ana"), source, notes="Ana’s")
    html = save(editor, source, {"notes": ""}, notes="Mine").content.decode()
    again = dict(re.findall(r'<input type="hidden" name="(seen_\w+)" value="([^"]*)"', html))
    assert again["seen_notes"] == "Ana’s"
    sent = {"description": "", "owner": "", "notes": "Mine", **again}
    assert editor.post(form_of(source), sent).status_code == 302
    assert [(row.before, row.by) for row in editing.history(source)] == [
        ("Ana’s", "editor"),
        ("", "ana"),
    ]


def test_it_opens_the_form_again_with_a_text_of_many_lines(
    editor: Client, source: Connection
) -> None:
    save(editor, source, notes='One\r\n"Two" & <b>\r\n\r\nThree')
    assert save(editor, source, {"notes": 'One\r\n"Two" & <b>\r\n\r\nThree'}).status_code == 302


# --- undo -------------------------------------------------------------------------------------
def test_it_undoes_a_whole_save_by_the_button_of_its_message(
    editor: Client, source: Connection
) -> None:
    save(editor, source, notes="New", owner="Ana")
    html = text(editor, page(source))
    button = re.search(r'Saved\. <button class="btn" form="undo" name="change" value="(.+?)"', html)
    assert '<form id="undo" method="post"' in html
    reply = editor.post(UNDO, {"change": button[1]})
    assert reply.url == page(source)
    source.refresh_from_db()
    assert (source.notes, source.owner) == ("", "")
    assert "✓ Undone. <button" in text(editor, page(source))


def test_it_tells_the_history_and_what_can_be_undone(editor: Client, source: Connection) -> None:
    save(editor, source, notes="First")
    save(sign_in(Role.ADMIN, "bea"), source, notes="Second")
    html = text(editor, page(source))
    lines = html[html.index("<summary>History") :].split("<li>")[1:]
    assert "bea</time>" in lines[0]
    assert "<del>First</del>" in lines[0]
    assert "<ins>Second</ins>" in lines[0]
    assert [">Undo<" in line for line in lines] == [True, False]
    assert '<span class="muted">nothing</span>' in lines[1]


def test_it_refuses_to_undo_what_has_changed_since(editor: Client, source: Connection) -> None:
    save(editor, source, notes="First")
    first = last_saved()
    save(editor, source, notes="Second")
    editor.get(page(source))  # reads the messages
    editor.post(UNDO, {"change": first})
    assert "■ Somebody has changed the notes meanwhile" in text(editor, page(source))
    source.refresh_from_db()
    assert source.notes == "Second"


def test_it_undoes_once_however_often_the_button_is_pressed(
    editor: Client, source: Connection
) -> None:
    save(editor, source, notes="First")
    first = last_saved()
    for _ in range(2):
        editor.post(UNDO, {"change": first})
    assert "undone already" in text(editor, page(source))
    assert CatalogChange.objects.count() == 2


def test_it_undoes_all_of_a_save_or_nothing(editor: Client, source: Connection) -> None:
    save(editor, source, notes="New", owner="Ana")
    both = " ".join(str(row.pk) for row in editing.history(source))
    save(editor, source, notes="Newer")
    editor.post(UNDO, {"change": both})
    source.refresh_from_db()
    assert (source.notes, source.owner) == ("Newer", "Ana")


@pytest.mark.parametrize("named", ["9000000", "x", "1 x", "²", "-1", "9" * 30])
def test_it_knows_no_such_change(editor: Client, named: str) -> None:
    assert editor.post(UNDO, {"change": named}).status_code == 404


# --- plain text -------------------------------------------------------------------------------
def test_it_runs_nothing_that_people_wrote(editor: Client, source: Connection) -> None:
    save(editor, source, description=EVIL, notes=f"{EVIL}\n{EVIL}", owner=EVIL[:100])
    save(editor, source.app, description=EVIL, owner=EVIL[:100])
    urls = [page(source), form_of(source), reverse("catalog"), f"{reverse('catalog')}?q={EVIL}"]
    for url in [*urls, reverse("catalog-app", args=["backend"]), reverse("catalog-naming")]:
        html = text(editor, url)
        assert "<script>alert" not in html, url
        assert "<img" not in html, url
        assert 'href="https://evil' not in html, url


def test_it_lets_no_text_run_in_a_spreadsheet(editor: Client, source: Connection) -> None:
    save(editor, source, description="=1+1", owner="@SUM(A1)")
    for url in (reverse("catalog-csv"), reverse("export", args=["catalog", "csv"])):
        assert "'@SUM(A1),'=1+1" in text(editor, url)
