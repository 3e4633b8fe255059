"""People: the first admin, one's own password, and the list that admins keep."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import LoginView
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cdpwatch import people
from cdpwatch.models import Role, User
from dashboards.access import needs, person
from dashboards.forms import FirstAdminForm, PersonForm, RightsForm
from dashboards.turnstile import Turnstile

BACKEND = "django.contrib.auth.backends.ModelBackend"
# A hash takes a core for a quarter of a second: many at once would hold up every other page.
PASSWORD_CHECKS = Turnstile(waiting=6, seconds=1.5)


class SignIn(LoginView):
    """Sign in. Passwords are checked one at a time; too many at once are told to come back."""

    template_name = "people/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with PASSWORD_CHECKS.turn() as mine:
            if mine:
                return super().post(request, *args, **kwargs)
        busy = render(request, "people/busy.html", status=503)
        busy.headers["Retry-After"] = "2"  # seconds
        return busy


@sensitive_post_parameters()
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first admin: for whoever has the link, as long as there is no admin."""
    token = request.GET.get("token", "")
    if not (people.needs_setup() and token.isascii() and people.is_setup_token(token)):
        raise Http404
    form = FirstAdminForm(request.POST or None)
    if not form.is_valid():
        return render(request, "people/setup.html", {"form": form})
    user = form.save()
    people.note(user, "first admin", user.get_username())
    login(request, user, BACKEND)
    return redirect("connect")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password; this browser stays signed in, the others do not."""
    actor = person(request)
    form = PasswordChangeForm(actor, request.POST or None)
    if not form.is_valid():
        return render(request, "people/password.html", {"form": form})
    form.save()
    update_session_auth_hash(request, actor)
    people.note(actor, "password changed", actor.get_username())
    messages.success(request, "Your password is changed.")
    return redirect("overview")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Role.ADMIN)
def users(request: HttpRequest) -> HttpResponse:
    """The list of people, and the form that adds one."""
    form = PersonForm(request.POST or None)
    if not form.is_valid():
        everybody = User.objects.order_by("-is_active", "username")
        context = {"form": form, "people": everybody, "roles": Role.choices}
        return render(request, "people/users.html", context)
    added = form.save()
    people.note(person(request), "person added", added.get_username(), after={"role": added.role})
    messages.success(request, f"{added} can sign in now. Pass the password on; it can be changed.")
    return redirect("users")


@require_POST
@needs(Role.ADMIN)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """Change somebody's role, or whether they may sign in. Open sessions obey at once."""
    form, actor = RightsForm(request.POST), person(request)
    other = get_object_or_404(User, pk=pk)
    if other.pk == actor.pk:
        messages.error(request, "Your own role is changed by another admin.")
    elif not form.is_valid():
        messages.error(request, "Choose one of the roles.")
    elif change_rights(actor, other, form.cleaned_data["role"], form.cleaned_data["active"]):
        messages.success(request, f"{other} is saved.")
    else:
        messages.error(request, "One active admin must stay.")
    return redirect("users")


@transaction.atomic
def change_rights(actor: User, other: User, role: str, active: bool) -> bool:
    """False, and nothing changed, when no admin would be left."""
    before = {"role": other.role, "active": other.is_active}
    other.role, other.is_active = role, active
    other.save(update_fields=["role", "is_active"])
    if people.needs_setup():
        transaction.set_rollback(True)
        return False
    people.note(actor, "rights changed", str(other), before, {"role": role, "active": active})
    return True


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Role.ADMIN)
def set_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give somebody a new password: for who forgot theirs. It ends their sessions."""
    other = get_object_or_404(User, pk=pk)
    form = SetPasswordForm(other, request.POST or None)
    if not form.is_valid():
        return render(request, "people/set_password.html", {"form": form, "other": other})
    form.save()
    people.note(person(request), "password set", other.get_username())
    messages.success(request, f"{other} has a new password. Pass it on; it can be changed.")
    return redirect("users")
