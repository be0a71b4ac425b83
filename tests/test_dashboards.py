"""Every panel of the dashboards shows data after a collection; its query runs as Grafana would send it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from oura_collector.settings import PROJECT
from psycopg.conninfo import make_conninfo
from ruamel.yaml import YAML

from tests.conftest import TODAY, Pipeline

GRAFANA = PROJECT / "monitoring" / "grafana"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
QUERIES = [
    pytest.param(panel["targets"][0]["rawSql"], panel["targets"][0]["format"], id=f"{name}: {panel['title']}")
    for name, panel in PANELS
    if "rawSql" in panel["targets"][0]
]
USERS = "SELECT user_id FROM oura_profile ORDER BY user_id"
TO = datetime.fromisoformat(f"{TODAY}T23:59:59")
FROM = TO - timedelta(days=30)


def as_grafana_sends_it(sql: str, user: str) -> str:
    """Expand the variables and macros as Grafana's own data source does."""
    since, until = (f"'{moment:%Y-%m-%dT%H:%M:%SZ}'" for moment in (FROM, TO))
    sql = sql.replace("${user:sqlstring}", f"'{user}'").replace("$__interval", "'1h'")
    sql = re.sub(r"\$__timeFilter\((.+?)\)", rf"\1 BETWEEN {since} AND {until}", sql)
    return re.sub(r"\$__timeGroupAlias\((.+?), '1h'\)", r'floor(extract(epoch from \1)/3600)*3600 AS "time"', sql)


@pytest.mark.parametrize("user", ["user-1", "user-2"])
@pytest.mark.parametrize(("sql", "shape"), QUERIES)
def test_no_panel_is_without_data(collected: Pipeline, sql: str, shape: str, user: str) -> None:
    expanded = as_grafana_sends_it(sql, user)
    assert "$" not in expanded

    rows = collected.rows(expanded.replace("%", "%%"))

    assert any(value is not None for row in rows for name, value in row.items() if name != "time"), expanded
    if shape == "time_series":
        assert all(isinstance(row["time"], datetime | Decimal) for row in rows)
        for name in rows[0]:
            assert any(row[name] is not None for row in rows), f"{name} is always empty"


@pytest.mark.parametrize(("sql", "shape"), [query for query in QUERIES if "LIMIT 1'" in f"{query.values[0]}'"])
def test_a_tile_has_the_day_of_its_value(collected: Pipeline, sql: str, shape: str) -> None:
    query = as_grafana_sends_it(sql, "user-1")
    with psycopg.connect(make_conninfo(**collected.database.parameters)) as connection:
        ((day, value),) = connection.execute(query.encode()).fetchall()
        connection.execute("UPDATE oura_completeness SET status = 'in_progress' WHERE date = %s", [day])
        assert connection.execute(query.encode()).fetchall() == [
            (f"{day}, in progress" if "oura_completeness" in sql else day, value)
        ]
        connection.rollback()

    assert shape == "table"
    assert FROM.date().isoformat() <= day <= TODAY


def test_a_tile_shows_its_day_and_a_size_its_unit() -> None:
    tiles = [panel for _, panel in PANELS if panel["type"] == "stat" and "rawSql" in panel["targets"][0]]
    (sizes,) = (panel for _, panel in PANELS if panel["title"] == "Table sizes")

    assert {tile["fieldConfig"]["defaults"]["displayName"] for tile in tiles} == {"${__data.fields.day}"}
    assert {tile["options"]["textMode"] for tile in tiles} == {"value_and_name"}
    assert all(tile["options"]["reduceOptions"]["values"] for tile in tiles)
    (override,) = sizes["fieldConfig"]["overrides"]
    assert override["matcher"]["options"] == "size"
    assert override["properties"] == [{"id": "unit", "value": "bytes"}]


def test_no_query_is_the_same_for_every_user() -> None:
    everybodys = [query.id for query in QUERIES if "${user:sqlstring}" not in str(query.values[0])]

    assert everybodys == ["operations: Table sizes"]


def test_the_user_variable_offers_every_account(collected: Pipeline) -> None:
    for board in BOARDS.values():
        assert board["templating"]["list"][0]["query"] == USERS
    assert [row["user_id"] for row in collected.rows(USERS)] == ["user-1", "user-2"]


@pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=lambda value: value if isinstance(value, str) else value["title"]
)
def test_every_panel_has_a_unit_and_thresholds(name: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]

    assert defaults["unit"]
    assert defaults["thresholds"]["steps"][0]["value"] is None
    limits = [step["value"] for step in defaults["thresholds"]["steps"][1:]]
    assert limits == sorted(limits)


def test_panels_do_not_overlap() -> None:
    for name, board in BOARDS.items():
        cells = [
            (x, y)
            for panel in board["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells)), name
        assert max(x for x, _ in cells) < 24, name


def test_the_dashboard_files_are_up_to_date() -> None:
    script = (
        "import dashboards; print(''.join(board.text() for board in sorted(dashboards.BOARDS, key=lambda b: b.name)))"
    )

    written = subprocess.run(
        [sys.executable, "-c", script], cwd=GRAFANA, capture_output=True, text=True, check=True
    ).stdout

    assert written.strip() == "".join((GRAFANA / "dashboards" / f"{name}.json").read_text() for name in BOARDS).strip()


def test_each_mart_of_a_dashboards_exposure_is_queried_by_it() -> None:
    exposures = YAML(typ="safe").load(PROJECT / "transform" / "models" / "exposures.yml")["exposures"]
    declared = {
        exposure["label"]: set(re.findall(r"oura_\w+", " ".join(exposure["depends_on"])))
        for exposure in exposures
        if exposure["type"] == "dashboard"
    }
    shown = {
        board["title"].removeprefix("Oura: "): {
            mart
            for query in [USERS, *(panel["targets"][0].get("rawSql", "") for panel in board["panels"])]
            for mart in re.findall(r"\bFROM (oura_\w+)", query)
        }
        for board in BOARDS.values()
    }

    assert declared.keys() == shown.keys()
    for label, marts in declared.items():
        assert marts <= shown[label], f"{label}: {marts - shown[label]}"
