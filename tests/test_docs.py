"""The documentation says what the code does: one line for each name that people meet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.urls import reverse

from cdpwatch import wording
from cdpwatch.channels import CHANNELS
from cdpwatch.counters import COUNTERS
from cdpwatch.demo.faults import KINDS
from cdpwatch.demo.leaks import LEAKS
from cdpwatch.detectors import DETECTORS
from cdpwatch.exports import EXPORTS
from cdpwatch.policy import DEFAULT_RULES
from cdpwatch.policy import Verdict as TrafficVerdict
from cdpwatch.timetable import POLLERS
from dashboards.context import PAGES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES_OF_DOCS = sorted(DOCS.rglob("*.md"))
OPTION = r"--[a-z-]+"
COMMANDS = sorted(path.stem for path in (ROOT / "cdpwatch/management/commands").glob("[!_]*.py"))


def table(page: str, heading: str) -> list[list[str]]:
    """Cells of the rows of the table under `## heading`, without its head, backticks removed."""
    text = (DOCS / "reference" / f"{page}.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in lines[2:]]


def firsts(page: str, heading: str) -> list[str]:
    """The first word of each row."""
    return [row[0].split()[0] for row in table(page, heading)]


def options(command: BaseCommand) -> set[str]:
    return set(re.findall(OPTION, command.create_parser("manage.py", "x").format_usage()))


def anchors(page: Path) -> set[str]:
    """What a link to a heading of `page` may say after the hash."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


# --- one line for each ------------------------------------------------------------------------
def test_it_repeats_each_comment_of_the_settings() -> None:
    code = (ROOT / "cdpwatch/settings.py").read_text()
    said = re.findall(r"^# ([A-Z][A-Z0-9_]+): (.+)$", code, re.MULTILINE)
    assert [row[:2] for row in table("settings", "Settings")] == [
        [name, text.replace("`", "")] for name, text in said
    ]


def test_it_lists_everything_that_is_read_from_the_environment() -> None:
    read = set()
    for path in [ROOT / "manage.py", *(ROOT / "cdpwatch").rglob("*.py")]:
        read |= set(
            re.findall(r"""env(?:iron)?(?:\.\w+)?[(\[]\s*["']([A-Z_]+)""", path.read_text())
        )
    listed = firsts("settings", "Settings") + firsts("settings", "Read elsewhere")
    assert sorted(listed) == sorted(read - {"DJANGO_SETTINGS_MODULE"})


def test_it_lists_every_command() -> None:
    assert sorted(firsts("commands", "Commands")) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_it_names_every_option_of_a_command(name: str) -> None:
    own = options(load_command_class("cdpwatch", name)) - options(BaseCommand())
    row = next(row for row in table("commands", "Commands") if row[0].split()[0] == name)
    assert own == set(re.findall(OPTION, row[0]))


def test_it_lists_every_export() -> None:
    assert firsts("commands", "What export prints") == list(EXPORTS)


def test_it_lists_every_poller_with_its_interval() -> None:
    assert [row[:3] for row in table("pollers", "Pollers")] == [
        [name, poller.title, wording.length(poller.every)] for name, poller in POLLERS.items()
    ]


def test_it_lists_every_counter_with_its_title_and_its_keys() -> None:
    rows = {row[0]: row for row in table("counters", "Counters")}
    assert [*rows] == [*COUNTERS]
    for name, counter in COUNTERS.items():
        assert rows[name][1] == counter.title
        if not rows[name][5].startswith("the same"):
            assert rows[name][5].split(", ") == [key.variable for key in counter.keys]


def test_it_lists_every_detector_with_its_quiet_rounds() -> None:
    assert [row[:3] for row in table("detectors", "Detectors")] == [
        [name, detector.title, str(detector.quiet_rounds)] for name, detector in DETECTORS.items()
    ]


def test_it_lists_every_channel() -> None:
    assert [row[:2] for row in table("channels", "Channels")] == [
        [name, channel.title] for name, channel in CHANNELS.items()
    ]


def test_it_lists_every_page_with_its_address_and_role() -> None:
    assert [row[:3] for row in table("pages", "Pages of the bar")] == [
        [label, reverse(name), role.label] for name, label, role in PAGES
    ]


def test_it_lists_the_rules_in_the_order_they_are_tried() -> None:
    assert [row[:3] for row in table("policy", "The rules it starts with")] == [
        [str(position), rule.key, rule.verdict.value]
        for position, rule in enumerate(DEFAULT_RULES, 1)
    ]


def test_it_explains_every_verdict_of_the_policy() -> None:
    assert firsts("policy", "Verdicts") == [verdict.value for verdict in TrafficVerdict]


def test_it_lists_what_the_demo_can_be_made_to_do() -> None:
    assert firsts("demo", "Leaks") == list(LEAKS)
    assert {kind for row in table("demo", "Faults") for kind in row[0].split()} == set(KINDS)


# --- every page -------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES_OF_DOCS, ids=lambda page: page.name)
def test_it_opens_with_a_title_and_a_sentence(page: Path) -> None:
    title, empty, first = page.read_text().splitlines()[:3]
    assert title.startswith("# ") and not empty
    assert first[:1].isalnum(), "a sentence, not a list or a table"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES_OF_DOCS], ids=lambda page: page.name)
def test_it_links_to_what_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), target
        assert not heading or heading in anchors(other), target


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES_OF_DOCS], ids=lambda page: page.name)
def test_it_names_only_commands_that_exist(page: Path) -> None:
    named = set(re.findall(r"manage\.py +([a-z_]+)", page.read_text()))
    assert named <= get_commands().keys()


def test_it_can_reach_every_page_from_the_index() -> None:
    linked = re.findall(r"\]\(([^)#]+)", (DOCS / "index.md").read_text())
    assert sorted(linked) == sorted(
        str(page.relative_to(DOCS)) for page in PAGES_OF_DOCS if page.name != "index.md"
    )
