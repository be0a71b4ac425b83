"""The peers' virtual environments, one each below `.data/bench/`, never the project's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from oura_collector.settings import PROJECT

HOME = PROJECT / ".data" / "bench"
PEERS = PROJECT / "benchmarks" / "peers"
NAMES = ("dlt", "stock", "floor", "sling")


def python(name: str) -> str:
    return str(HOME / name / "bin" / "python")


def program(name: str, command: str) -> str:
    return str(HOME / name / "bin" / command)


def sling() -> str:
    """The program inside the wheel: the package `sling` would fetch it at its first start."""
    (found,) = (HOME / "sling").glob("lib/python*/site-packages/sling_linux_amd64/bin/sling*")
    found.chmod(0o755)
    return str(found)


def install() -> None:
    """Create the virtual environments, and recreate those whose pins changed."""
    uv = str(Path(sys.executable).with_name("uv"))
    for name in NAMES:
        pins, made = PEERS / f"{name}.txt", HOME / name / "pins.txt"
        if made.exists() and made.read_text() == pins.read_text():
            continue
        print(f"installing {name}: {', '.join(pins.read_text().split())}", flush=True)
        path = str(HOME / name)
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, path], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python(name), "-r", str(pins)],
            check=True,
        )
        made.write_text(pins.read_text())
