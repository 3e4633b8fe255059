"""The web server's log: a refused request is one line, and a 503 is an answer."""

from __future__ import annotations

import logging
import sys

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch.models import Workspace
from dashboards.logs import Line


@pytest.mark.parametrize(
    ("url", "status"), [("/nowhere/", 404), (reverse("users"), 403), (reverse("statusz"), 503)]
)
def test_it_logs_a_refusal_in_one_line(
    viewer: Client, caplog: pytest.LogCaptureFixture, url: str, status: int
) -> None:
    assert viewer.get(url).status_code == status
    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert record.levelname == "WARNING"
    assert len(logging.Formatter().format(record).splitlines()) == 1


def test_it_keeps_the_traceback_of_a_defect(
    workspace: Workspace, viewer: Client, caplog: pytest.LogCaptureFixture
) -> None:
    Workspace.objects.all().delete()
    viewer.raise_request_exception = False
    assert viewer.get(reverse("overview")).status_code == 500
    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert record.levelname == "ERROR"
    assert "Traceback" in logging.Formatter().format(record)


def test_it_writes_one_line_whatever_a_name_holds() -> None:
    record = logging.makeLogRecord(
        {"msg": "poll of %s failed", "args": ("a\r\nERROR b\u202ec\x1b[2J",)}
    )
    assert Line("{message}", style="{").format(record) == "poll of a ERROR b c [2J failed"


def test_it_lets_a_traceback_follow() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    first, second, *_ = Line().format(record).splitlines()
    assert (first, second[:9]) == ("failed", "Traceback")


def test_it_is_how_every_process_logs() -> None:
    assert {type(handler.formatter) for handler in logging.getLogger().handlers} >= {Line}
