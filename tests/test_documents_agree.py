"""Where two files must agree, they do: settings in the code, in tables, in meltano.yml, in .env.example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from oura_collector.commands.demo import NEXT
from oura_collector.pipeline.result import PASSING, REASONS
from oura_collector.service.metrics import DETAILED, DURATION, DURATION_TEXT, FAMILIES, PREFIX, Family
from oura_collector.settings import PROJECT, Settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from ruamel.yaml import YAML
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.errors import OuraError
from tap_oura.settings import SETTINGS

MELTANO: dict[str, Any] = YAML(typ="safe").load(PROJECT / "meltano.yml")
TAP_SETTINGS: dict[str, Any] = SETTINGS.to_dict()["properties"]
COLLECTOR_SETTINGS = {name.upper(): field for name, field in Settings.model_fields.items()}


def table(page: Path, header: str) -> dict[str, list[str]]:
    """The rows of the table below a header line, by their first cell."""
    text = page.read_text()
    lines = text[text.index(header) :].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in iter_table(lines)]
    return {row[0].strip("`"): row[1:] for row in rows}


def iter_table(lines: list[str]) -> list[str]:
    return lines[: next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))]


def test_the_taps_readme_lists_every_setting_as_the_code_does() -> None:
    rows = table(PROJECT / "tap-oura/README.md", "| setting | default | meaning |")

    assert {name: row[1] for name, row in rows.items()} == {
        name: setting["description"] for name, setting in TAP_SETTINGS.items()
    }
    for name, setting in TAP_SETTINGS.items():
        if isinstance(setting.get("default"), str | int) and not isinstance(setting["default"], bool):
            assert rows[name][0] == f"`{setting['default']}`"


def test_the_taps_readme_lists_every_stream() -> None:
    rows = table(PROJECT / "tap-oura/README.md", "| streams | key | bookmark |")
    text = (PROJECT / "tap-oura/README.md").read_text()
    listed = set(re.findall(r"`(\w+)`", " ".join(line for line in text.splitlines() if line.startswith("| `"))))

    assert rows
    assert set(COLLECTIONS) <= listed


def test_meltano_knows_every_setting_of_the_tap_and_hides_the_same_secrets() -> None:
    (tap,) = MELTANO["plugins"]["extractors"]
    known = {setting["name"]: bool(setting.get("sensitive")) for setting in tap["settings"]}

    # The SDK's own setting, which this project uses.
    assert known.pop("batch_config") is False
    assert known == {name: bool(setting.get("secret")) for name, setting in TAP_SETTINGS.items()}


def test_meltanos_defaults_are_the_taps() -> None:
    (tap,) = MELTANO["plugins"]["extractors"]
    for setting in tap["settings"]:
        if "value" in setting:
            assert setting["value"] == TAP_SETTINGS[setting["name"]]["default"], setting["name"]


def test_meltanos_plugins_are_pinned_to_what_the_tests_use() -> None:
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (PROJECT / "constraints.txt").read_text(), re.MULTILINE))
    (loader,) = MELTANO["plugins"]["loaders"]

    assert f"meltanolabs-target-postgres[psycopg]=={pins['meltanolabs-target-postgres']}" in loader["pip_url"]
    for plugins in MELTANO["plugins"].values():
        for plugin in plugins:
            assert "--constraint constraints.txt" in plugin["pip_url"]


def test_telemetry_is_off() -> None:
    assert MELTANO["send_anonymous_usage_stats"] is False
    project = YAML(typ="safe").load(PROJECT / "transform/dbt_project.yml")
    assert project["flags"]["send_anonymous_usage_stats"] is False


def test_the_collectors_readme_lists_every_setting_as_the_code_does() -> None:
    rows = table(PROJECT / "collector/README.md", "| variable | default | meaning |")

    assert {name: row[1] for name, row in rows.items()} == {
        name: field.description for name, field in COLLECTOR_SETTINGS.items()
    }


def test_env_example_lists_every_setting_and_its_default() -> None:
    example = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", (PROJECT / ".env.example").read_text(), re.MULTILINE))

    assert example.keys() == COLLECTOR_SETTINGS.keys()
    for name, field in COLLECTOR_SETTINGS.items():
        if isinstance(field.default, bool):
            assert example[name] == str(field.default).lower()
        elif isinstance(field.default, int):
            assert example[name] == str(field.default)


def test_the_operating_page_lists_every_metric_as_the_code_does() -> None:
    page = PROJECT / "docs/operating.md"
    declared = {**FAMILIES, DURATION: Family(GaugeMetricFamily, DURATION_TEXT, ("asked_by",))}

    for header, families in (
        ("| metric | labels | meaning |", declared),
        ("| detailed metric | labels | meaning |", DETAILED),
    ):
        expected = {
            PREFIX + name + ("_total" if family.kind is CounterMetricFamily else ""): [
                ", ".join(f"`{label}`" for label in family.labels),
                family.text,
            ]
            for name, family in families.items()
        }
        assert table(page, header) == expected


def test_the_operating_page_lists_every_reason_and_whether_it_is_temporary() -> None:
    rows = table(PROJECT / "docs/operating.md", "| reason | what it means | needs a person |")

    assert {name: row[1] == "no" for name, row in rows.items()} == {reason: reason in PASSING for reason in REASONS}


def test_the_collector_knows_every_reason_of_the_tap() -> None:
    def below(error: type[OuraError]) -> set[str]:
        return {error.reason}.union(*(below(kind) for kind in error.__subclasses__()))

    assert below(OuraError) <= set(REASONS)


FIRST_STEPS = ("register", "OURA_CLIENT_ID", "OURA_CLIENT_SECRET", "collect.py login")


@pytest.mark.parametrize(
    ("where", "text", "steps"),
    [
        ("demo", NEXT, ("registered", "docs/credentials.md", "cp .env.example .env", *FIRST_STEPS[1:], "make run")),
        ("README.md", None, ("## Use your own ring", *FIRST_STEPS, "make run")),
        (".env.example", None, ("register", "collect.py login", *FIRST_STEPS[1:3], "OURA_API_TOKEN")),
        ("k8s/README.md", None, ("## Secrets", *FIRST_STEPS[1:3], "register-an-application", "collect.py login")),
        ("tap-oura/README.md", None, ("### Credentials", "Register an application", "client_id", "tap-oura login")),
    ],
)
def test_the_first_steps_lead_through_an_application(where: str, text: str | None, steps: tuple[str, ...]) -> None:
    left = (PROJECT / where).read_text() if text is None else text
    for step in steps:
        _, found, left = left.partition(step)
        assert found, f"{where}: '{step}' does not follow"
