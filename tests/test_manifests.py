"""The cluster's manifests render, are valid, and match the collector and its image."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from oura_collector.settings import PROJECT, Settings
from ruamel.yaml import YAML

from tests.manifests import VARIANTS, Manifest, is_built_in, only, pods, render
from tests.programs import needs

__all__ = ["render"]

SCHEMAS = os.environ.get("OURA_CRDS")
KUBERNETES = "1.32"

needs_schemas = pytest.mark.skipif(
    not SCHEMAS, reason="needs OURA_CRDS: a folder with the operators' schemas as <kind>_<version>.json"
)
pytestmark = needs("kubectl")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_built_in_resource_is_valid(render: Callable[[str], list[Manifest]], variant: str) -> None:
    built_in = [manifest for manifest in render(variant) if is_built_in(manifest)]

    assert len(built_in) >= 7
    for manifest in built_in:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@needs_schemas
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_custom_resource_is_valid(render: Callable[[str], list[Manifest]], variant: str) -> None:
    of_operators = [manifest for manifest in render(variant) if not is_built_in(manifest)]

    # The plain overlay is for clusters without operators; every other has kinds of theirs to hold against a schema.
    assert bool(of_operators) is ("plain" not in variant)
    for manifest in of_operators:
        version = manifest["apiVersion"].rpartition("/")[2]
        schema = json.loads((Path(SCHEMAS or "") / f"{manifest['kind'].lower()}_{version}.json").read_text())
        jsonschema.validate(manifest, strict(schema))


def strict(schema: Any) -> Any:
    """Forbid what the schema does not name: the cluster would silently drop it."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(part) for name, part in schema.items()}
    if isinstance(pattern := made.get("pattern"), str):
        # Go takes a flag anywhere in a pattern, Python only at its start.
        made["pattern"] = re.sub(r"^\^\(\?i\)", "(?i)^", pattern)
    described = isinstance(made.get("properties"), dict) and made.get("type") == "object"
    open_ended = "additionalProperties" in made or made.get("x-kubernetes-preserve-unknown-fields")
    if described and not open_ended and made["properties"].keys() - {"metadata"}:
        made["additionalProperties"] = False
    return made


def test_validation_detects_a_misspelt_field(render: Callable[[str], list[Manifest]]) -> None:
    deployment = json.loads(json.dumps(only(render("base"), "Deployment")))
    deployment["spec"]["template"]["spec"]["containers"][0]["enviroment"] = []

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_the_base_has_every_resource_of_a_cluster_with_operators(render: Callable[[str], list[Manifest]]) -> None:
    kinds = sorted(manifest["kind"] for manifest in render("base"))

    assert kinds == sorted(
        "ConfigMap Deployment ExternalSecret ExternalSecret Namespace NetworkPolicy PersistentVolumeClaim "
        "PrometheusRule SecretStore Service ServiceAccount ServiceMonitor".split()
    )


