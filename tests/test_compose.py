"""compose.yml agrees with the files that it mounts, with the image, and with the names that the other parts use."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from oura_collector.settings import PROJECT
from ruamel.yaml import YAML

COMPOSE = YAML(typ="safe").load(PROJECT / "compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    assert re.search(r":v?\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_mounted_path_exists(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (PROJECT / source).is_dir(), volume


def test_the_collector_can_write_to_its_volume_only() -> None:
    collector = SERVICES["oura-collector"]
    version = tomllib.loads((PROJECT / "collector" / "pyproject.toml").read_text())["project"]["version"]

    assert collector["read_only"] is True
    assert collector["cap_drop"] == ["ALL"]
    assert collector["volumes"] == ["data:/data"]
    assert collector["image"] == f"oura-collector:{version}"


def test_the_collector_can_be_reached_from_other_containers() -> None:
    assert SERVICES["oura-collector"]["environment"]["LISTEN_HOST"] == "0.0.0.0"
    assert "    LISTEN_HOST=0.0.0.0 \\\n" in (PROJECT / "Dockerfile").read_text()


def test_every_password_must_be_chosen() -> None:
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+:\?choose a \w+ in \.env\}", value), f"{name} has a default"


def test_prometheus_and_grafana_find_what_they_read() -> None:
    monitoring = PROJECT / "monitoring"
    scraped = YAML(typ="safe").load(monitoring / "prometheus" / "prometheus.yml")["scrape_configs"][0]
    assert scraped["static_configs"][0]["targets"] == ["oura-collector:8080"]

    sources = monitoring / "grafana" / "provisioning" / "datasources"
    [database] = YAML(typ="safe").load(sources / "oura.yml")["datasources"]
    assert database["name"] == "Oura-PostgreSQL"
    assert database["url"].partition(":")[0] in SERVICES["postgres"]["networks"]["default"]["aliases"]
    wanted = set(re.findall(r"\$(OURA_\w+)", (sources / "oura.yml").read_text()))
    assert wanted == {name for name in SERVICES["grafana"]["environment"] if name.startswith("OURA_")}

    [provider] = YAML(typ="safe").load(monitoring / "grafana" / "provisioning" / "dashboards" / "oura.yml")["providers"]
    assert any(f":{provider['options']['path']}:" in volume for volume in SERVICES["grafana"]["volumes"])
