"""The naming page: who follows the convention, and what to call the others."""

from __future__ import annotations

import csv
import io
import re

from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdpwatch.models import Workspace
from cdpwatch.naming import Verdict
from dashboards.naming import VERDICTS
from dashboards.views.naming import TOLD
from tests.dashboards.conftest import text
from tests.factories import NOW, make_connection

NAMING = reverse("catalog-naming")


def name(workspace: Workspace, *names: str, **fields: object) -> None:
    for text_ in names:
        make_connection(workspace, f"id-{text_}", name=text_, **fields)


def groups(html: str) -> list[str]:
    return re.findall(r'<h2><span class="badge big" data-state="\w+">(.+?)</span>', html)


def test_it_has_a_word_and_a_sentence_for_every_verdict() -> None:
    assert VERDICTS.keys() == TOLD.keys() == set(Verdict)


def test_it_groups_names_by_verdict_the_worst_first(workspace: Workspace, viewer: Client) -> None:
    name(workspace, "Prod - A", "prod_B", "Newsletter", "Dev")
    name(workspace, "Prod - C", labels={"env": "dev"})
    assert groups(text(viewer, NAMING)) == [
        "■ Name and label disagree",
        "▲ No environment",
        "▲ No application",
        "▲ Rename",
        "✓ Follows",
    ]


def test_it_says_how_many_follow(workspace: Workspace, viewer: Client) -> None:
    name(workspace, "Prod - A", "Dev - A", "prod_B")
    name(workspace, "Prod - Gone", retired_at=NOW)
    html = text(viewer, NAMING)
    assert "<b>2 of 3</b> live connections follow" in html
    assert '<progress class="bar full" max="3" value="2"' in html
    assert "Prod - Gone" not in html


def test_it_counts_what_is_live_and_lists_what_is_switched_off(
    workspace: Workspace, viewer: Client
) -> None:
    name(workspace, "Prod - A", "prod_B")
    name(workspace, "prod_C", "Prod - D", enabled=False)
    html = text(viewer, NAMING)
    assert "<b>1 of 2</b> live connections follow" in html
    assert "2 more are switched off." in html
    assert 'prod_C</a> <span class="badge" data-state="off">○ Switched off</span>' in html
    assert "prod_B</a></th>" in html


def test_it_gives_the_exact_name_to_copy_and_to_select(
    workspace: Workspace, viewer: Client
) -> None:
    name(workspace, "prod_<b>&B")
    html = text(viewer, NAMING)
    assert "<code>Prod - &lt;b&gt;&amp;B</code>" in html
    assert 'data-copy="Prod - &lt;b&gt;&amp;B"' in html


def test_it_says_what_a_person_must_decide_and_between_what(
    workspace: Workspace, viewer: Client
) -> None:
    name(workspace, "Newsletter")
    html = text(viewer, NAMING)
    assert "Neither its name nor a label says which environment" in html
    assert re.findall(r'data-copy="(.+?)"', html) == [
        "Prod - Newsletter",
        "Staging - Newsletter",
        "Dev - Newsletter",
    ]


def test_it_warns_of_two_sources_that_would_share_a_name(
    workspace: Workspace, viewer: Client
) -> None:
    name(workspace, "prod_B", "Prod_B")
    assert text(viewer, NAMING).count("decide how to tell the two apart") == 2


def test_it_links_each_name_to_its_connection(workspace: Workspace, viewer: Client) -> None:
    row = make_connection(workspace, name="prod_B")
    page = reverse("catalog-connection", args=[row.pk])
    assert f'<a href="{page}">prod_B</a>' in text(viewer, NAMING)
    assert 'data-copy="Prod - B"' in text(viewer, page)
    assert "▲ Rename" in text(viewer, page)


def test_it_has_nothing_to_rename_on_the_page_of_what_is_gone(
    workspace: Workspace, viewer: Client
) -> None:
    row = make_connection(workspace, name="prod_B", retired_at=NOW)
    html = text(viewer, reverse("catalog-connection", args=[row.pk]))
    assert "there is nothing to rename" in html
    assert "data-copy" not in html


def test_it_downloads_the_renames(workspace: Workspace, viewer: Client) -> None:
    name(workspace, "Prod - A", "=prod", "prod_B")
    address = reverse("export", args=["names", "csv"])
    assert address in text(viewer, NAMING)
    rows = list(csv.DictReader(io.StringIO(text(viewer, address))))
    assert [(row["name"], row["new_name"]) for row in rows] == [
        ("'=prod", ""),
        ("prod_B", "Prod - B"),
    ]


def test_it_says_why_it_is_empty(viewer: Client) -> None:
    assert "No names yet" in text(viewer, NAMING)


def test_it_asks_as_often_for_many_names(
    workspace: Workspace, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    asked = []
    for number in (3, 100):
        name(workspace, *(f"prod_{number}_{n}" for n in range(number)))
        with django_assert_max_num_queries(14) as queries:
            text(viewer, NAMING)
        asked.append(len(queries))
    assert asked[0] == asked[1]
