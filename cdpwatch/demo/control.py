"""The control page: leaks and faults to switch, and the truth to compare with. Loopback only."""

from __future__ import annotations

import html
import math
from datetime import datetime
from typing import Any

from cdpwatch.demo import intake_page
from cdpwatch.demo import query as queries
from cdpwatch.demo.faults import KINDS
from cdpwatch.demo.leaks import LEAKS
from cdpwatch.demo.ledger import epoch_minute
from cdpwatch.demo.page import STYLE, STYLE_PATH, render
from cdpwatch.demo.state import Demo
from cdpwatch.demo.store import Fault
from cdpwatch.demo.truth import truth
from cdpwatch.demo.web import (
    HTML,
    Refused,
    Reply,
    Request,
    as_error,
    as_json,
    as_redirect,
    as_text,
)

MAX_SECONDS, MAX_TIMES = 600, 1_000_000


def answer(demo: Demo, request: Request) -> Reply:
    """The reply to any request below /_demo."""
    try:
        if request.method == "GET":
            return _show(demo, request)
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "Another site may not control the demo")
        _change(demo, request)
    except Refused as refused:
        return as_error(refused)
    wants_page = request.method == "POST" and not request.is_json
    return as_redirect("/_demo") if wants_page else as_json(state(demo))


def state(demo: Demo) -> dict[str, Any]:
    """What runs now: `{"leaks": {name: bool}, "faults": [...]}`."""
    return {
        "leaks": {name: is_on(demo, name) for name in LEAKS},
        "faults": [vars(fault) for fault in demo.store.faults()],
    }


def is_on(demo: Demo, leak: str) -> bool:
    minute = epoch_minute(demo.clock())
    return any(on <= minute < off for on, off in demo.store.leaks().get(leak, ()))


def _show(demo: Demo, request: Request) -> Reply:
    if request.path == "/_demo":
        return Reply(200, _page(demo).encode(), HTML)
    if request.path == "/_demo/state.json":
        return as_json(state(demo))
    if request.path == "/_demo/truth.json":
        return as_json(truth(demo, queries.parse(request.query)))
    if request.path == STYLE_PATH:
        return Reply(200, STYLE.encode(), "text/css; charset=utf-8")
    if request.path == "/_demo/healthz":
        return as_text("ok")
    raise Refused(404, "No such page")


def _change(demo: Demo, request: Request) -> None:
    path = request.path.removeprefix("/_demo")
    if request.method == "POST" and path.removeprefix("/leaks/") in LEAKS:
        on = _flag(request.fields())
        demo.store.switch_leak(path.removeprefix("/leaks/"), on, demo.clock())
    elif request.method == "POST" and path == "/faults":
        demo.store.add_fault(_fault(request.fields()))
    elif (request.method, path) in (("DELETE", "/faults"), ("POST", "/faults/clear")):
        demo.store.clear_faults()
    else:
        raise Refused(404, "No such page")


def _flag(fields: dict[str, str]) -> bool:
    if fields.get("on") not in ("0", "1"):
        raise Refused(422, '"on" must be 1 or 0', "on")
    return fields["on"] == "1"


def _fault(fields: dict[str, str]) -> Fault:
    prefix, kind = fields.get("path_prefix", ""), fields.get("kind", "")
    if not prefix.startswith("/"):
        raise Refused(422, '"path_prefix" must start with a slash', "path_prefix")
    if kind not in KINDS:
        raise Refused(422, f'"kind" must be one of {", ".join(KINDS)}', "kind")
    seconds = _number(fields, "seconds", 1, MAX_SECONDS)
    return Fault(prefix, kind, seconds, int(_number(fields, "times", 1, MAX_TIMES)))


def _number(fields: dict[str, str], name: str, default: float, largest: float) -> float:
    try:
        value = float(fields.get(name) or default)
    except ValueError as error:
        raise Refused(422, f'"{name}" must be a number', name) from error
    if not math.isfinite(value) or not 0 <= value <= largest:
        raise Refused(422, f'"{name}" must be between 0 and {largest}', name)
    return value


def _page(demo: Demo) -> str:
    intro = (
        "<p>A Segment workspace that exists only on this machine. What is switched here shows in "
        'its API within two minutes. <a href="/slack">Slack messages</a></p>'
    )
    faults = _fault_table(demo) + _fault_form()
    return render("Demo workspace", intro + _leak_table(demo) + faults + intake_page.table(demo))


def _leak_table(demo: Demo) -> str:
    rows = "".join(_leak_row(demo, name, text) for name, text in LEAKS.items())
    head = '<th scope="col">Leak</th><th scope="col">What it is</th><th scope="col">Now</th>'
    return f"<table><caption>Leaks</caption><tr>{head}<td></td></tr>{rows}</table>"


def _leak_row(demo: Demo, name: str, text: str) -> str:
    on = is_on(demo, name)
    since = _since(demo, name) if on else "off"
    word, value = ("Switch off", 0) if on else ("Switch on", 1)
    button = f'<button name="on" value="{value}">{word} {name}</button>'
    form = f'<form method="post" action="/_demo/leaks/{name}">{button}</form>'
    cells = f"<td>{html.escape(text)}</td><td>{since}</td><td>{form}</td>"
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _since(demo: Demo, leak: str) -> str:
    begun = datetime.fromtimestamp(demo.store.leaks()[leak][-1][0] * 60, demo.clock().tzinfo)
    return f"● on since {begun:%Y-%m-%d %H:%M} UTC"


def _fault_table(demo: Demo) -> str:
    faults = demo.store.faults()
    if not faults:
        return "<h2>Faults</h2><p>None: every request is answered as it should be.</p>"
    rows = "".join(
        f"<tr><td>{html.escape(fault.path_prefix)}</td><td>{html.escape(fault.kind)}</td>"
        f"<td>{fault.times}</td><td>{fault.seconds:g}</td></tr>"
        for fault in faults
    )
    names = ("Path starts with", "Kind", "Times left", "Seconds")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    clear = '<form method="post" action="/_demo/faults/clear"><button>Clear faults</button></form>'
    return f"<table><caption>Faults</caption><tr>{head}</tr>{rows}</table>{clear}"


def _fault_form() -> str:
    kinds = "".join(f"<option>{html.escape(kind)}</option>" for kind in KINDS)
    return (
        '<form method="post" action="/_demo/faults">'
        '<label>Path starts with<input name="path_prefix" value="/usage" required></label>'
        f'<label>Kind<select name="kind">{kinds}</select></label>'
        '<label>Times<input name="times" type="number" min="1" value="1"></label>'
        '<label>Seconds<input name="seconds" type="number" min="0" step="any" value="1"></label>'
        f"<button>Add fault</button></form>{_fault_words()}"
    )


def _fault_words() -> str:
    rows = "".join(
        f'<tr><th scope="row">{html.escape(kind)}</th><td>{html.escape(said)}</td></tr>'
        for kind, said in KINDS.items()
    )
    summary = "<summary>What the caller gets, by kind</summary>"
    return f"<details>{summary}<table>{rows}</table></details>"
