"""The vendors on the Connect page: keys in, tried by the worker, kept or not; and out again."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from cdpwatch import connecting, people
from cdpwatch.counters import COUNTERS
from cdpwatch.counters.vendors import Vendor, vendors
from cdpwatch.models import Role
from dashboards.access import needs, person
from dashboards.context import the_workspace
from dashboards.forms import KeysForm
from dashboards.views.connect import page


@sensitive_post_parameters()
@require_POST
@needs(Role.ADMIN)
def paste_keys(request: HttpRequest, vendor: str) -> HttpResponse:
    whose, actor = _vendor(vendor), person(request)
    form = KeysForm(whose, request.POST)
    if not form.is_valid():
        return page(request, keys_form=form)
    keys = {name: value for name, value in form.cleaned_data.items() if value}
    connecting.paste_keys(the_workspace(), whose, keys, actor.get_username())
    people.note(actor, "keys pasted", whose.name, after={"keys": sorted(keys)})
    return _back_to(whose)


@require_POST
@needs(Role.ADMIN)
def forget_keys(request: HttpRequest, vendor: str) -> HttpResponse:
    whose = _vendor(vendor)
    connecting.forget_keys(the_workspace(), whose)
    people.note(person(request), "keys forgotten", whose.name)
    return _back_to(whose)


def _back_to(vendor: Vendor) -> HttpResponse:
    return redirect(f"{reverse('connect')}#vendor-{vendor.key}")


def _vendor(key: str) -> Vendor:
    found = vendors(COUNTERS.values())
    if key not in found:
        raise Http404("There is no such vendor.")
    return found[key]
