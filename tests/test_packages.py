"""The packages as published: built, checked, and working with only their declared dependencies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from oura_collector.settings import PROJECT
from oura_simulator.testing import running
from packaging.requirements import Requirement

PACKAGES: dict[str, dict[str, Any]] = {
    project["name"]: project
    for project in (tomllib.loads(file.read_text())["project"] for file in PROJECT.glob("*/pyproject.toml"))
}
(VERSION,) = {package["version"] for package in PACKAGES.values()}
LIBRARY = next(path for path in sys.path if path.endswith("site-packages"))
"""Where this environment keeps what the packages need: no index is asked."""

Install = Callable[..., Path]


def release(tag: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([".ci/release", tag, folder], cwd=PROJECT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what the tag of this version publishes."""
    folder = tmp_path_factory.mktemp("dist")
    done = release(f"v{VERSION}", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def install(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Installs wheels, and what they declare to need, into a new environment; returns its programs' folder."""

    def make(*names: str) -> Path:
        home = tmp_path_factory.mktemp("environment")
        venv.create(home, symlinks=True)
        (site,) = home.glob("lib/python*/site-packages")
        wheels = [published / f"{name.replace('-', '_')}-{VERSION}-py3-none-any.whl" for name in names]
        uv: list[str | Path] = [
            Path(sys.executable).with_name("uv"),
            "pip",
            "install",
            "--quiet",
            "--offline",
            "--no-deps",
        ]
        subprocess.run([*uv, "--python", home / "bin/python", *wheels], check=True, timeout=60)
        link_needed(names, site)
        return home / "bin"

    return make


def link_needed(names: tuple[str, ...], site: Path) -> None:
    """Link what the packages need by their own words into their environment; it stands installed in this one."""
    pending = [(Requirement(name), "") for name in names]
    seen: set[tuple[str, str]] = set()
    while pending:
        wanted, extra = pending.pop()
        (found, *_) = Distribution.discover(name=wanted.name, path=[str(site), LIBRARY])
        if (found.name, extra) in seen:
            continue
        seen.add((found.name, extra))
        for needed in map(Requirement, found.requires or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                pending += [(needed, each) for each in ("", *needed.extras)]
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(LIBRARY, top))


def run(*command: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program with an environment that leads nowhere else."""
    done = subprocess.run(
        command, cwd=cwd, env={"HOME": str(cwd), "LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stdout[-2000:] + done.stderr
    return done


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_carries_its_licence_and_its_types(published: Path, name: str) -> None:
    module = name.replace("-", "_")
    with zipfile.ZipFile(published / f"{module}-{VERSION}-py3-none-any.whl") as wheel:
        inside = set(wheel.namelist())
        metadata = wheel.read(f"{module}-{VERSION}.dist-info/METADATA").decode()
        licence = wheel.read(f"{module}-{VERSION}.dist-info/licenses/LICENSE")
    with tarfile.open(published / f"{module}-{VERSION}.tar.gz") as source:
        assert {f"{module}-{VERSION}/{file}" for file in ("LICENSE", "README.md")} <= set(source.getnames())

    assert licence == (PROJECT / "LICENSE").read_bytes()
    assert "License-Expression: MIT" in metadata
    assert f"{module}/py.typed" in inside
    assert {file.split("/")[0] for file in inside} == {module, f"{module}-{VERSION}.dist-info"}


def test_the_simulator_starts_from_its_wheel(install: Install, tmp_path: Path) -> None:
    program = install("oura-simulator") / "oura-simulator"
    with subprocess.Popen(
        [program, "serve", "--port", "0", "--days", "40", "--json"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        process.terminate()

    assert [account["user"] for account in ready["accounts"]] == ["user-1", "user-2"]


def test_the_tap_reads_a_ring_from_its_wheel(install: Install, tmp_path: Path) -> None:
    program = install("tap-oura") / "tap-oura"
    about = json.loads(run(program, "--about", "--format", "json", cwd=tmp_path).stdout)
    with running(accounts=1, days=40, today="2026-03-31T20:00:00+00:00") as simulator:
        config = {
            "api_url": simulator.url,
            "accounts": [{"user": "user-1", "access_token": "token-1"}],
            "collections": ["daily_sleep", "personal_info"],
            "start_date": "2026-03-20",
            "end_date": "2026-03-30",
        }
        (tmp_path / "tap.json").write_text(json.dumps(config))
        messages = run(program, "--config", "tap.json", cwd=tmp_path).stdout

    streams = [message["stream"] for message in map(json.loads, messages.splitlines()) if message["type"] == "RECORD"]
    assert about["version"] == VERSION
    assert streams.count("daily_sleep") > 5
    assert streams.count("personal_info") == 1


def test_the_collector_wheel_works_in_a_checkout_only_and_says_so(install: Install, tmp_path: Path) -> None:
    program = install("oura-collector", "tap-oura") / "oura-collector"

    assert run(program, "--version", cwd=tmp_path).stdout == f"oura-collector {VERSION}\n"
    assert "serve" in run(program, "--help", cwd=tmp_path).stdout
    refused = run(program, "status", cwd=tmp_path, code=2)
    assert (
        refused.stderr == f"collect.py: there is no meltano.yml in {tmp_path}; run this in a checkout of the project\n"
    )
    (tmp_path / "meltano.yml").write_text((PROJECT / "meltano.yml").read_text())
    assert "No accounts yet" in run(program, "status", cwd=tmp_path).stdout


def test_a_tag_publishes_only_the_version_that_it_names(tmp_path: Path) -> None:
    done = release("v9.9.9", tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("release: ")
    assert "v9.9.9" in done.stderr
    assert not list(tmp_path.iterdir())


def test_images_have_the_version_of_the_packages() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    texts = [(PROJECT / file).read_text(errors="replace") for file in files if not file.startswith("tests/")]
    named = {version for text in texts for version in re.findall(r"oura-collector:(\d+\.[\w.]+)|newTag: (\S+)", text)}

    assert {version for pair in named for version in pair if version} == {VERSION}
    assert f"ARG VERSION={VERSION}\n" in (PROJECT / "Dockerfile").read_text()


def test_the_collector_requires_the_tap_of_its_own_series() -> None:
    assert f"tap-oura=={VERSION.rpartition('.')[0]}.*" in PACKAGES["oura-collector"]["dependencies"]


def test_workflows_pin_each_action_to_one_digest() -> None:
    pins: dict[str, set[str]] = {}
    for workflow in PROJECT.glob(".github/workflows/*.yml"):
        for name, pin in re.findall(r"uses: ([^./][^@\s]*)@(.*)", workflow.read_text()):
            pins.setdefault(name, set()).add(pin)

    assert len(pins) >= 5
    for name, pin in pins.items():
        (only,) = pin
        assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", only), name
