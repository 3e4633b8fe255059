"""The Connect page: an admin brings in Segment, the contract, Slack, environments and vendors.

Each card has its own form and address; a form that does not hold comes back on the whole page.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from cdpwatch import asking, connecting, contracts, health, people, roster, snapshot
from cdpwatch.models import Contract, Region, RequestKind, Role, WorkRequest
from dashboards import cards, vendor_cards
from dashboards.access import needs, person
from dashboards.context import the_workspace
from dashboards.forms import (
    ContractForm,
    CountryForm,
    EnvironmentForms,
    EnvironmentModelFormSet,
    KeysForm,
    RegionForm,
    TokenForm,
    WebhookForm,
)


@require_safe
@needs(Role.ADMIN)
def connect(request: HttpRequest) -> HttpResponse:
    return page(request)


def page(
    request: HttpRequest,
    *,
    environments: EnvironmentModelFormSet | None = None,
    keys_form: KeysForm | None = None,
    **forms: BaseForm,
) -> HttpResponse:
    """The whole page; `forms` are those that came back with errors."""
    workspace, now = the_workspace(), datetime.now(UTC)
    contract = Contract.objects.get(workspace=workspace)
    unbound = {
        "token_form": TokenForm(),
        "region_form": RegionForm(initial={"region": workspace.region}),
        "contract_form": ContractForm(instance=contract),
        "country_form": CountryForm(
            initial={"country": workspace.country, "seen": workspace.country}
        ),
        "webhook_form": WebhookForm(),
    }
    context = {
        **unbound,
        **forms,
        "now": now,
        "worker_answers": health.worker_answers(now),
        "segment": cards.segment(workspace, now),
        "contract": contract,
        "country": workspace.country,
        "evidence": cards.evidence(workspace, contract, now.date()),
        "slack": cards.slack(workspace, now),
        "environments": environments or environment_forms(),
        "warehouse": health.warehouse_use(workspace, roster.connected_counters(workspace), now),
        "vendors": vendor_cards.cards(workspace, now, keys_form),
        "demo_keys": f"{settings.DEMO_URL}/vendors" if settings.DEMO else "",
    }
    return render(request, "connect/connect.html", context)


# --- Segment ----------------------------------------------------------------------------------
@sensitive_post_parameters()
@require_POST
@needs(Role.ADMIN)
def paste_token(request: HttpRequest) -> HttpResponse:
    form, actor = TokenForm(request.POST), person(request)
    if not form.is_valid():
        return page(request, token_form=form)
    region = Region(form.cleaned_data["region"])
    name = actor.get_username()
    kept = connecting.paste_token(the_workspace(), form.cleaned_data["token"], region, name)
    people.note(actor, "token pasted", "Segment", after=_told(kept.last_four, region))
    return redirect("connect")


@require_POST
@needs(Role.ADMIN)
def use_token(request: HttpRequest) -> HttpResponse:
    actor = person(request)
    used = connecting.use_token(the_workspace(), actor.get_username())
    if used is None:
        messages.error(request, "There is no checked token to use. Paste it again.")
        return redirect("connect")
    people.note(actor, "token in use", "Segment", after=_told(used.last_four, used.region))
    messages.success(request, "The token is in use. The first counts arrive within a minute.")
    return redirect("connect")


@require_POST
@needs(Role.ADMIN)
def discard_token(request: HttpRequest) -> HttpResponse:
    connecting.discard_token(the_workspace())
    people.note(person(request), "token discarded", "Segment")
    return redirect("connect")


@require_POST
@needs(Role.ADMIN)
def set_region(request: HttpRequest) -> HttpResponse:
    """The region of a token that comes from the environment."""
    form, actor, workspace = RegionForm(request.POST), person(request), the_workspace()
    if not form.is_valid():
        return page(request, region_form=form)
    before, after = {"region": workspace.region}, {"region": form.cleaned_data["region"]}
    connecting.set_region(workspace, Region(after["region"]), actor.get_username())
    people.note(actor, "region", "Segment", before, after)
    messages.success(request, "The region is saved.")
    return redirect("connect")


def _told(last_four: str, region: str) -> dict[str, str]:
    """What the log may know of a token."""
    return {"ends in": last_four, "region": region}


# --- the contract -----------------------------------------------------------------------------
@require_POST
@needs(Role.ADMIN)
@transaction.atomic
def confirm_contract(request: HttpRequest) -> HttpResponse:
    """What is sent is what is confirmed."""
    contract, actor = Contract.objects.get(workspace=the_workspace()), person(request)
    form = ContractForm(request.POST, instance=contract)
    if not form.is_valid():
        return page(request, contract_form=form)
    confirmed = form.save(commit=False)
    by, now = actor.get_username(), datetime.now(UTC)
    confirmed.confirmed_by, confirmed.confirmed_at = by, now
    try:
        contracts.enter(confirmed, by, now, "contract confirmed")
    except contracts.Refused as refused:
        form.add_error(None, str(refused))
        return page(request, contract_form=form)
    messages.success(request, "The contract is confirmed. Every page judges by it from now on.")
    return redirect("connect")


@require_POST
@needs(Role.ADMIN)
@transaction.atomic
def set_country(request: HttpRequest) -> HttpResponse:
    """Whose holidays are days off. The undo button sends the choice before, by the same door."""
    form, actor, workspace = CountryForm(request.POST), person(request), the_workspace()
    if not form.is_valid():
        return page(request, country_form=form)
    country, seen = form.cleaned_data["country"], form.cleaned_data["seen"]
    if country == workspace.country:
        return redirect("connect")
    if not connecting.set_country(workspace, country, seen):
        messages.error(request, "Somebody has chosen another country meanwhile: look again.")
        return redirect("connect")
    people.note(actor, "country", str(workspace), {"country": seen}, {"country": country})
    messages.success(request, _country_said(country, seen))
    return redirect("connect")


def _country_said(country: str, before: str) -> str:
    """A message with a button of the page's undo form."""
    name = snapshot.countries().get(country)
    said = f"Days off are those of {name}." if name else "No day counts as a holiday."
    button = '{} <button class="btn" form="country-undo" name="country" value="{}">Undo</button>'
    return format_html(button, said, before)


