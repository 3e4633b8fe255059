"""The vendors' own APIs, each below /vendors/<name>: what the other sides say they counted.

A vendor is a module with `answer(demo, request)` and a line here; `request.path` begins with "/"
below its own root, as the vendor's API has it. Each checks its keys itself, as the vendor does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from cdpwatch.demo.state import Demo
from cdpwatch.demo.vendors import (
    amplitude,
    bigquery,
    census,
    customerio,
    helpscout,
    hubspot,
    livestorm,
    monitoring,
    refiner,
)
from cdpwatch.demo.web import Refused, Reply, Request, as_error, as_json

ROOT = "/vendors"
OWN_URL = "{root}"  # in a value of `connects`: the URL of the vendor's own root
TO_PASTE = "REFINER_API_KEY"  # `up --demo` leaves it to a person, who tries connecting with it


class Vendor(NamedTuple):
    """One vendor. `connects`: what an environment sets to be connected to it here, such as
    `{"AMPLITUDE_API_URL": "{root}", "AMPLITUDE_API_KEY": "demo"}`."""

    answer: Callable[[Demo, Request], Reply]
    connects: Mapping[str, str]


VENDORS: dict[str, Vendor] = {
    "amplitude": Vendor(amplitude.answer, amplitude.CONNECTS),
    "census": Vendor(census.answer, census.CONNECTS),
    "customerio": Vendor(customerio.answer, customerio.CONNECTS),
    "refiner": Vendor(refiner.answer, refiner.CONNECTS),
    "livestorm": Vendor(livestorm.answer, livestorm.CONNECTS),
    "monitoring": Vendor(monitoring.answer, monitoring.CONNECTS),
    "hubspot": Vendor(hubspot.answer, hubspot.CONNECTS),
    "helpscout": Vendor(helpscout.answer, helpscout.CONNECTS),
    "bigquery": Vendor(bigquery.answer, bigquery.CONNECTS),
}


def answer(demo: Demo, request: Request) -> Reply:
    """The vendor's reply; one that raises Refused answers in the demo's own envelope.

    `GET /vendors` lists the environment that connects all of them.
    """
    name, _, path = request.path.removeprefix(ROOT).strip("/").partition("/")
    try:
        if not name:
            return as_json(connects(f"http://{request.headers.get('host', '')}{ROOT}"))
        if name not in VENDORS:
            raise Refused(404, "No such vendor")
        return VENDORS[name].answer(demo, replace(request, path=f"/{path}"))
    except Refused as refused:
        return as_error(refused)


def connects(url: str) -> dict[str, str]:
    """Values of the environment by variable; `url` is where this server has the vendors."""
    return {
        variable: value.replace(OWN_URL, f"{url}/{name}")
        for name, vendor in VENDORS.items()
        for variable, value in vendor.connects.items()
    }


def at_first(url: str) -> dict[str, str]:
    """What `up --demo` sets: all but the key that is left to paste on the Connect page."""
    return {variable: value for variable, value in connects(url).items() if variable != TO_PASTE}
