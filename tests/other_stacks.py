"""What others run the tap in: targets and orchestrators in environments of their own, and Meltano projects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock
from oura_collector.settings import PROJECT
from ruamel.yaml import YAML

PROGRAMS = Path(sys.executable).parent
OURS = ("TAP_OURA", "MELTANO", "OURA_", "DATABASE_")


def install(*requirements: str) -> Path:
    """Install into an environment of its own, since each pins other libraries; return its folder of programs."""
    home = PROJECT / ".data/targets" / requirements[0].replace("=", "-")
    home.parent.mkdir(parents=True, exist_ok=True)
    uv = PROGRAMS / "uv"
    # Tests of another process may need it too.
    with FileLock(f"{home}.lock"):
        if not (home / "ready").exists():
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
            subprocess.run(
                [uv, "pip", "install", "--quiet", "--python", home / "bin/python", *requirements], check=True
            )
            (home / "ready").touch()
    return home / "bin"


def target_jsonl() -> Path:
    return install("target-jsonl==0.1.4") / "target-jsonl"


def environment(*programs: Path, **variables: str) -> dict[str, str]:
    """The environment of somebody who has nothing of this project but these folders of programs."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    path = ":".join(map(str, (*programs, os.environ["PATH"])))
    return {**outside, "PATH": path, "PYTHONWARNINGS": "ignore", "NO_COLOR": "1", **variables}


@dataclass
class ForeignProject:
    """A Meltano project of somebody else with nothing but target-jsonl, which writes into `folder`.

    Meltano is kept from installing, so that no index is asked; the tap is where it would be then.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        loader = {
            "name": "target-jsonl",
            "namespace": "target_jsonl",
            "executable": str(target_jsonl()),
            "settings": [{"name": "do_timestamp_file", "value": False}],
        }
        content = {
            "project_id": "other",
            "send_anonymous_usage_stats": False,
            "default_environment": "dev",
            "environments": [{"name": "dev"}],
            "plugins": {"loaders": [loader]},
        }
        YAML().dump(content, self.folder / "meltano.yml")
        programs = self.folder / ".meltano/extractors/tap-oura/venv/bin"
        programs.mkdir(parents=True)
        (programs / "tap-oura").symlink_to(PROGRAMS / "tap-oura")

    def shell(self, commands: str, code: int = 0) -> str:
        """Run commands, up to the first that fails, and return all they said."""
        offline = re.sub(r"\bmeltano (add|run|invoke) ", r"meltano \1 --no-install ", commands)
        done = subprocess.run(
            ["bash", "-e", "-c", offline],
            cwd=self.folder,
            env=environment(PROGRAMS, **self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout[-5000:]}"
        return done.stdout

    @property
    def extractor(self) -> dict[str, Any]:
        """The tap in meltano.yml."""
        (found,) = YAML(typ="safe").load(self.folder / "meltano.yml")["plugins"]["extractors"]
        return dict(found)
