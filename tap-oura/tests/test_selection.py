"""A deselected field or stream is missing and nothing else is, in messages and in files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from oura_simulator.testing import Running
from tap_oura.catalog.collections import COLLECTIONS
from tap_oura.tap import TapOura

from .conftest import Run
from .document_server import serving
from .test_batches import as_files

CHOSEN = ["enhanced_tag", "heartrate", "personal_info", "sleep"]


@pytest.fixture
def chosen(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "collections": CHOSEN, "start_date": "2026-03-24"}


def leaving_out(config: dict[str, Any], *left_out: tuple[str, ...]) -> dict[str, Any]:
    """A catalog as Meltano's `select` makes it: `(stream,)` or `(stream, field, member …)`, * for each stream."""
    catalog: dict[str, Any] = TapOura(config=config).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            names = tuple(name for name in entry["breadcrumb"] if name != "properties")
            if any(path[0] in ("*", stream["stream"]) and path[1:] == names for path in left_out):
                entry["metadata"]["selected"] = False
    return catalog


def fields(records: Iterable[dict[str, Any]]) -> set[str]:
    return {name for record in records for name in record if not name.startswith("_sdc_")}


@pytest.mark.parametrize("as_file", [False, True], ids=["messages", "files"])
def test_only_a_deselected_field_is_missing(
    run: type[Run], chosen: dict[str, Any], tmp_path: Path, as_file: bool
) -> None:
    config = chosen | (as_files(tmp_path) if as_file else {})
    whole = run(config)
    left_out = [("*", "extra"), ("heartrate", "bpm"), ("sleep", "day"), ("sleep", "readiness", "score")]

    made = run(config, catalog=leaving_out(config, *left_out))

    assert made.code == 0
    for stream in CHOSEN:
        missing = {path[1] for path in left_out if path[0] in ("*", stream) and len(path) == 2}
        # A key and a bookmark's field are sent whatever the selection says.
        missing -= {*COLLECTIONS[stream].keys, COLLECTIONS[stream].cursor}
        assert fields(made.records[stream]) == fields(whole.records[stream]) - missing
        assert len(made.records[stream]) == len(whole.records[stream])
    assert not any("score" in (record.get("readiness") or {}) for record in made.records["sleep"])
    without_times = [
        {name: value for name, value in row.items() if name not in ("id", "read_at", "rewritten_at")}
        for each in (made, whole)
        for row in each.records["collection_days"]
    ]
    assert without_times[: len(without_times) // 2] == without_times[len(without_times) // 2 :]


def test_any_field_can_be_deselected_even_a_key(run: type[Run], chosen: dict[str, Any], simulator: Running) -> None:
    every = [(stream, field) for stream in CHOSEN for field in COLLECTIONS[stream].schema["properties"]]
    whole = run(chosen)

    made = run(chosen, catalog=leaving_out(chosen, *every))
    again = run(chosen, made.state, catalog=leaving_out(chosen, *every))

    assert made.code == 0
    for stream in CHOSEN:
        assert {"user_id", *COLLECTIONS[stream].keys} <= fields(made.records[stream])
        assert len(made.records[stream]) == len(whole.records[stream])
        assert made.bookmark(stream, "user-1") == whole.bookmark(stream, "user-1")
    assert not again.records


@pytest.mark.parametrize("left_out", ["sleep/readiness/score", "sleep/bedtime_start", "collection_days"])
def test_a_reselected_field_is_sent_for_the_days_read_again(
    run: type[Run], chosen: dict[str, Any], left_out: str
) -> None:
    config = {**chosen, "collections": ["sleep"]}
    whole = run(config)
    without = run(config, whole.state, catalog=leaving_out(config, tuple(left_out.split("/"))))
    still_without = run(config, without.state, catalog=leaving_out(config, tuple(left_out.split("/"))))

    again = run(config, still_without.state)

    assert not still_without.records
    assert again.records["sleep"] == whole.records["sleep"]
    assert {row["day"] for row in again.records["collection_days"]} >= {
        record["day"] for record in whole.records["sleep"]
    }
    assert not run(config, again.state).records


def test_rejected_documents_are_sent_once_their_stream_is_selected(run: type[Run]) -> None:
    odd = {"day": "2026-03-25"}
    with serving({"workout": [odd, {"id": "a", "day": "2026-03-25"}]}) as oura:
        config = oura.config(collections=["workout"], start_date="2026-03-20")
        catalog = leaving_out(config, ("rejected_documents",))
        made = run(config, catalog=catalog)
        for _ in range(2):
            made = run(config, made.state, catalog=catalog)
        settled = made

        again = run(config, settled.state)

    assert settled.code == 0
    assert not settled.records["rejected_documents"]
    assert [row["document"] for row in again.of("rejected_documents", "user-1")] == [odd]


def test_deselected_streams_send_nothing_and_stop_nothing(run: type[Run]) -> None:
    ours = ["collection_days", "collection_failures", "rejected_documents"]
    with serving({"workout": [{"day": "2026-11-25"}, {"id": "a", "day": "2026-11-25"}]}) as oura:
        config = oura.config(collections=["workout", "session"], end_date="2026-11-26")

        made = run(config, catalog=leaving_out(config, ("session",), *((name,) for name in ours)))

    assert made.code == 0
    assert {stream for stream, records in made.records.items() if records} == {"workout"}
    assert "session" not in oura.requests
