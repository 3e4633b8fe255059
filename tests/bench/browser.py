"""What a person at a browser waits for: the overview in headless Chromium, and Lighthouse's score.

Every run is a first visit: an empty cache at 1366 x 900, no throttling. The yardstick is the
sign-in page in the same browser: our frame and style with next to nothing in it. Lighthouse
(package.json) is installed by npm into the bench's own folder and plays a phone: a CPU four times
slower, a slow network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from playwright.sync_api import Browser, sync_playwright

from tests.bench import site
from tests.bench.figure import Figure, Yardstick

RUNS = 5
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
OBSERVE = """
new PerformanceObserver((list) => (window.lcp = list.getEntries().at(-1).startTime))
  .observe({ type: "largest-contentful-paint", buffered: true });
"""
# The big chart is drawn when plotly's lines are in it; the others are the server's own SVG.
DRAWN = ".chart-wide .scatterlayer .js-line"


@dataclass(frozen=True)
class Visit:
    """One first visit; times in ms since the navigation began."""

    lcp: float
    charts: float
    kilobytes: float
    hosts: frozenset[str]


def figures() -> Iterator[Figure | str]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if chromium is None:
        yield "left out: no Chromium"
        return
    site.fill(12)
    cookie = site.session()
    with site.worker() as url:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
            empty = [_visit(browser, f"{url}/login/", {}, "h1") for _ in range(RUNS)]
            seen = [_visit(browser, f"{url}/", cookie, DRAWN) for _ in range(RUNS)]
            browser.close()
        yield from _told(seen, median(visit.lcp for visit in empty))
        yield from _lighthouse(url, cookie, chromium)


def _told(seen: list[Visit], floor: float) -> Iterator[Figure]:
    bare = Yardstick("sign-in page", floor)
    yield Figure("overview: LCP", median(v.lcp for v in seen), "ms", 300.0, yardstick=bare)
    yield Figure("overview: all charts", median(v.charts for v in seen), "ms", 900.0)
    yield Figure("overview: over the wire", median(v.kilobytes for v in seen), "kB", 450.0)
    foreign = {host for visit in seen for host in visit.hosts} - {"127.0.0.1"}
    yield Figure("overview: foreign hosts", len(foreign), "", 0.0)


def _visit(browser: Browser, url: str, cookie: dict[str, str], ready: str) -> Visit:
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    context.add_cookies([{"name": name, "value": cookie[name], "url": url} for name in cookie])
    context.add_init_script(OBSERVE)
    page = context.new_page()
    bytes_, hosts = [], set()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: bytes_.append(event["encodedDataLength"]))
    network.on(
        "Network.requestWillBeSent",
        lambda event: hosts.add(urlsplit(event["request"]["url"]).hostname or "127.0.0.1"),
    )
    page.goto(url)
    page.wait_for_selector(ready, state="attached")
    charts, lcp = page.evaluate("[performance.now(), window.lcp]")
    context.close()
    return Visit(lcp, charts, sum(bytes_) / 1_000, frozenset(hosts))


def _lighthouse(url: str, cookie: dict[str, str], chromium: str) -> Iterator[Figure | str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        yield "left out: Lighthouse, for there is no Node.js"
        return
    folder = _installed(npm)
    headers = folder / "headers.json"
    headers.write_text(json.dumps({"Cookie": "; ".join(f"{k}={v}" for k, v in cookie.items())}))
    command = [node, str(folder / "node_modules/lighthouse/cli/index.js"), f"{url}/"]
    command += ["--quiet", "--output=json", "--only-categories=performance"]
    command += [f"--extra-headers={headers}", f"--chrome-flags=--headless=new {' '.join(QUIET)}"]
    env = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["finalDisplayedUrl"] == f"{url}/", "it was sent to the sign-in page"
    audits = report["audits"]
    score = report["categories"]["performance"]["score"]
    yield Figure("Lighthouse, mobile: score", score, "", 0.95, at_least=True)
    for name, title in (("largest-contentful-paint", "LCP"), ("total-blocking-time", "TBT")):
        yield Figure(f"Lighthouse, mobile: {title}", audits[name]["numericValue"], "ms")


def _installed(npm: str) -> Path:
    """Lighthouse in a folder of the bench's own, as the lock file has it."""
    folder = settings.DATA_ROOT / "lighthouse"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(Path(__file__).with_name(name), folder)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "ci", *quiet], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return folder
