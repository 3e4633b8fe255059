"""The convention "[Environment] - [Application Name]": reading a name, and the exact rename.

Names in Segment are free text, so dashes, case and missing parts vary. Everything here is
advice: a name that breaks the convention is still counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

CONVENTION = "[Environment] - [Application Name]"

# Hyphen, non-breaking hyphen, figure, en and em dash, minus: what keyboards and pastes produce.
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
_SPACED = re.compile(rf"^(?P<head>.+?)\s+[{_DASHES}]\s+(?P<rest>.+)$")
_TIGHT = re.compile(rf"^(?P<head>\w+?)\s*[{_DASHES}_:/|]\s*(?P<rest>.+)$")

# Labels can hold no spaces and no dots; these keys name the environment and the application.
ENVIRONMENT_LABELS = ("environment", "env")
APPLICATION_LABELS = ("app", "application")


class Verdict(StrEnum):
    """How a name stands to the convention."""

    FOLLOWS = "follows"
    RENAME = "rename"  # both parts are known, only the spelling is off
    NO_ENVIRONMENT = "no_environment"
    NO_APPLICATION = "no_application"
    CONFLICT = "conflict"  # the name and the label disagree


@dataclass(frozen=True)
class EnvironmentSpelling:
    """An environment's name and the other spellings that mean it."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a connection's name and labels say. `environment` is "" when neither tells."""

    environment: str
    application: str  # as written, without the environment; "" when the name has only that
    verdict: Verdict
    advice: str  # one sentence, "" when there is nothing to do
    rename: str  # the exact new name, "" when it can't be known


def plain(text: str) -> str:
    """Letters and digits only, folded: "Customer.io", "customer-io" and "CustomerIO" are one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def read(
    name: str, labels: Mapping[str, str], environments: Iterable[EnvironmentSpelling]
) -> Reading:
    """Environment and application of a connection, with a verdict and the exact rename."""
    known = _spellings(environments)
    head, rest = _split(name.strip(), known)
    named = known.get(plain(head), "")
    labelled = known.get(plain(_first(labels, ENVIRONMENT_LABELS)), "")
    application = rest if named else name.strip()
    if named and labelled and named != labelled:
        advice = f"The name says {named}, the label says {labelled}: change one of them."
        return Reading(named, application, Verdict.CONFLICT, advice, "")
    if named and not application:
        advice = f"Say which application it is: {CONVENTION}."
        return Reading(named, "", Verdict.NO_APPLICATION, advice, "")
    environment = named or labelled
    if not environment:
        advice = f"Start the name with its environment: {CONVENTION}."
        return Reading("", application, Verdict.NO_ENVIRONMENT, advice, "")
    wanted = f"{environment} - {application}"
    if name == wanted:
        return Reading(environment, application, Verdict.FOLLOWS, "", "")
    advice = f"Rename “{name}” to “{wanted}”."
    return Reading(environment, application, Verdict.RENAME, advice, wanted)


@dataclass(frozen=True)
class Choice:
    """The names that would follow the convention; `why` a person must decide, "" if nobody must."""

    names: tuple[str, ...]
    why: str = ""


def choice(
    name: str, labels: Mapping[str, str], environments: Sequence[EnvironmentSpelling], app: str
) -> Choice:
    """What to rename a connection to. `app` is the application that it was matched with, or ""."""
    reading = read(name, labels, environments)
    application = reading.application or app
    if reading.verdict == Verdict.FOLLOWS:
        return Choice(())
    if reading.verdict == Verdict.RENAME:
        return Choice((reading.rename,))
    if reading.verdict == Verdict.NO_APPLICATION:
        told = f"Its label or kind suggests {app}." if app else "No label or kind tells it."
        why = f"The name stops after its environment. {told}"
        return Choice((f"{reading.environment} - {app}",) if app else (), why)
    if reading.verdict == Verdict.CONFLICT:
        labelled = read("", labels, environments).environment
        why = (
            f"The name says {reading.environment}, the label {labelled}, and only a person knows "
            f"which is true. If it is {reading.environment}, change the label as well."
        )
        return Choice(
            (f"{reading.environment} - {application}", f"{labelled} - {application}"), why
        )
    why = "Neither its name nor a label says which environment it belongs to."
    found = tuple(f"{e.name} - {application}" for e in environments) if application else ()
    return Choice(found, why)


def application_of(reading: Reading, labels: Mapping[str, str]) -> tuple[str, ...]:
    """What may name the application, best first: the name's own part, then the label."""
    spoken = (reading.application, _first(labels, APPLICATION_LABELS))
    return tuple(plain(text) for text in spoken if text)


def _spellings(environments: Iterable[EnvironmentSpelling]) -> dict[str, str]:
    return {
        plain(spelling): environment.name
        for environment in environments
        for spelling in (environment.name, *environment.aliases)
        if plain(spelling)
    }


def _split(name: str, known: Mapping[str, str]) -> tuple[str, str]:
    """Environment and rest, "" where missing. A dash counts only behind a known environment."""
    spaced = _SPACED.match(name)
    if spaced and plain(spaced["head"]) in known:
        return spaced["head"], spaced["rest"].strip()
    tight = _TIGHT.match(name)
    if tight and plain(tight["head"]) in known:
        return tight["head"], tight["rest"].strip()
    return (name, "") if plain(name) in known else ("", name)


def _first(labels: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((labels[key] for key in keys if labels.get(key)), "")
