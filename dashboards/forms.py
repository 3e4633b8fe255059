"""What people type into pages, checked before anything is kept.

Secrets go into password fields: the browser hides them, and Django never writes them back into
a page, not even with an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm
from django.core.exceptions import ValidationError
from django.http import QueryDict

from cdpwatch import connecting, editing, snapshot, wording
from cdpwatch.counters import Key
from cdpwatch.counters.vendors import Vendor
from cdpwatch.models import Contract, Environment, Region, Role, User

if TYPE_CHECKING:  # at run time Django's classes take no type arguments
    ContractModelForm = forms.ModelForm[Contract]
    EnvironmentModelForm = forms.ModelForm[Environment]
    EnvironmentModelFormSet = forms.BaseModelFormSet[Environment, "EnvironmentForm"]
    UserForm = BaseUserCreationForm[User]
else:
    ContractModelForm = EnvironmentModelForm = forms.ModelForm
    EnvironmentModelFormSet = forms.BaseModelFormSet
    UserForm = BaseUserCreationForm

LONGEST_KEY = 8000  # characters: a service account's key file is one
SLACK_HOST = "hooks.slack.com"
_ONE_WORD = re.compile(r"[\x21-\x7e]+")  # what may stand in an HTTP header


def _secret(label: str, help_text: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, help_text=help_text, max_length=400, widget=widget)


def _region() -> forms.ChoiceField:
    """Asked for without a default: the wrong region answers with emptiness."""
    return forms.ChoiceField(
        choices=[("", "Choose…"), *Region.choices],
        help_text="Where the workspace’s data live: Segment, Workspace settings, General.",
    )


# --- Connect ----------------------------------------------------------------------------------
class TokenForm(forms.Form):
    token = _secret(
        "Public API token",
        "A Workspace Owner makes it in Segment: Settings, Workspace settings, Access Management, "
        "Tokens. cdpwatch only reads.",
    )
    region = _region()

    def clean_token(self) -> str:
        token = str(self.cleaned_data["token"])
        if not _ONE_WORD.fullmatch(token):
            raise ValidationError("Paste the token alone: it holds no spaces or line breaks.")
        return token


class RegionForm(forms.Form):
    region = _region()


class CountryForm(forms.Form):
    """`seen` is the choice that the page showed."""

    country = forms.ChoiceField(
        label="Holidays of",
        required=False,
        help_text="The projection learns from its past holidays what the coming ones will do.",
    )
    seen = forms.CharField(required=False, max_length=2, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "No country"), *snapshot.countries().items()]
        cast(forms.ChoiceField, self.fields["country"]).choices = choices


class WebhookForm(forms.Form):
    webhook = _secret(
        "Incoming webhook",
        f"From Slack’s app page, Incoming Webhooks. It begins with https://{SLACK_HOST}/",
    )

    def clean_webhook(self) -> str:
        address = str(self.cleaned_data["webhook"])
        if not _is_slack(address) and not (settings.ALLOW_LOOPBACK and _is_loopback(address)):
            raise ValidationError(f"This is not a webhook of https://{SLACK_HOST}/.")
        return address


def _is_slack(address: str) -> bool:
    return bool(_ONE_WORD.fullmatch(address)) and address.startswith(f"https://{SLACK_HOST}/")


def _is_loopback(address: str) -> bool:
    """A Slack of the demo workspace's kind."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    hosts = ("127.0.0.1", "localhost", "::1")
    return parts.scheme in ("http", "https") and parts.hostname in hosts


class KeysForm(forms.Form):
    """A vendor's keys, by the environment's names for them."""

    def __init__(self, vendor: Vendor, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id=f"{vendor.key}-%s")
        self.vendor = vendor
        for key in vendor.keys:
            if not connecting.key_from_environment(key):
                self.fields[key.variable] = _key_field(key)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in list(cleaned.items()):  # add_error takes it out
            if not (value.isascii() and value.isprintable()):
                self.add_error(name, "It holds line breaks, or characters that no key has.")
        return cleaned


