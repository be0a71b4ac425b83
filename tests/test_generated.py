"""One field of Oura's is one row of the tap's catalog: what is derived from it is up to date and of the right types."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from oura_collector.settings import PROJECT
from oura_simulator.app import create_app
from oura_simulator.generators import fields as simulated
from oura_simulator.inprocess import InProcess
from oura_simulator.settings import Settings
from oura_simulator.testing import Running, running
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.catalog.fields import integer, text
from tap_oura.catalog.values import all_members_fit, fit_members

from tests.conftest import NOW, PEOPLE
from transform import generate, marts

GENERATED = generate.generated()
READINESS = Path("transform/models/marts/oura_readiness.yml")


@pytest.fixture(scope="module")
def oura() -> Iterator[Running]:
    with running(**PEOPLE) as simulator:
        yield simulator


@pytest.fixture
def staged() -> marts.Columns:
    """The columns of the staging views."""
    columns = {name: generate.columns(collection) for name, collection in COLLECTIONS.items()}
    return {f"{marts.STAGING}{name}": [vars(each) for each in those] for name, those in columns.items()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the marts' YAML alone."""
    shutil.copytree(PROJECT / marts.FOLDER, tmp_path / marts.FOLDER)
    return tmp_path


@pytest.mark.parametrize("path", GENERATED, ids=str)
def test_a_derived_file_matches_the_catalog(path: Path) -> None:
    assert (PROJECT / path).read_text(encoding="utf-8") == GENERATED[path], "run: make generated"


def test_derived_files_cover_every_collection() -> None:
    names = {path.stem.removeprefix(marts.STAGING) for path in GENERATED if path.suffix == ".sql"}

    assert names - {"columns"} == COLLECTIONS.keys()


def test_a_manual_edit_of_a_derived_column_is_overwritten(project: Path, staged: marts.Columns) -> None:
    file = project / READINESS
    edited = file.read_text().replace("Contributor score of HRV balance", "Something else")
    file.write_text(edited)

    made = marts.marts(project, staged)

    assert made[READINESS] == GENERATED[READINESS] != edited


def test_a_manual_line_after_the_derived_columns_is_kept(project: Path, staged: marts.Columns) -> None:
    file = project / READINESS
    line = "      - name: mine\n        data_type: integer\n        description: My own.\n"
    file.write_text(file.read_text() + line)

    assert marts.marts(project, staged)[READINESS].endswith(line)

    file.write_text(file.read_text().replace(marts.END, ""))
    with pytest.raises(ValueError, match="From here on by hand"):
        marts.marts(project, staged)


def test_a_new_field_reaches_the_marts_by_itself(project: Path, staged: marts.Columns) -> None:
    staged["stg_oura__daily_readiness"].append(
        {"name": "imagined", "data_type": "integer", "description": "Demo, 0 to 100"}
    )

    made = marts.marts(project, staged)

    for mart in ("oura_readiness", "oura_daily"):
        assert "name: imagined\n" in made[marts.FOLDER / f"{mart}.yml"]
    assert '"imagined": "imagined"' in marts.macro(made.values(), {})


def test_a_new_field_under_another_name_is_one_line_of_the_mart(project: Path, staged: marts.Columns) -> None:
    staged["stg_oura__daily_readiness"].append({"name": "imagined_too", "data_type": "integer", "description": "Demo"})
    line = (
        "      - {name: imagined_score, data_type: integer, description: A demo.,"
        " config: {meta: {from: stg_oura__daily_readiness.imagined_too, revised: daily_readiness}}}\n"
    )
    file = project / READINESS
    file.write_text(file.read_text().replace(marts.MARKER, line + marts.MARKER))

    made = marts.marts(project, staged)

    assert "name: imagined_too\n" not in "".join(made.values())
    assert "from: oura_readiness.imagined_score, revised: daily_readiness" in made[marts.FOLDER / "oura_daily.yml"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hrv", "oura_readiness: stg_oura__daily_readiness.hrv needs another name"),
        ("steps", "oura_daily: oura_readiness.steps needs another name"),
    ],
)
def test_a_column_name_in_use_is_refused(project: Path, staged: marts.Columns, name: str, message: str) -> None:
    staged["stg_oura__daily_readiness"].append({"name": name, "data_type": "integer", "description": "Another"})

    with pytest.raises(ValueError, match=re.escape(message)):
        marts.marts(project, staged)


def test_a_removed_field_is_reported_where_it_is_named(project: Path, staged: marts.Columns) -> None:
    columns = staged["stg_oura__daily_readiness"]
    staged["stg_oura__daily_readiness"] = [each for each in columns if each["name"] != "temperature_deviation"]

    with pytest.raises(ValueError, match=r"there is no stg_oura__daily_readiness\.temperature_deviation"):
        marts.marts(project, staged)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_simulator_answers_every_field_with_its_type(oura: Running, name: str) -> None:
    collection = COLLECTIONS[name]
    documents = oura.documents("user-1", collection.segment)

    assert documents
    assert all(document.keys() == collection.properties.keys() for document in documents)
    assert all_members_fit(documents, collection.properties)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_field_without_a_generator_has_a_value_of_its_type(name: str) -> None:
    """All fields of a collection, as if the generators knew none."""
    collection = COLLECTIONS[name]
    document = simulated.values(collection.segment, collection.properties, date(2026, 3, 1), "user-1")

    assert fit_members(document, collection.properties) == (document, {})
    for field, schema in collection.properties.items():
        if "range" in schema:
            least, greatest = schema["range"]
            assert least <= document[field] <= greatest


def test_a_new_field_is_served_and_a_text_for_a_number_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    known = COLLECTIONS["daily_readiness"].properties

    def answered(schema: Any) -> dict[str, Any]:
        monkeypatch.setitem(simulated.FIELDS["daily_readiness"], "imagined", generate.shape(schema))
        settings = Settings(accounts=1, days=20, today=datetime.fromisoformat(NOW))
        client = InProcess(create_app(settings))
        documents = client.request("GET", "/admin/documents/user-1/daily_readiness").json()
        client.close()
        found: dict[str, Any] = documents[0]
        return found

    expected = {**known, "imagined": integer("Demo, 0 to 100", 0, 100)}
    document = answered(expected["imagined"])
    assert 0 <= document["imagined"] <= 100
    assert all_members_fit([document], expected)

    document = answered(text("Demo, mistyped"))
    assert not all_members_fit([document], expected)
    fitted, extra = fit_members(document, expected)
    assert "imagined" not in fitted
    assert extra == {"imagined": document["imagined"]}
