"""Writing the catalog's texts: one form for apps, connections and functions, and its undo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST

from cdpwatch import editing, people
from cdpwatch.editing import ChangedMeanwhile, Refused, Thing
from cdpwatch.models import App, CatalogChange, Connection, Function, Role, User
from dashboards.access import needs, person
from dashboards.context import the_workspace
from dashboards.forms import TextsForm
from dashboards.rows import url_of

KINDS: dict[str, type[App] | type[Connection] | type[Function]] = {
    "apps": App,
    "connections": Connection,
    "functions": Function,
}


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Role.EDITOR)
def edit(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    thing = thing_at(kind, pk)
    if request.method != "POST":
        return _form(request, thing, TextsForm(initial=stored(thing)))
    form = TextsForm(request.POST)
    if not form.is_valid():
        return _form(request, thing, form)
    changes, refused = save(person(request), thing, form.cleaned_data, datetime.now(UTC))
    if refused:
        return _form(request, thing, again(request, refused), [told(thing, r) for r in refused])
    if changes:
        messages.success(request, said("Saved.", changes))
    return redirect(url_of(thing))


def thing_at(kind: str, pk: int) -> Thing:
    """Raises Http404 for what is not in the catalog."""
    if kind not in KINDS:
        raise Http404("There is nothing of this kind.")
    found = KINDS[kind].objects.filter(workspace=the_workspace(), pk=pk).first()
    if found is None:
        raise Http404("It is not in the catalog.")
    return found


def _form(
    request: HttpRequest, thing: Thing, form: TextsForm, clashes: list[Clash] | None = None
) -> HttpResponse:
    context = {
        "thing": thing,
        "form": form,
        "clashes": clashes,
        "back": url_of(thing),
        "owners": editing.owners(the_workspace()),
    }
    return render(request, "catalog/edit.html", context, status=409 if clashes else 200)


def stored(thing: Thing) -> dict[str, str]:
    """What the form opens with: every text, and the same once more as what was seen."""
    texts = {field: str(getattr(thing, field)) for field in editing.LIMITS}
    return {**texts, **{f"seen_{field}": text for field, text in texts.items()}}


@transaction.atomic
def save(
    actor: User, thing: Thing, texts: dict[str, str], now: datetime
) -> tuple[list[CatalogChange], list[ChangedMeanwhile]]:
    """Every changed text, or none of them where somebody else has written one meanwhile."""
    made, refused = [], []
    for field in editing.LIMITS:
        seen, by = texts[f"seen_{field}"], actor.get_username()
        try:
            made.append(editing.change(thing, field, texts[field], seen, by, now))
        except ChangedMeanwhile as late:
            refused.append(late)
    if refused:
        transaction.set_rollback(True)
        return [], refused
    changes = [change for change in made if change]
    note(actor, "catalog: texts", thing, changes)
    return changes, []


def note(actor: User, action: str, thing: Thing, changes: list[CatalogChange]) -> None:
    """Log an edit as every other act of people is logged; nothing where nothing changed."""
    if changes:
        before = {change.field: change.before for change in changes}
        after = {change.field: change.after for change in changes}
        people.note(actor, action, f"{editing.kind_of(thing)} {thing}", before, after)


def said(text: str, changes: list[CatalogChange]) -> str:
    """A message with a button of the page's undo form."""
    pks = " ".join(str(change.pk) for change in changes)
    button = '{} <button class="btn" form="undo" name="change" value="{}">Undo</button>'
    return format_html(button, text, pks)


# --- two people at once -----------------------------------------------------------------------
@dataclass(frozen=True)
class Clash:
    """A text that somebody else has written since this form was opened."""

    field: str
    stored: str
    change: CatalogChange | None  # theirs; None where no person wrote it


def told(thing: Thing, refused: ChangedMeanwhile) -> Clash:
    last = (row for row in editing.history(thing) if row.field == refused.field)
    return Clash(refused.field, refused.stored, next(last, None))


def again(request: HttpRequest, refused: list[ChangedMeanwhile]) -> TextsForm:
    """The form as it was sent; sent again, it replaces what its writer has now seen."""
    data = request.POST.copy()
    for late in refused:
        data[f"seen_{late.field}"] = late.stored
    return TextsForm(data)


# --- undo -------------------------------------------------------------------------------------
@require_POST
@needs(Role.EDITOR)
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the changes of one save, all or none."""
    pks = request.POST.get("change", "").split()
    if not pks:
        return redirect("catalog")
    changes = named(pks)
    thing = editing.thing_of(changes[0])
    try:
        made = take_back(person(request), thing, changes, datetime.now(UTC))
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, said("Undone.", made))
    return redirect(url_of(thing))


def named(pks: list[str]) -> list[CatalogChange]:
    """The changes of a save; raises Http404 unless every one is there."""
    wanted = {int(pk) for pk in pks if pk.isascii() and pk.isdigit() and len(pk) < 19}
    rows = CatalogChange.objects.filter(workspace=the_workspace(), pk__in=wanted)
    found = list(rows.select_related("app", "connection", "function"))
    if not found or len(found) != len(pks):
        raise Http404("There is no such change.")
    return found


@transaction.atomic
def take_back(
    actor: User, thing: Thing, changes: list[CatalogChange], now: datetime
) -> list[CatalogChange]:
    made = [editing.undo(change, actor.get_username(), now) for change in changes]
    note(actor, "catalog: undo", thing, made)
    return made
