"""A real Prometheus reads the running service: the published alert fires and resolves, no panel is empty."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oura_collector.database.connection import Database
from oura_collector.settings import PROJECT
from oura_simulator.testing import running

from tests.collector_process import Collector, Service, until
from tests.programs import needs

MONITORING = PROJECT / "monitoring"
STALE = 20
"""Seconds that stand for the two hours of the alert."""


class Prometheus:
    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, route: str, **parameters: str) -> Any:
        with urllib.request.urlopen(f"{self._url}/api/v1/{route}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> list[Any]:
        found: list[Any] = self.get("query", query=expression)["result"]
        return found

    def firing(self) -> set[str]:
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"}


@contextmanager
def prometheus(service: Service, folder: Path) -> Iterator[Prometheus]:
    """The project's own configuration and rules, pointed at the service, with two hours shortened."""
    config = (MONITORING / "prometheus" / "prometheus.yml").read_text()
    config = config.replace("oura-collector:8080", urllib.parse.urlsplit(service.url).netloc).replace("30s", "1s")
    rules = (MONITORING / "prometheus" / "rules.yml").read_text()
    (folder / "prometheus.yml").write_text(config)
    (folder / "rules.yml").write_text(rules.replace("> 7200", f"> {STALE}").replace("for: 5m", "for: 0s"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address={address}",
            ],
            cwd=folder,
            stderr=log,
        )
    server = Prometheus(f"http://{address}")

    def answers() -> bool:
        try:
            return bool(server.value('up{job="oura-collector"} == 1'))
        except OSError:
            return False

    try:
        until(answers, "Prometheus reads the service")
        yield server
    finally:
        process.terminate()
        process.wait(30)


@needs("prometheus", "promtool")
def test_the_alert_fires_when_collection_stops_and_resolves_when_it_resumes(
    make_database: Callable[[], Database], tmp_path: Path
) -> None:
    with running(accounts=1, days=60) as simulator:
        collector = Collector(make_database(), simulator, tmp_path)
        folder = tmp_path / "prometheus"
        folder.mkdir()
        # One run at the start, then none for an hour: collection has stopped.
        with collector.serving(COLLECTION_INTERVAL="3600") as service, prometheus(service, folder) as server:
            until(lambda: service.metric("collections_total", outcome="succeeded") == 1, "a first run")

            until(lambda: "OuraCollectionFailed" in server.firing(), "the alert fires")
            collector.run("--force")
            until(lambda: "OuraCollectionFailed" not in server.firing(), "the alert resolves")

            assert server.firing() <= {"OuraCollectionFailed"}
            exposed = urllib.request.urlopen(f"{service.url}/metrics").read()
            linted = subprocess.run(["promtool", "check", "metrics"], input=exposed, capture_output=True, check=False)
            assert linted.returncode == 0, linted.stdout.decode() + linted.stderr.decode()
            for expression in expressions():
                assert server.value(expression), f"nothing to show: {expression}"


def expressions() -> list[str]:
    """The queries of the dashboards' panels that read metrics."""
    boards = [json.loads(path.read_text()) for path in (MONITORING / "grafana" / "dashboards").glob("*.json")]
    targets = [panel["targets"][0] for board in boards for panel in board["panels"]]
    return [target["expr"] for target in targets if "expr" in target]
