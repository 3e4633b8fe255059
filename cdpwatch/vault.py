"""Secrets at rest: what is pasted on the Connect page is encrypted, write-only, and used here.

The environment wins over the page. A key list allows rotation: the first key encrypts, every
key decrypts, and a secret that none of them opens is an error, never a wrong value.
"""

from __future__ import annotations

from collections.abc import Collection

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from .counters import Counter
from .counters.vendors import Vendor
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
    variable: str = "",
    candidate: bool = False,
    region: Region = Region.US,
) -> Credential:
    """Encrypt and store a secret in place of the last one of its kind (and `variable`)."""
    row, _ = Credential.objects.update_or_create(
        workspace=workspace,
        kind=kind,
        variable=variable,
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


def keys_of(workspace: Workspace, counter: Counter, *, candidates: bool = False) -> dict[str, str]:
    """A counter's keys in use, by Key.name, without those that are not set. Raises Locked.

    With `candidates` those that wait for their check go before the ones in use.
    """
    rows = list(_vendor_keys(workspace, counter, candidates).order_by("candidate"))
    stored = {row.variable: row for row in rows}
    found = {}
    for key in counter.keys:
        value = settings.VENDOR_VARIABLES.get(key.variable)
        if not value and key.variable in stored:
            value = secret_of(stored[key.variable])
        if value:
            found[key.name] = value
    return found


def pasted_variables(workspace: Workspace) -> set[str]:
    """The variables of the vendors' keys that were pasted and are in use."""
    rows = workspace.credentials.filter(kind=CredentialKind.VENDOR_KEY, candidate=False)
    return set(rows.values_list("variable", flat=True))


def has_keys(counter: Counter, pasted: Collection[str]) -> bool:
    """Whether a counter has every key that it needs, in the environment or among `pasted`."""
    return all(
        key.optional or key.variable in pasted or settings.VENDOR_VARIABLES.get(key.variable)
        for key in counter.keys
    )


def keep_key(
    workspace: Workspace, counter: Counter, name: str, value: str, *, candidate: bool = False
) -> None:
    """Store a new value that the vendor gave in place of the key called `name`."""
    variable = next(key.variable for key in counter.keys if key.name == name)
    kind = CredentialKind.VENDOR_KEY
    keep(workspace, kind, value, counter.key, variable=variable, candidate=candidate)


def promote_keys(workspace: Workspace, vendor: Vendor) -> None:
    """Put the keys that waited for their check in place of the ones in use."""
    rows = _vendor_keys(workspace, vendor, candidates=True)
    with transaction.atomic():
        fresh = list(rows.filter(candidate=True).values_list("variable", flat=True))
        rows.filter(candidate=False, variable__in=fresh).delete()
        rows.filter(candidate=True).update(candidate=False)


def discard_keys(workspace: Workspace, vendor: Vendor) -> None:
    """Forget the keys that wait for their check."""
    _vendor_keys(workspace, vendor, candidates=True).filter(candidate=True).delete()


def forget_keys(workspace: Workspace, vendor: Vendor) -> None:
    """Forget everything that was pasted for a vendor."""
    _vendor_keys(workspace, vendor, candidates=True).delete()


def vendor_url(counter: Counter) -> str:
    return settings.VENDOR_VARIABLES.get(counter.url_variable) or counter.url


def _vendor_keys(
    workspace: Workspace, whose: Counter | Vendor, candidates: bool = False
) -> QuerySet[Credential]:
    rows = workspace.credentials.filter(kind=CredentialKind.VENDOR_KEY)
    rows = rows.filter(variable__in=[key.variable for key in whose.keys])
    return rows if candidates else rows.filter(candidate=False)


def segment_url(region: str) -> str:
    return settings.SEGMENT_API_URL or BASE_URLS[Region(region)]


def _stored(workspace: Workspace, kind: CredentialKind) -> str:
    row = Credential.objects.filter(workspace=workspace, kind=kind, candidate=False).first()
    return secret_of(row) if row else ""


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
