"""People: the first admin, and how to sign in."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import transaction

from .env import kept_secret
from .models import AuditLog, Role, User

DEMO_USER = "demo"


def setup_token() -> str:
    """What the address of the set-up page must carry, so that only who started it may use it."""
    return kept_secret(settings.DATA_DIR / "setup-token")


def needs_setup() -> bool:
    return not User.objects.filter(role=Role.ADMIN, is_active=True).exists()


def is_setup_token(token: str) -> bool:
    return secrets.compare_digest(token.encode(), setup_token().encode())


def sign_in_hint(url: str) -> str:
    """How to sign in, for whoever started cdpwatch in this terminal."""
    if settings.DEMO:
        return f"{url}/  sign in as {DEMO_USER} with {demo_password()}"
    if needs_setup():
        return f"{url}/setup/?token={setup_token()}  makes the first admin"
    return f"{url}/"


def demo_password() -> str:
    """The demo admin's password, made once; the account is made with it when it is missing."""
    password = kept_secret(settings.DATA_DIR / "demo-password")[:16]
    user, made = User.objects.get_or_create(username=DEMO_USER, defaults={"role": Role.ADMIN})
    if made:
        user.set_password(password)
        user.save()
    return password


@transaction.atomic
def note(
    actor: User, action: str, subject: str, before: object = None, after: object = None
) -> None:
    """Append to the log of what people changed."""
    AuditLog.objects.create(
        actor=actor.get_username(),
        action=action,
        subject=subject[:200],
        before=before or {},
        after=after or {},
    )
