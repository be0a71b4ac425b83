"""The alerts, checked by Prometheus's own tool."""

from __future__ import annotations

import re
import subprocess

import pytest
from oura_collector.pipeline.result import OURA_REASONS, REASONS
from oura_collector.settings import PROJECT
from ruamel.yaml import YAML

from tests.programs import needs

FOLDER = PROJECT / "monitoring" / "prometheus"
YML = YAML(typ="safe")


@needs("promtool")
@pytest.mark.parametrize(
    "arguments", ["check rules rules.yml", "test rules rules_test.yml", "check config prometheus.yml"]
)
def test_promtool_accepts_the_rules_and_their_tests(arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments.split()], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_tests_cover_every_alert_firing_and_resolving() -> None:
    alerts = {rule["alert"] for group in YML.load(FOLDER / "rules.yml")["groups"] for rule in group["rules"]}
    fires: set[str] = set()
    rests: set[str] = set()
    for test in YML.load(FOLDER / "rules_test.yml")["tests"]:
        for case in test["alert_rule_test"]:
            (fires if case["exp_alerts"] else rests).add(case["alertname"])

    assert fires == rests == alerts


def test_each_failure_reason_of_an_account_has_one_alert() -> None:
    rules = [rule for group in YML.load(FOLDER / "rules.yml")["groups"] for rule in group["rules"]]
    found = {reason: set[str]() for reason in OURA_REASONS}
    for rule in rules:
        for how, pattern in re.findall(r'accounts_failing\{reason(!~|=~|=)"([^"]*)"\}', rule["expr"]):
            for reason in OURA_REASONS:
                if (re.fullmatch(pattern, reason) is not None) is (how != "!~"):
                    found[reason].add(rule["alert"])

    late = "OuraCollectionErrors"
    assert found == {
        **{reason: {late} for reason in OURA_REASONS},
        **{reason: {"OuraCredentialsRejected"} for reason in ("token", "consent", "store")},
        "membership": {"OuraMembershipLapsed"},
        "scope": {"OuraScopeMissing"},
    }


@pytest.mark.parametrize("reason", REASONS)
def test_the_runbook_names_each_reason(reason: str) -> None:
    assert f"`{reason}`" in (PROJECT / "docs/runbook.md").read_text()


def test_the_published_alert_keeps_its_name_and_condition() -> None:
    rules = {rule["alert"]: rule for group in YML.load(FOLDER / "rules.yml")["groups"] for rule in group["rules"]}

    assert rules["OuraCollectionFailed"]["expr"] == "time() - oura_collector_last_collection_timestamp > 7200"
