"""What people type about the contract: terms, amendments and what is laid over them.

A form checks what one field can be; `cdpwatch.contracts` refuses what cannot be together, in
sentences that come back as errors of the form. People give the last day that holds, the tables
keep the first that does not.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from cdpwatch import contracts, wording
from cdpwatch.budget import Rate, money
from cdpwatch.budget.subbudgets import BY, SubBudget
from cdpwatch.models import Connection, Contract, PeriodKind, Workspace

if TYPE_CHECKING:  # at run time Django's classes take no type arguments
    ContractModelForm = forms.ModelForm[Contract]
else:
    ContractModelForm = forms.ModelForm

MOST_CALLS = 10**15
UNITS = tuple((unit, f"{wording.exact(unit)} calls") for unit in reversed(money.UNITS))
BOOKED = ("purchase_order", "cost_centre")  # no term: nothing is counted or judged by them
_SPAN = "A day lies between 2000 and 2099."
_ONE_DAY = timedelta(days=1)


def day_field(label: str, help_text: str = "", *, required: bool = True) -> forms.DateField:
    """A UTC day that date arithmetic can go on from."""
    return forms.DateField(
        label=label,
        help_text=help_text,
        required=required,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[
            MinValueValidator(date(2000, 1, 1), _SPAN),
            MaxValueValidator(date(2099, 12, 31), _SPAN),
        ],
    )


def calls_field(
    label: str, help_text: str = "", *, required: bool = True, least: int = 1
) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        required=required,
        min_value=least,
        max_value=MOST_CALLS,
    )


def money_field(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=False,
        min_value=0,
        max_digits=16,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )


class CurrencyField(forms.CharField):
    """An ISO 4217 code, in capitals however it was typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=3, max_length=3, **kwargs)

    def to_python(self, value: object) -> str:
        return str(super().to_python(value) or "").upper()


def after(last: date | None) -> date | None:
    """The first day that no longer counts, of the last that does."""
    return last and last + _ONE_DAY


def last_before(end: date | None) -> date | None:
    return end and end - _ONE_DAY


def cycle_field(*, required: bool = True) -> forms.IntegerField:
    return forms.IntegerField(
        label="Cycle day",
        required=required,
        min_value=1,
        max_value=31,
        help_text="Day of the month on which a period begins, 1 to 31. 29 to 31 fall on a "
        "shorter month’s last day.",
    )


class TermsForm(ContractModelForm):
    """The terms that the contract began with."""

    allowance = calls_field("Allowance", "API calls a period, e.g. 40000000.")
    period = forms.ChoiceField(label="Period", choices=PeriodKind.choices)
    cycle_day = cycle_field()
    starts_on = day_field("First day", "It judges nothing before; a year counts from its month.")
    last_day = day_field(
        "Last day of the term", "Empty: it has no end. A whole term needs one.", required=False
    )
    carries_over = forms.BooleanField(label="Unused calls carry over", required=False)
    carry_cap = calls_field(
        "Carry-over cap",
        "Calls that carry over at most. Empty: all of them.",
        required=False,
        least=0,
    )
    currency = CurrencyField(label="Currency", help_text="ISO 4217, such as USD or EUR.")
    price = money_field("Price of a period", "Empty: not known, and no page shows money.")
    overage_price = money_field("Overage price", "Of calls above the allowance.")
    overage_unit = forms.TypedChoiceField(label="Overage is priced by", choices=UNITS, coerce=int)
    purchase_order = forms.CharField(label="Purchase order", required=False, max_length=100)
    cost_centre = forms.CharField(label="Cost centre", required=False, max_length=100)
    # The newest entry when the form was opened: whoever comes second is told of it.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Contract
        fields = (
            "allowance",
            "period",
            "cycle_day",
            "starts_on",
            "carries_over",
            "carry_cap",
            "currency",
            "price",
            "overage_price",
            "overage_unit",
            "purchase_order",
            "cost_centre",
        )

    field_order = ("allowance", "period", "cycle_day", "starts_on", "last_day")

    @property
    def corrects(self) -> bool:
        """Whether confirmed terms stay, and only what they are booked on changes."""
        changed = set(self.changed_data) - {"seen"}
        return bool(changed and self.instance.confirmed_at and changed <= set(BOOKED))


