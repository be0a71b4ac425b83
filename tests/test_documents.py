"""The notebook and the sample workflow of docs/ do what they promise, on real tables."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from typing import Any

import nbformat
import psycopg
import pytest
from nbclient import NotebookClient
from oura_collector.pipeline.result import Result
from oura_collector.runs.event_webhook import event, signature
from oura_collector.settings import PROJECT
from psycopg.conninfo import make_conninfo
from ruamel.yaml import YAML
from tap_oura.results import CollectionResult

from tests.conftest import Pipeline
from tests.programs import needs

DOCS = PROJECT / "docs"

AS_N8N_CALLS_IT = """
const { code, body, headers, secret } = JSON.parse(require('fs').readFileSync(0));
const node = new (async () => {}).constructor('require', '$input', '$env', code);
const helpers = { getBinaryDataBuffer: async () => Buffer.from(body, 'base64') };
const input = { first: () => ({ json: { headers } }) };
node.call({ helpers }, require, input, { OURA_WEBHOOK_SECRET: secret }).then(
  (items) => console.log(JSON.stringify(items)),
  (error) => { console.error(error.message); process.exit(1); },
);
"""


# The kernel's libraries announce changes of their own to come.
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_from_top_to_bottom(collected: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    url = collected.database.url().replace("+psycopg", "", 1)
    monkeypatch.setenv("DATABASE_URL", url)
    notebook = nbformat.reads((DOCS / "notebook.ipynb").read_text(), as_version=4)  # type: ignore[no-untyped-call]

    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()

    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = ["".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs) for cell in codes]
    assert "user-1" in shown[0]
    for table in shown[1:]:
        assert len(table.splitlines()) > 4, table
        assert "Empty DataFrame" not in table
    assert re.search(r"steps\s+integer\s+Number of steps", shown[2]) or "integer" in shown[2]


def test_the_notebook_has_no_stored_output() -> None:
    notebook = json.loads((DOCS / "notebook.ipynb").read_text())

    assert not [cell for cell in notebook["cells"] if cell.get("outputs")]


def test_the_workflow_listens_on_the_documented_path_and_is_connected() -> None:
    workflow = json.loads((DOCS / "n8n-workflow.json").read_text())
    nodes = {node["name"]: node for node in workflow["nodes"]}

    assert nodes["Oura Data Trigger"]["type"] == "n8n-nodes-base.webhook"
    assert nodes["Oura Data Trigger"]["parameters"]["path"] == "oura-new-data"
    reached = {"Oura Data Trigger"}
    for targets in workflow["connections"].values():
        reached |= {target["node"] for ways in targets["main"] for target in ways}
    assert reached == nodes.keys()


def in_the_workflow(body: bytes, headers: dict[str, str], secret: str) -> subprocess.CompletedProcess[str]:
    """Run the code of the node that checks the signature, on an event as the webhook node passes it on."""
    workflow = json.loads((DOCS / "n8n-workflow.json").read_text())
    (code,) = (node["parameters"]["jsCode"] for node in workflow["nodes"] if "jsCode" in node["parameters"])
    given = {"code": code, "body": base64.b64encode(body).decode(), "headers": headers, "secret": secret}
    return subprocess.run(
        ["node", "--eval", AS_N8N_CALLS_IT], input=json.dumps(given), capture_output=True, text=True, check=False
    )


@needs("node")
def test_the_workflow_accepts_only_the_collectors_events() -> None:
    changes: list[dict[str, Any]] = [
        {"user": "user-1", "table": "oura_sleep", "rows": 2, "first_day": "2026-03-30", "last_day": "2026-03-31"},
        {"user": "user-ö", "table": "oura_activity", "rows": 1, "first_day": "2026-03-31", "last_day": "2026-03-31"},
    ]
    collections = (
        CollectionResult("user-1", "sleep", "succeeded", records=16),
        CollectionResult("user-ö", "daily_activity", "succeeded"),
    )
    sent = event(7, changes, Result("succeeded", collections=collections))
    body, now = json.dumps(sent, separators=(",", ":"), ensure_ascii=False).encode(), int(time.time())

    taken = in_the_workflow(body, signature("planted", sent["id"], now, body), "planted")

    assert taken.returncode == 0, taken.stderr
    assert [item["json"] for item in json.loads(taken.stdout)] == [
        {"event": sent["id"], **account} for account in sent["data"]["accounts"]
    ]
    right = signature("planted", sent["id"], now, body)
    for refused in (
        in_the_workflow(body, right, "another"),
        in_the_workflow(body.replace(b"16", b"17"), right, "planted"),
        in_the_workflow(body, {**right, "webhook-id": "another"}, "planted"),
        in_the_workflow(body, signature("planted", sent["id"], now - 600, body), "planted"),
        in_the_workflow(body, {}, "planted"),
    ):
        assert refused.returncode == 1
        assert "the signature is wrong or old" in refused.stderr


def test_the_workflows_query_finds_a_week_of_the_account(collected: Pipeline) -> None:
    workflow = json.loads((DOCS / "n8n-workflow.json").read_text())
    query = next(node["parameters"]["query"] for node in workflow["nodes"] if "query" in node["parameters"])

    with psycopg.connect(make_conninfo(**collected.database.parameters)) as connection:
        rows = connection.execute(query.replace("$1", "%s").encode(), ["user-1"]).fetchall()

    assert len(rows) == 7
    assert all(row[4] for row in rows)


def test_every_alert_has_its_section_in_the_runbook() -> None:
    groups = YAML(typ="safe").load(PROJECT / "monitoring" / "prometheus" / "rules.yml")["groups"]
    sections = re.findall(r"^## (\S+)$", (DOCS / "runbook.md").read_text(), re.MULTILINE)
    alerts = [rule["alert"] for group in groups for rule in group["rules"]]

    assert sections == alerts
    for group in groups:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_every_link_of_the_documents_resolves() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=PROJECT, capture_output=True, text=True, check=True)
    for page in map(PROJECT.joinpath, tracked.stdout.splitlines()):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), f"{page.name}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
                assert anchor in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles], target


def test_the_architecture_names_every_package_and_only_existing_paths() -> None:
    text = (PROJECT / "ARCHITECTURE.md").read_text()
    named = {path.rstrip("/") for path in re.findall(r"\b(?:collector|tap-oura|transform|simulator)/[\w./-]+", text)}
    rooms = {
        str(path.parent.relative_to(PROJECT))
        for package in ("collector/oura_collector", "tap-oura/tap_oura")
        for path in (PROJECT / package).glob("*/__init__.py")
    }

    assert [path for path in named if not (PROJECT / path).exists()] == []
    assert rooms <= named
