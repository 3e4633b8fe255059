"""The policy's rows: what is saved is what is read, and each change is a version."""

from __future__ import annotations

from cdpwatch import rulebook
from cdpwatch.models import PolicyVersion, Workspace
from cdpwatch.policy import DEFAULT_RULES, IN_APP_PAGES, Rule, Verdict, judge
from tests.factories import make_slice

RULES = (
    Rule("second", Verdict.PUBLIC, "Why.", ("application",), ("Prod",), ("page",), "[Doc] *"),
    Rule("first", Verdict.ACCEPTED, "Because."),
)


def test_it_reads_back_what_it_saved_in_order(workspace: Workspace) -> None:
    rulebook.save(workspace, RULES, "ada", "Mine.")
    assert rulebook.current(workspace) == RULES


def test_it_keeps_every_version(workspace: Workspace) -> None:
    version = rulebook.save(workspace, RULES, "ada", "Mine.")
    assert (version.number, version.made_by, version.note) == (2, "ada", "Mine.")
    first = PolicyVersion.objects.get(number=1)
    assert first.rules.count() == len(DEFAULT_RULES)


def test_it_has_no_rules_before_the_first_version(workspace: Workspace) -> None:
    PolicyVersion.objects.all().delete()
    assert rulebook.current(workspace) == ()


def test_it_lets_an_editor_want_in_app_pages_and_change_their_mind(workspace: Workspace) -> None:
    pages = make_slice(call_type="page")
    for wanted, verdict in ((True, Verdict.ACCEPTED), (False, Verdict.PUBLIC)):
        rulebook.want_in_app_pages(workspace, wanted, "ada")
        rules = rulebook.current(workspace)
        assert rulebook.in_app_pages_wanted(rules) is wanted
        decided = judge(rules, pages)
        assert (decided.key, decided.verdict) == (IN_APP_PAGES, verdict)
    assert rulebook.current(workspace) == DEFAULT_RULES
    assert PolicyVersion.objects.count() == 3
