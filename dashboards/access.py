"""Who may open what: signing in is the rule for every page (middleware), roles are asked here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from cdpwatch.models import Role, User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def needs(role: Role) -> Callable[[View[P]], View[P]]:
    """Let only people with `role` or more in; everybody else gets a 403 that says so."""

    def wrap(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not person(request).can(role):
                raise PermissionDenied(f"This needs the role {role.label}.")
            return view(request, *args, **kwargs)

        return checked

    return wrap


def private(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: no cache keeps a page, for the next person at this browser is somebody else.

    Nor may a page reach for a device of the reader's. Static files are answered before it and
    keep their own rule.
    """

    def answered(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        return response

    return answered


def client_address(request: HttpRequest) -> str:
    """Where a sign-in comes from: behind our own TLS proxy, the address that it noted last."""
    noted = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.HTTPS else ""
    return noted.rsplit(",", 1)[-1].strip() or request.META.get("REMOTE_ADDR", "")


def person(request: HttpRequest) -> User:
    """Who is signed in. Pages behind the login middleware always have one."""
    if isinstance(request.user, AnonymousUser):
        raise PermissionDenied("Sign in first.")
    assert isinstance(request.user, User)
    return request.user