def test_the_plain_overlay_needs_no_operator(render: Callable[[str], list[Manifest]]) -> None:
    assert all(is_built_in(manifest) for manifest in render("overlays/plain"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_resource_is_in_one_namespace(render: Callable[[str], list[Manifest]], variant: str) -> None:
    for manifest in render(variant):
        where = manifest["metadata"].get("namespace", manifest["metadata"]["name"])
        # The component for Grafana has none of its own where no overlay gives one.
        assert where == "oura-collector" or manifest["metadata"]["name"] in ("oura-dashboards", "oura-datasource")


@pytest.mark.parametrize("variant", VARIANTS)
def test_pods_can_write_to_their_volume_only(render: Callable[[str], list[Manifest]], variant: str) -> None:
    for _, pod in pods(render(variant)):
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/data"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_pods_run_as_the_images_user_and_version(render: Callable[[str], list[Manifest]], variant: str) -> None:
    version = tomllib.loads((PROJECT / "collector" / "pyproject.toml").read_text())["project"]["version"]
    dockerfile = (PROJECT / "Dockerfile").read_text()

    for _, pod in pods(render(variant)):
        security = pod["securityContext"]
        assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in dockerfile
        assert pod["containers"][0]["image"] == f"oura-collector:{version}"
    assert f"ARG VERSION={version}\n" in dockerfile


def test_both_ways_to_run_have_the_same_resources_and_environment(render: Callable[[str], list[Manifest]]) -> None:
    (_, service), (_, job) = sorted(pods(render("cronjob")), reverse=True)

    for name in ("resources", "envFrom", "securityContext", "volumeMounts"):
        assert service["containers"][0][name] == job["containers"][0][name], name
    assert service["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }


def test_every_setting_of_the_manifests_exists_in_the_collector(render: Callable[[str], list[Manifest]]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    elsewhere = {"AWS_REGION", "SECRETS_DIR"}

    settings = only(render("secret-files"), "ConfigMap")["data"].keys()

    assert settings - known - elsewhere == set()


def test_every_secret_of_a_pod_comes_from_an_external_secret(render: Callable[[str], list[Manifest]]) -> None:
    manifests = render("base")
    made = {m["spec"]["target"]["name"] for m in manifests if m["kind"] == "ExternalSecret"}

    for _, pod in pods(manifests):
        wanted = {source["secretRef"]["name"] for source in pod["containers"][0]["envFrom"] if "secretRef" in source}
        assert wanted == made == {"aws-credentials-env", "postgres-app-user"}


def test_the_service_reaches_the_deployment_and_never_a_job(render: Callable[[str], list[Manifest]]) -> None:
    manifests = render("cronjob")
    selector = only(manifests, "Service")["spec"]["selector"].items()

    assert selector <= only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    job = only(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"].items()
    assert not selector <= job
    assert ("app", "oura-collector") in job


def test_the_cronjob_never_overlaps_itself_and_ends(render: Callable[[str], list[Manifest]]) -> None:
    spec = only(render("cronjob"), "CronJob")["spec"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] == ["--once"]


def test_every_shard_has_a_pod_with_its_own_index(render: Callable[[str], list[Manifest]]) -> None:
    spec = only(render("shards"), "CronJob", "oura-shards")["spec"]
    job = spec["jobTemplate"]["spec"]
    [container] = job["template"]["spec"]["containers"]
    environment = {each["name"]: each for each in container["env"]}

    assert (spec["concurrencyPolicy"], job["completionMode"]) == ("Forbid", "Indexed")
    assert job["completions"] == job["parallelism"] == int(environment["SHARD_COUNT"]["value"]) > 1
    index = environment["SHARD_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert index == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert environment.keys() <= {name.upper() for name in Settings.model_fields}
    # A shard that failed is tried again by itself, and fails none of the others.
    assert job["backoffLimitPerIndex"] > 0
    assert "backoffLimit" not in job


def test_shards_share_no_folder_and_keep_tokens_outside(render: Callable[[str], list[Manifest]]) -> None:
    manifests = render("shards")
    pod = only(manifests, "CronJob", "oura-shards")["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert [volume["name"] for volume in pod["volumes"] if "emptyDir" in volume] == ["data"]
    assert not any("persistentVolumeClaim" in volume for volume in pod["volumes"])
    assert only(manifests, "ConfigMap")["data"]["OURA_TOKEN_STORE"].startswith("aws-secretsmanager://")


def test_beside_shards_the_service_collects_nothing(render: Callable[[str], list[Manifest]]) -> None:
    [container] = only(render("shards"), "Deployment")["spec"]["template"]["spec"]["containers"]

    assert container["args"] == ["serve", "--watch"]


def test_several_users_keep_their_tokens_in_a_secret(render: Callable[[str], list[Manifest]]) -> None:
    manifests = render("multi-user")

    assert only(manifests, "ConfigMap")["data"]["MULTI_USER_MODE"] == "true"
    assert "USER_MAPPING" not in only(manifests, "ConfigMap")["data"]
    keys = [
        source["extract"]["key"]
        for source in only(manifests, "ExternalSecret", "oura-api-credentials")["spec"]["dataFrom"]
    ]
    assert keys == ["oura/api-credentials", "oura/user-mapping"]


def test_the_manifests_use_the_same_rules_and_dashboards_as_the_files(render: Callable[[str], list[Manifest]]) -> None:
    manifests = render("overlays/fako")
    monitoring = PROJECT / "monitoring"

    groups = YAML(typ="safe").load(monitoring / "prometheus" / "rules.yml")["groups"]
    assert only(manifests, "PrometheusRule")["spec"]["groups"] == groups
    files = {path.name: path.read_text() for path in (monitoring / "grafana" / "dashboards").glob("*.json")}
    assert only(manifests, "ConfigMap", "oura-dashboards")["data"] == files


def test_the_grace_period_of_a_pod_is_longer_than_a_batch(render: Callable[[str], list[Manifest]]) -> None:
    drain = Settings.model_fields["stop_seconds"].default if "stop_seconds" in Settings.model_fields else 25

    for _, pod in pods(render("everything")):
        assert pod["terminationGracePeriodSeconds"] > drain + 15
