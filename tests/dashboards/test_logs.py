"""The web server's log: a refused request is one line, and a 503 is an answer."""

from __future__ import annotations

import logging

import pytest
from django.test import Client
from django.urls import reverse

from cdpwatch.models import Workspace


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
