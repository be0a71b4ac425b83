"""What the cluster's manifests protect: database access, secrets, and network traffic."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest

from tests.manifests import VARIANTS, Manifest, only, pods, render
from tests.programs import needs

__all__ = ["render"]

pytestmark = needs("kubectl")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_database_certificate_is_verified(render: Callable[[str], list[Manifest]], variant: str) -> None:
    settings = only(render(variant), "ConfigMap")["data"]

    assert settings["DATABASE_SSLMODE"] == "verify-full"
    for _, pod in pods(render(variant)):
        [volume] = [volume for volume in pod["volumes"] if volume["name"] == "postgres-ca"]
        [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "postgres-ca"]
        assert volume["configMap"]["name"] == "postgres-ca"
        assert settings["DATABASE_SSLROOTCERT"] == f"{mount['mountPath']}/ca.crt"


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if "secret-files" in variant])
def test_secrets_mounted_as_files_are_in_no_variable(render: Callable[[str], list[Manifest]], variant: str) -> None:
    folder = only(render(variant), "ConfigMap")["data"]["SECRETS_DIR"]
    found = list(pods(render(variant)))

    assert len(found) == (1 if "plain" in variant else 2)
    for _, pod in found:
        container = pod["containers"][0]
        assert container["envFrom"] == [{"configMapRef": {"name": "oura-collector"}}]
        [mount] = [mount for mount in container["volumeMounts"] if mount["name"] == "secrets"]
        [volume] = [volume for volume in pod["volumes"] if volume["name"] == "secrets"]
        assert (mount["mountPath"], mount["readOnly"]) == (folder, True)
        names = [source["secret"]["name"] for source in volume["projected"]["sources"]]
        assert names == ["aws-credentials-env", "postgres-app-user"]
        # The group of the pod may read them, and nobody else.
        assert volume["projected"]["defaultMode"] == 0o440
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


def test_pods_reach_the_database_names_and_public_addresses_only(render: Callable[[str], list[Manifest]]) -> None:
    policy = only(render("base"), "NetworkPolicy")["spec"]
    inside = [
        "10.96.0.1",
        "172.20.0.10",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "127.0.0.1",
        "fd00::1",
        "fe80::1",
    ]

    assert all(rule.get("to") for rule in policy["egress"]), "open to everything"
    reached = {port["port"]: rule["to"] for rule in policy["egress"] for port in rule["ports"]}
    assert reached.keys() == {53, 5432, 443}
    for port in (53, 5432):
        assert all("namespaceSelector" in peer for peer in reached[port])
    for address in ["8.8.8.8", "2600:9000::1", *inside]:
        assert any(admits(peer["ipBlock"], address) for peer in reached[443]) is (address not in inside), address


def admits(block: dict[str, Any], address: str) -> bool:
    found = ipaddress.ip_address(address)
    whole, *without = (ipaddress.ip_network(each) for each in (block["cidr"], *block.get("except", [])))
    return found in whole and not any(found in each for each in without)


def test_the_service_can_be_reached_from_outside_of_its_container(render: Callable[[str], list[Manifest]]) -> None:
    assert only(render("base"), "ConfigMap")["data"]["LISTEN_HOST"] == "0.0.0.0"
