"""Secrets at rest: what is pasted on the Connect page is encrypted, write-only, and used here.

The environment wins over the page. A key list allows rotation: the first key encrypts, every
key decrypts, and a secret that none of them opens is an error, never a wrong value.
"""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone

from .models import Credential, CredentialKind, Region, Workspace

BASE_URLS = {
    Region.US: "https://api.segmentapis.com",
    Region.EU: "https://eu1.api.segmentapis.com",
}


class Locked(Exception):
    """No key of CDPWATCH_ENCRYPTION_KEYS opens a stored secret."""


def keep(
    workspace: Workspace,
    kind: CredentialKind,
    secret: str,
    by: str,
    *,
    candidate: bool = False,
    region: Region = Region.US,
) -> Credential:
    """Encrypt and store a secret in place of the last one of its kind."""
    row, _ = Credential.objects.update_or_create(
        workspace=workspace,
        kind=kind,
        candidate=candidate,
        defaults={
            "ciphertext": _fernet().encrypt(secret.encode()),
            "last_four": secret[-4:],
            "region": region,
            "set_by": by,
            "set_at": timezone.now(),
        },
    )
    return row


def promote(workspace: Workspace, kind: CredentialKind) -> None:
    """Put the candidate in place of the one in use. Call inside a transaction."""
    rows = Credential.objects.filter(workspace=workspace, kind=kind)
    if rows.filter(candidate=True).exists():
        rows.filter(candidate=False).delete()
        rows.filter(candidate=True).update(candidate=False)


def secret_of(credential: Credential) -> str:
    """The plain secret. Raises Locked when the keys have changed."""
    try:
        return _fernet().decrypt(bytes(credential.ciphertext)).decode()
    except InvalidToken:
        raise Locked(
            f"The stored {credential.get_kind_display()} cannot be opened with the present "
            "CDPWATCH_ENCRYPTION_KEYS; paste it again on the Connect page."
        ) from None


def segment_token(workspace: Workspace) -> str:
    """The token in use, or "" when there is none."""
    return settings.SEGMENT_API_TOKEN or _stored(workspace, CredentialKind.SEGMENT_TOKEN)


def slack_webhook(workspace: Workspace) -> str:
    """The webhook in use, or "" when there is none."""
    return settings.SLACK_WEBHOOK_URL or _stored(workspace, CredentialKind.SLACK_WEBHOOK)


def has_segment_token(workspace: Workspace) -> bool:
    """Whether there is a token in use, without opening it."""
    return bool(settings.SEGMENT_API_TOKEN) or _is_stored(workspace, CredentialKind.SEGMENT_TOKEN)


def has_slack_webhook(workspace: Workspace) -> bool:
    """Whether there is a webhook, without opening it."""
    return bool(settings.SLACK_WEBHOOK_URL) or _is_stored(workspace, CredentialKind.SLACK_WEBHOOK)


def _is_stored(workspace: Workspace, kind: CredentialKind) -> bool:
    return workspace.credentials.filter(kind=kind, candidate=False).exists()


def segment_url(region: str) -> str:
    return settings.SEGMENT_API_URL or BASE_URLS[Region(region)]


def _stored(workspace: Workspace, kind: CredentialKind) -> str:
    row = Credential.objects.filter(workspace=workspace, kind=kind, candidate=False).first()
    return secret_of(row) if row else ""


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