class AmendmentForm(forms.Form):
    """What changes from a day on; what is left empty stays."""

    starts_on = day_field("From", "The first day of the change, UTC.")
    allowance = calls_field("New allowance", "API calls a period.", required=False)
    whole = forms.BooleanField(
        label="for the whole of the running period",
        required=False,
        help_text="Else a period in which it changes has both allowances, by days.",
    )
    period = forms.ChoiceField(
        label="New period",
        required=False,
        choices=[("", "stays"), *PeriodKind.choices],
        help_text="A new period or cycle day ends the running period on that day.",
    )
    cycle_day = cycle_field(required=False)
    last_day = day_field("New last day of the term", required=False)
    price = money_field("New price of a period")
    overage_price = money_field("New overage price")
    overage_unit = forms.TypedChoiceField(
        label="Overage is priced by",
        required=False,
        choices=[("", "stays"), *UNITS],
        coerce=int,
        empty_value=None,
    )
    currency = CurrencyField(label="New currency", required=False)
    note = forms.CharField(
        label="Note", required=False, max_length=300, help_text="Why, or where it is written."
    )

    def fields_of(self, held: Rate) -> dict[str, Any]:
        """The fields of an Amendment; money that is not named stays as `held` on its first day."""
        said = self.cleaned_data
        return {
            "starts_on": said["starts_on"],
            "allowance": said["allowance"],
            "whole": said["whole"],
            "period": said["period"],
            "cycle_day": said["cycle_day"],
            "ends_on": after(said["last_day"]),
            "note": said["note"],
            **self._money(held),
        }

    def _money(self, held: Rate) -> dict[str, Any]:
        said = self.cleaned_data
        names = ("currency", "price", "overage_price", "overage_unit")
        if all(said[name] in (None, "") for name in names):
            return {}
        return {
            "priced": True,
            "currency": said["currency"] or held.currency,
            "price": _first(said["price"], held.price),
            "overage_price": _first(said["overage_price"], held.overage),
            "overage_unit": said["overage_unit"] or held.unit,
        }


def _first(given: Decimal | None, held: Decimal | None) -> Decimal | None:
    return held if given is None else given


class ReasonForm(forms.Form):
    why = forms.CharField(
        label="Reason",
        max_length=300,
        help_text="It stays in the history with your name.",
        error_messages={"required": "Say why the amendment is withdrawn."},
    )


class CoverForm(forms.Form):
    """A workspace that no contract holds yet, or an assumed one."""

    workspace = forms.ModelChoiceField(Workspace.objects.none(), empty_label="Choose…")

    def __init__(self, contract: Contract, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        free = contracts.coverable(contract)
        self.fields["workspace"].queryset = free  # type: ignore[attr-defined]


class SubBudgetForm(forms.Form):
    name = forms.CharField(max_length=100)
    allowance = calls_field("Calls a period")
    by = forms.ChoiceField(label="For sources by", choices=[(name, name) for name in BY])
    values = forms.CharField(
        label="Which",
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line, spelled as listed below. A label is written key:value.",
    )

    def made(self) -> SubBudget:
        said = self.cleaned_data
        lines = (line.strip() for line in said["values"].splitlines())
        values = tuple(dict.fromkeys(line for line in lines if line))
        return SubBudget(said["name"], said["allowance"], said["by"], values)


class EventForm(forms.Form):
    """Something planned that changes the traffic."""

    name = forms.CharField(max_length=100)
    starts_on = day_field("From", "The first day, UTC.")
    last_day = day_field("To", "The last day. Empty: for good.", required=False)
    scale = forms.FloatField(
        label="Calls are multiplied by",
        required=False,
        min_value=0,
        max_value=1_000,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text="1.5 is half as many again, 0 is off. Empty: they stay.",
    )
    per_day = forms.IntegerField(
        label="Calls a day on top",
        required=False,
        min_value=-(10**10),
        max_value=10**10,
        help_text="Fewer with a minus sign.",
    )
    source = forms.ModelChoiceField(
        Connection.objects.none(), required=False, empty_label="every source"
    )

    def __init__(self, contract: Contract, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        sources = Connection.objects.sources().filter(workspace__contract=contract)
        self.fields["source"].queryset = sources.order_by("name", "pk")  # type: ignore[attr-defined]


class DayNoteForm(forms.Form):
    day = day_field("Day", "UTC.")
    text = forms.CharField(label="What is known of it", max_length=300)