def _key_field(key: Key) -> forms.CharField:
    attrs = {"autocomplete": "off", "spellcheck": "false"}
    widget = forms.PasswordInput(attrs=attrs) if key.secret else forms.TextInput(attrs=attrs)
    return forms.CharField(
        label=key.label, required=not key.optional, max_length=LONGEST_KEY, widget=widget
    )


class ContractForm(ContractModelForm):
    allowance = forms.IntegerField(
        label="Allowance", min_value=1, max_value=10**15, help_text="API calls, e.g. 40000000."
    )
    cycle_day = forms.IntegerField(
        min_value=1,
        max_value=31,
        help_text="Day of the month on which a period begins. 29 to 31 fall on a shorter "
        "month’s last day.",
    )
    starts_on = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="First day that this allowance judges; a year counts from its month.",
    )

    class Meta:
        model = Contract
        fields = ("allowance", "period", "cycle_day", "starts_on")


class EnvironmentForm(EnvironmentModelForm):
    spellings = forms.CharField(
        label="Other spellings",
        required=False,
        max_length=400,
        widget=forms.TextInput(attrs={"placeholder": "production, prd, live", "size": 40}),
    )

    class Meta:
        model = Environment
        fields = ("name", "production")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["spellings"].initial = ", ".join(self.instance.aliases)

    def clean_spellings(self) -> list[str]:
        words = str(self.cleaned_data["spellings"]).split(",")
        return sorted({word.strip().lower() for word in words if word.strip()})

    def save(self, commit: bool = True) -> Environment:
        self.instance.aliases = self.cleaned_data["spellings"]
        return super().save(commit)


class EnvironmentFormSet(EnvironmentModelFormSet):
    """The whole list at once: a name, or another spelling, means one environment."""

    def clean(self) -> None:
        super().clean()
        seen: set[str] = set()
        for form in self.forms:
            kept = form.cleaned_data if hasattr(form, "cleaned_data") else {}
            if not kept.get("name") or kept.get("DELETE"):
                continue
            words = {kept["name"].lower(), *kept.get("spellings", [])}
            if twice := seen & words:
                raise ValidationError(f"“{min(twice)}” is in the list twice.")
            seen |= words


EnvironmentForms = forms.modelformset_factory(
    Environment, form=EnvironmentForm, formset=EnvironmentFormSet, extra=1, can_delete=True
)


# --- texts of the catalog ----------------------------------------------------------------------
class PlainText(forms.CharField):
    """A text of the catalog, as it is kept."""

    def __init__(self, field: str, **kwargs: Any) -> None:
        limit = editing.LIMITS[field]
        told = f"Keep it to {wording.exact(limit)} characters: this has %(show_value)d."
        messages = {"max_length": told}
        super().__init__(required=False, max_length=limit, error_messages=messages, **kwargs)

    def to_python(self, value: object) -> str:
        return editing.tidy(super().to_python(value) or "")


def _seen() -> forms.CharField:
    """What a field said when its form was opened: whoever comes second is told by it."""
    return forms.CharField(required=False, strip=False, widget=forms.HiddenInput)


class TextsForm(forms.Form):
    """Description, owner and notes of an app, a connection or a function."""

    description = PlainText(
        "description",
        help_text="What it is, in a sentence or two.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    owner = PlainText(
        "owner",
        help_text="The person or team to ask about it.",
        widget=forms.TextInput(attrs={"list": "owners", "autocomplete": "off"}),
    )
    notes = PlainText(
        "notes",
        help_text="Plain text; line breaks stay.",
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    seen_description, seen_owner, seen_notes = _seen(), _seen(), _seen()

    def clean_owner(self) -> str:
        return " ".join(str(self.cleaned_data["owner"]).split())


# --- people -----------------------------------------------------------------------------------
class FirstAdminForm(UserForm):
    class Meta:
        model = User
        fields = ("username", "email")

    def save(self, commit: bool = True) -> User:
        self.instance.role = Role.ADMIN
        return super().save(commit)


class PersonForm(UserForm):
    """Somebody new; the admin passes the first password on, and its owner changes it."""

    class Meta:
        model = User
        fields = ("username", "email", "role")


class RightsForm(forms.Form):
    """One line of the list of people."""

    role = forms.ChoiceField(choices=Role.choices)
    active = forms.BooleanField(required=False)
