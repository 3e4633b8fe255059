"""Names against the convention: every spelling people use, and the exact rename."""

from __future__ import annotations

import pytest

from cdpwatch.naming import EnvironmentSpelling, Reading, Verdict, application_of, plain, read
from cdpwatch.seed import ENVIRONMENTS

KNOWN = tuple(EnvironmentSpelling(name, aliases) for name, aliases, _ in ENVIRONMENTS)


def reading(name: str, **labels: str) -> Reading:
    return read(name, labels, KNOWN)


@pytest.mark.parametrize(
    "name",
    ["Prod - Application", "Staging - Application", "Dev - Application", "Prod - Amplitude"],
)
def test_it_accepts_the_examples_of_the_convention(name: str) -> None:
    environment, application = name.split(" - ")
    assert reading(name) == Reading(environment, application, Verdict.FOLLOWS, "", "")


@pytest.mark.parametrize(
    ("name", "rename"),
    [
        ("Production - Amplitude", "Prod - Amplitude"),
        ("Prod – Application", "Prod - Application"),  # en dash
        ("Prod — Application", "Prod - Application"),  # em dash
        ("Prod − Application", "Prod - Application"),  # minus
        ("PROD - Application", "Prod - Application"),
        ("prod-application-old", "Prod - application-old"),
        ("stg_Backend", "Staging - Backend"),
        ("Pre-prod - Backend", "Staging - Backend"),
        ("Prod  -  Customer.io", "Prod - Customer.io"),
        ("Prod - Application ", "Prod - Application"),
        ("Dev: Backend", "Dev - Backend"),
        ("prod/Census", "Prod - Census"),
    ],
)
def test_it_says_the_exact_rename(name: str, rename: str) -> None:
    found = reading(name)
    assert (found.verdict, found.rename) == (Verdict.RENAME, rename)
    assert found.advice == f"Rename “{name}” to “{rename}”."


@pytest.mark.parametrize("name", ["Segment test (Anna)", "Application", "QA - Application", ""])
def test_it_asks_for_an_environment_and_invents_none(name: str) -> None:
    found = reading(name)
    assert (found.environment, found.verdict, found.rename) == ("", Verdict.NO_ENVIRONMENT, "")
    assert found.application == name


@pytest.mark.parametrize("name", ["Prod", "prod -", "Prod – "])
def test_it_asks_for_an_application_where_only_the_environment_is_named(name: str) -> None:
    found = reading(name, env="prod")
    assert (found.environment, found.application) == ("Prod", "")
    assert (found.verdict, found.rename) == (Verdict.NO_APPLICATION, "")


def test_it_takes_the_environment_from_a_label_when_the_name_has_none() -> None:
    found = reading("Application", env="production")
    assert found == Reading(
        "Prod",
        "Application",
        Verdict.RENAME,
        "Rename “Application” to “Prod - Application”.",
        "Prod - Application",
    )


def test_it_reports_a_name_and_a_label_that_disagree() -> None:
    found = reading("Prod - Application", environment="staging")
    assert (found.verdict, found.rename) == (Verdict.CONFLICT, "")
    assert found.advice == "The name says Prod, the label says Staging: change one of them."


def test_it_ignores_a_label_that_is_no_environment() -> None:
    assert reading("Prod - Application", env="eu-west").verdict == Verdict.FOLLOWS


def test_it_knows_only_the_environments_of_the_list() -> None:
    assert read("Prod - App", {}, ()).verdict == Verdict.NO_ENVIRONMENT
    qa = (EnvironmentSpelling("QA", ("quality",)),)
    assert read("Quality - App", {}, qa).rename == "QA - App"


def test_it_takes_nothing_for_an_environment_whose_alias_is_blank() -> None:
    blank = (EnvironmentSpelling("Prod", ("", "-")),)
    assert read("Application", {}, blank).verdict == Verdict.NO_ENVIRONMENT


def test_it_folds_spellings_of_one_application() -> None:
    assert plain("Customer.io") == plain("customer-io") == plain("CustomerIO") == "customerio"
    assert plain("ﬁle Ｘ") == "filex"  # ligature and full width


def test_it_names_the_application_by_the_name_then_by_the_label() -> None:
    labels = {"app": "customer-io"}
    assert application_of(reading("Prod - Mail", **labels), labels) == ("mail", "customerio")
    assert application_of(reading("Prod", env="prod"), {}) == ()
