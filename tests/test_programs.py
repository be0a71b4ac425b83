"""A test without its program is skipped with a message, but fails where the program should be installed."""

from __future__ import annotations

import re

import pytest
from oura_collector.settings import PROJECT

from tests.programs import PACKAGES, needs

BEYOND_DEBIAN = {"cc", "kubectl"}
"""Only the soak compiles, and Debian's kubectl is older than what the manifests use."""

CI = (PROJECT / ".ci/run").read_text()


def test_a_missing_program_skips_the_test_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OURA_TEST_PROGRAMS", raising=False)

    mark = needs("sh", "no-such-program").mark

    assert mark.args == (True,)
    assert "needs no-such-program" in mark.kwargs["reason"]
    assert needs("sh").mark.args == (False,)


def test_a_missing_program_that_was_installed_fails_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURA_TEST_PROGRAMS", " sh no-such-program")

    with pytest.raises(pytest.fail.Exception, match=r"^no-such-program: not found"):
        needs("sh", "no-such-program")


def test_continuous_integration_installs_each_program_that_a_test_needs() -> None:
    # That of the tests above is in no package.
    requested = {
        program
        for path in PROJECT.glob("**/tests/**/test_*.py")
        if ".venv" not in path.parts and path.name != "test_programs.py"
        for programs in re.findall(r"\bneeds\(([^)]*)\)", path.read_text())
        for program in re.findall(r'"(\w+)"', programs)
    }
    installed = dict(pair.split(":") for pair in re.findall(r"\b[a-z]+:[a-z-]+\b", CI))

    assert installed.keys() == requested - BEYOND_DEBIAN
    assert all(PACKAGES[program] == package for program, package in installed.items())
