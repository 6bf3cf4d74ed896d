"""`make newest`: what its table says, and when it fails. Nothing is installed here."""

from pathlib import Path

import pytest

from tests.examples import newest
from tests.examples.clients import PROGRAMS

PASSED = "<testcase name='test_a_client_is_answered_whole_and_in_pieces[{0}]'/><testcase name='test_x[{0}-401]'/>"
INSTALLED = dict.fromkeys(newest.PACKAGES, "sdk 2.0.0")


def rows(folder: Path, cases: str) -> dict[str, newest.Row]:
    report = folder / "report.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return {row.client: row for row in newest.results(report, INSTALLED)}


def test_every_client_with_a_package_is_tried() -> None:
    """All programs but curl's, with each package that the tests pin."""
    assert set(newest.PACKAGES) == set(PROGRAMS) - {"curl"}
    pinned = {*newest.names("requirements.txt"), *newest.names("package.json")}
    assert {package for packages in newest.PACKAGES.values() for package in packages} == pinned


def test_all_pass(tmp_path: Path) -> None:
    """Where every test passed, every row is well."""
    found = rows(tmp_path, "".join(PASSED.format(client) for client in newest.PACKAGES))
    assert all(row.well and row.result == "2 passed" for row in found.values())
    assert "openai_node" in newest.table(list(found.values()))


@pytest.mark.parametrize("ending", ["<failure/>", "<error/>", "<skipped/>", ""])
def test_one_does_not_pass(ending: str, tmp_path: Path) -> None:
    """A test that failed, could not begin, was skipped, or is not there: that row fails, and no other."""
    cases = "".join(PASSED.format(client) for client in newest.PACKAGES if client != "llm")
    if ending:
        cases += f"<testcase name='test_x[llm-401]'>{ending}</testcase><testcase name='test_x[llm]'/>"
    found = rows(tmp_path, cases)
    assert [client for client, row in found.items() if not row.well] == ["llm"]
    assert "FAILS" in newest.table(list(found.values()))


def test_no_report_at_all(tmp_path: Path) -> None:
    """Where the tests themselves did not run, nothing is well."""
    assert not any(row.well for row in newest.results(tmp_path / "report.xml", INSTALLED))
