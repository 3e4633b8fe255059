"""The leaks that can be switched on, in words."""

from __future__ import annotations

LEAKS: dict[str, str] = {
    "L1": "The marketing site was deployed with the write key of Prod - Application: page calls, "
    "about 165,000 on a weekday.",
    "L2": "The docs integration runs on public docs with a production key: track calls named "
    "[GitBook] site_view, 230,000 to 310,000 a day and growing.",
    "L6": "An identify loop in the app: half a million identify calls a day more.",
    "L11": "The newsletter reports drafted and attempted mails too: 900,000 calls more on each "
    "send day.",
}
