"""What `manage.py test` says at its end: one total for both databases, and what was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.__main__ import Tally, databases, main

REPORT = """<testsuites><testsuite>
<testcase/><testcase/><testcase><failure message="no"/></testcase>
<testcase><error message="no"/></testcase>
<testcase><skipped message="There is no Chromium."/></testcase></testsuite></testsuites>"""


def tally(tmp_path: Path, *reports: str, without: str = "") -> list[str]:
    said = Tally(without)
    for report in reports:
        (tmp_path / "report.xml").write_text(report)
        said.add(tmp_path / "report.xml")
    return said.lines()


def test_it_says_the_total_of_both_runs_as_pytest_would(tmp_path: Path) -> None:
    *_, total = tally(tmp_path, REPORT, REPORT)
    assert total.strip("= ") == "2 failed, 4 passed, 2 skipped, 2 error in 0.00s"


def test_it_says_what_it_left_out_and_why(tmp_path: Path) -> None:
    left_out, _ = tally(tmp_path, REPORT, without="no PostgreSQL")
    assert left_out == (
        "Left out: 1 (There is no Chromium), database tests on PostgreSQL (no PostgreSQL)."
    )
    assert tally(tmp_path, "<testsuite><testcase/></testsuite>")[0] == "Left out: nothing."


def test_it_runs_on_sqlite_alone_where_there_is_no_postgresql() -> None:
    with databases("no PostgreSQL")[0] as url:
        assert not url
    assert [len(databases(without)) for without in ("no PostgreSQL", "")] == [1, 2]


@pytest.mark.parametrize(
    ("test", "code", "said"),
    [
        ("def test_it(): assert True", 0, "= 1 passed in "),
        ("def test_it(): assert False", 1, "= 1 failed in "),
        ("", 1, "= no tests ran in "),
        ("oops", 1, "= 1 error in "),
    ],
)
def test_it_fails_unless_something_ran_and_nothing_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    test: str,
    code: int,
    said: str,
) -> None:
    (tmp_path / "test_one.py").write_text(test)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    bare = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    assert main([str(tmp_path), *bare], "not for this") == code
    assert said in capfd.readouterr().out.splitlines()[-1]
