"""The cluster's manifests, rendered as their readers would."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from oura_collector.settings import PROJECT
from ruamel.yaml import YAML

K8S = PROJECT / "k8s"

Manifest = dict[str, Any]

VARIANTS = [
    "base",
    "overlays/fako",
    "overlays/plain",
    "cronjob",
    "multi-user",
    "grafana",
    "everything",
    "plain-cronjob",
    "shards",
    "plain-shards",
    "secret-files",
    "plain-secret-files",
    "shards-secret-files",
]
COMBINED = {
    "cronjob": ("overlays/fako", ["cronjob"]),
    "multi-user": ("overlays/fako", ["multi-user"]),
    "grafana": ("base", ["grafana"]),
    "everything": ("base", ["cronjob", "multi-user", "grafana"]),
    "plain-cronjob": ("overlays/plain", ["cronjob", "multi-user", "grafana"]),
    "shards": ("overlays/fako", ["shards", "multi-user"]),
    "plain-shards": ("overlays/plain", ["shards"]),
    "secret-files": ("overlays/fako", ["cronjob", "multi-user", "secret-files"]),
    "plain-secret-files": ("overlays/plain", ["secret-files"]),
    "shards-secret-files": ("overlays/fako", ["shards", "secret-files"]),
}


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Manifest]]:
    """Renders the base, an overlay, or one of the combinations that a reader would make of them."""
    # Kustomize leads paths out of a project only to folders that hold a kustomization, relative to the reader's own.
    scratch = tmp_path_factory.mktemp("combined")

    @cache
    def rendered(variant: str) -> list[Manifest]:
        folder = K8S / variant
        if variant in COMBINED:
            resource, components = COMBINED[variant]
            folder = scratch / variant
            folder.mkdir()
            relative = os.path.relpath(K8S, folder.resolve())
            text = {
                "resources": [f"{relative}/{resource}"],
                "components": [f"{relative}/components/{name}" for name in components],
            }
            (folder / "kustomization.yaml").write_text(json.dumps(text))
        done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [manifest for manifest in YAML(typ="safe").load_all(done.stdout) if manifest]

    return rendered


def only(manifests: list[Manifest], kind: str, name: str | None = "oura-collector") -> Manifest:
    found = [m for m in manifests if m["kind"] == kind and name in (None, m["metadata"]["name"])]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            yield "Deployment", manifest["spec"]["template"]["spec"]
        if manifest["kind"] == "CronJob":
            yield "CronJob", manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def is_built_in(manifest: Manifest) -> bool:
    return "." not in manifest["apiVersion"].partition("/")[0] or "k8s.io" in manifest["apiVersion"]
