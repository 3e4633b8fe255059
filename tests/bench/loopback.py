"""A Segment on loopback that answers after a while: workspace and usage, nothing else.

Run as a file, `python tests/bench/loopback.py SOURCES MILLISECONDS`; it prints its address. The
answers are made once, so that serving them costs next to nothing.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SOURCES, WAIT = int(sys.argv[1]), float(sys.argv[2]) / 1_000
DAYS = 31


@cache
def answer(path: str, period: str, count: int, start: int) -> bytes:
    if path == "/":
        workspace = {"id": "wsBench", "slug": "bench", "name": "Bench"}
        return packed({"workspace": workspace})
    if path == "/usage/api-calls/daily":
        rows = [{"apiCalls": str(n * 1_000), "timestamp": stamp(period, n)} for n in range(DAYS)]
        return packed({"dailyWorkspaceAPICallsUsage": rows, "pagination": {"current": "x"}})
    rows = [
        {"sourceId": f"s{n % SOURCES}", "apiCalls": str(n + 1), "timestamp": stamp(period, day)}
        for n in range(start, min(start + count, SOURCES * DAYS))
        for day in [n // SOURCES]
    ]
    more = {"next": str(start + count)} if start + count < SOURCES * DAYS else {}
    pagination = {"current": str(start), **more}
    return packed({"dailyPerSourceAPICallsUsage": rows, "pagination": pagination})


def packed(data: object) -> bytes:
    return json.dumps({"data": data}).encode()


def stamp(period: str, day: int) -> str:
    return f"{date.fromisoformat(period) + timedelta(days=day)}T00:00:00.000Z"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        page = int(asked.get("pagination.count", 0)), int(asked.get("pagination.cursor", 0))
        body = answer(target.path, asked.get("period", ""), *page)
        time.sleep(WAIT)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
