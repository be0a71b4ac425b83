"""Debian programs that some tests need, and what happens to a test without them."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGES = {
    "cc": "gcc",
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "kubectl": "kubernetes-client",
    "node": "nodejs",
    "pgbouncer": "pgbouncer",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}


def find(program: str) -> str | None:
    """Return a program's path. Debian keeps servers where only root's path leads."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing. One that OURA_TEST_PROGRAMS lists, as `.ci/run` does, fails the suite."""
    missing = [program for program in programs if find(program) is None]
    if promised := sorted({*missing} & {*os.environ.get("OURA_TEST_PROGRAMS", "").split()}):
        pytest.fail(f"{', '.join(promised)}: not found, though OURA_TEST_PROGRAMS says installed", pytrace=False)
    packages = ", ".join(sorted({PACKAGES.get(program, program) for program in missing}))
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)} (Debian: {packages})")