# --- Slack ------------------------------------------------------------------------------------
@sensitive_post_parameters()
@require_POST
@needs(Role.ADMIN)
def paste_webhook(request: HttpRequest) -> HttpResponse:
    form, actor = WebhookForm(request.POST), person(request)
    if not form.is_valid():
        return page(request, webhook_form=form)
    address = form.cleaned_data["webhook"]
    kept = connecting.paste_webhook(the_workspace(), address, actor.get_username())
    people.note(actor, "webhook pasted", "Slack", after={"ends in": kept.last_four})
    return redirect("connect")


@require_POST
@needs(Role.ADMIN)
def test_slack(request: HttpRequest) -> HttpResponse:
    actor = person(request)
    asking.ask(the_workspace(), RequestKind.TEST_SLACK, actor.get_username())
    people.note(actor, "test message", "Slack")
    return redirect("connect")


# --- environments -----------------------------------------------------------------------------
def environment_forms(
    request: HttpRequest | None = None,
) -> EnvironmentModelFormSet:
    rows = the_workspace().environments.all()
    data = request.POST if request else None
    return EnvironmentForms(data, queryset=rows, prefix="env")


@require_POST
@needs(Role.ADMIN)
@transaction.atomic
def save_environments(request: HttpRequest) -> HttpResponse:
    workspace, actor = the_workspace(), person(request)
    before = cards.spellings(workspace)
    forms = environment_forms(request)
    if not forms.is_valid():
        return page(request, environments=forms)
    kept = forms.save(commit=False)
    connecting.save_environments(workspace, kept, forms.deleted_objects, actor.get_username())
    people.note(actor, "environments", "catalog", before, cards.spellings(workspace))
    messages.success(request, "The environments are saved and every connection is placed anew.")
    return redirect("connect")


# --- waiting ----------------------------------------------------------------------------------
@require_safe
@needs(Role.ADMIN)
def request_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the page that waits for a check may stop waiting."""
    kinds = (RequestKind.CHECK_TOKEN, RequestKind.TEST_SLACK, RequestKind.CHECK_KEYS)
    rows = WorkRequest.objects.filter(workspace=the_workspace(), kind__in=kinds)
    return JsonResponse({"done": asking.is_over(get_object_or_404(rows, pk=pk), datetime.now(UTC))})
