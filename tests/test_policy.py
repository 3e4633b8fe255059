"""The shipped policy on the traffic that the workspace has, and rules by themselves."""

from __future__ import annotations

import pytest

from cdpwatch.policy import DEFAULT_RULES, UNMATCHED, Rule, Verdict, judge
from tests.factories import make_slice

# (app, environment, call type, event) -> (rule, verdict)
TRAFFIC = [
    (("application", "Prod", "page", "Pricing"), ("in-app-pages", "public")),
    (("application", "Prod", "screen", ""), ("in-app-pages", "public")),
    (("backend", "Prod", "page", ""), ("in-app-pages", "public")),
    (("application", "Prod", "track", "[GitBook] site_view"), ("gitbook-integration", "public")),
    (("census", "Prod", "track", "[GitBook] site_view"), ("gitbook-integration", "public")),
    (("", "", "page", "[GitBook] site_view"), ("gitbook-integration", "public")),
    (("application", "Prod", "track", "Signed up"), ("in-app", "in_app")),
    (("application", "Prod", "identify", ""), ("in-app", "in_app")),
    (("backend", "Prod", "track", "Invoice paid"), ("in-app", "in_app")),
    (("cloud-function", "Prod", "track", "Resized"), ("in-app", "in_app")),
    (("manual", "Prod", "identify", ""), ("in-app", "in_app")),
    (("application", "Prod", "group", ""), ("in-app-group-alias", "accepted")),
    (("application", "Prod", "alias", ""), ("in-app-group-alias", "accepted")),
    (("customer-io", "Prod", "track", "Email Opened"), ("customer-io", "accepted")),
    (("census", "Prod", "identify", ""), ("census", "accepted")),
    (("livestorm", "Prod", "track", "Attended"), ("livestorm", "accepted")),
    (("amplitude-cohort", "Prod", "identify", ""), ("amplitude-cohort", "accepted")),
    (("refiner", "Prod", "track", "Answered"), ("refiner", "accepted")),
    (("application", "Staging", "track", "Signed up"), ("non-production", "non_prod")),
    (("backend", "Dev", "identify", ""), ("non-production", "non_prod")),
    (("", "Prod", "track", "Signed up"), ("unmatched", "unknown")),
    (("customer-io", "Prod", "page", ""), ("unmatched", "unknown")),
]


@pytest.mark.parametrize(("traffic", "decision"), TRAFFIC)
def test_it_judges_the_traffic_of_the_workspace(
    traffic: tuple[str, str, str, str], decision: tuple[str, str]
) -> None:
    app, environment, call_type, event = traffic
    piece = make_slice(app=app, environment=environment, call_type=call_type, event=event)
    rule = judge(DEFAULT_RULES, piece)
    assert (rule.key, rule.verdict) == decision


@pytest.mark.parametrize("event", ["G site_view", "[gitbook] site_view", "x[GitBook] site_view"])
def test_it_reads_brackets_as_brackets_and_only_the_star_as_a_glob(event: str) -> None:
    rule = Rule("docs", Verdict.PUBLIC, "", event="[GitBook] *")
    assert not rule.matches(make_slice(event=event))
    assert rule.matches(make_slice(event="[GitBook] site\nview"))


def test_it_lets_the_first_match_win() -> None:
    rules = (Rule("a", Verdict.ACCEPTED, ""), Rule("b", Verdict.PUBLIC, ""))
    assert judge(rules, make_slice()).key == "a"
    assert judge((), make_slice()) is UNMATCHED


def test_it_calls_only_public_and_marketing_traffic_a_leak() -> None:
    assert {verdict for verdict in Verdict if verdict.is_leak} == {"public", "marketing"}


def test_it_ships_rules_with_keys_of_their_own_and_a_reason_each() -> None:
    keys = [rule.key for rule in DEFAULT_RULES]
    assert len(set(keys)) == len(keys)
    assert all(rule.reason for rule in DEFAULT_RULES)
