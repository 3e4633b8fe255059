"""What traffic is: ordered tracking rules, the first match wins.

The contract is meant for in-app events and identify. A rule looks at the app, environment,
call type and event of live traffic; hosts and paths are not in Segment's volume, so no rule
here claims to know them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from .readings import TrafficSlice


class Verdict(StrEnum):
    """What a slice of traffic is taken for."""

    IN_APP = "in_app"
    ACCEPTED = "accepted"
    MARKETING = "marketing"
    PUBLIC = "public"
    NON_PROD = "non_prod"
    MACHINE = "machine"
    UNKNOWN = "unknown"

    @property
    def is_leak(self) -> bool:
        """Traffic that must not be tracked at all."""
        return self in (Verdict.MARKETING, Verdict.PUBLIC)


@dataclass(frozen=True)
class Rule:
    """One rule. An empty matcher matches everything; `event` is a glob where only * is special."""

    key: str
    verdict: Verdict
    reason: str
    apps: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    call_types: tuple[str, ...] = ()
    event: str = ""

    def matches(self, traffic: TrafficSlice) -> bool:
        return (
            (not self.apps or traffic.app in self.apps)
            and (not self.environments or traffic.environment in self.environments)
            and (not self.call_types or traffic.call_type in self.call_types)
            and (not self.event or bool(_glob(self.event).fullmatch(traffic.event)))
        )


UNMATCHED = Rule("unmatched", Verdict.UNKNOWN, "No rule says what this is.")


def judge(rules: Iterable[Rule], traffic: TrafficSlice) -> Rule:
    """The rule that decides; its `verdict` and `reason` are the answer."""
    return next((rule for rule in rules if rule.matches(traffic)), UNMATCHED)


@lru_cache(maxsize=512)
def _glob(pattern: str) -> re.Pattern[str]:
    # fnmatch would read the brackets of "[GitBook] site_view" as a character class.
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)


IN_APP_SOURCES = ("application", "backend", "cloud-function", "manual")
IN_APP_PAGES = "in-app-pages"  # the rule that an editor may turn into "accepted"

DEFAULT_RULES = (
    Rule(
        "gitbook-integration",
        Verdict.PUBLIC,
        "GitBook's own Segment integration on published docs: readers, not users of the app.",
        event="[GitBook] *",
    ),
    Rule(
        IN_APP_PAGES,
        Verdict.PUBLIC,
        "Page and screen calls on an in-app source: the app tracks events, so these are page "
        "views of a public or marketing page, or a page() left in the snippet.",
        apps=IN_APP_SOURCES,
        call_types=("page", "screen"),
    ),
    Rule(
        "non-production",
        Verdict.NON_PROD,
        "Staging and development: counted by the contract, not by production.",
        environments=("Staging", "Dev"),
    ),
    Rule(
        "in-app",
        Verdict.IN_APP,
        "In-app events and identify: what the contract is for.",
        apps=IN_APP_SOURCES,
        call_types=("track", "identify"),
    ),
    Rule(
        "in-app-group-alias",
        Verdict.ACCEPTED,
        "group and alias ride along with in-app identify.",
        apps=IN_APP_SOURCES,
        call_types=("group", "alias"),
    ),
    Rule(
        "customer-io",
        Verdict.ACCEPTED,
        "Customer.io reports deliveries, opens and clicks of our own e-mails.",
        apps=("customer-io",),
        call_types=("track",),
    ),
    Rule(
        "census",
        Verdict.ACCEPTED,
        "Census syncs warehouse traits to people and accounts.",
        apps=("census",),
        call_types=("identify", "group", "track"),
    ),
    Rule(
        "livestorm",
        Verdict.ACCEPTED,
        "The Livestorm function turns webinar webhooks into track events.",
        apps=("livestorm",),
        call_types=("track",),
    ),
    Rule(
        "amplitude-cohort",
        Verdict.ACCEPTED,
        "Amplitude syncs cohort membership as identify.",
        apps=("amplitude-cohort",),
        call_types=("identify",),
    ),
    Rule(
        "refiner",
        Verdict.ACCEPTED,
        "Refiner sends survey answers of in-app users.",
        apps=("refiner",),
        call_types=("identify", "group", "track"),
    ),
)
