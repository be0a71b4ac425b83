"""Many samples are sent as files, with the same records as messages."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tap_oura.errors import SettingsError

from .conftest import TODAY, Messages, Run

SERIES = ("heartrate", "ring_battery_level")


def as_files(folder: Path, compression: str = "none", **storage: str) -> dict[str, Any]:
    encoding = {"format": "jsonl", "compression": compression}
    return {"batch_config": {"encoding": encoding, "storage": {"root": folder.as_uri(), **storage}}}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_batch_files_have_the_same_records_as_messages(
    run: type[Run], config: dict[str, Any], tmp_path: Path, compression: str
) -> None:
    config["collections"] = [*SERIES, "daily_sleep"]
    messages = run(config)

    files = run(config | as_files(tmp_path, compression))

    assert files.files
    assert {Path(urlsplit(url).path).name.split("-")[0] for url in files.files} <= set(SERIES)
    for stream in messages.records:
        found = [{name: value for name, value in each.items() if name[:4] != "_sdc"} for each in files.records[stream]]
        skip = {"id", "read_at", "rewritten_at"} if stream == "collection_days" else set()
        assert [{k: v for k, v in each.items() if k not in skip} for each in found] == [
            {k: v for k, v in each.items() if k not in skip} for each in messages.records[stream]
        ]


def test_each_line_has_the_time_its_day_was_read(run: type[Run], config: dict[str, Any], tmp_path: Path) -> None:
    files = run(config | {"collections": ["heartrate"], "start_date": "2026-03-10"} | as_files(tmp_path))

    for user in ("user-1", "user-2"):
        read_at = {datetime.fromisoformat(row["read_at"]) for row in files.of("collection_days", user)}
        reported = {datetime.fromisoformat(each["_sdc_extracted_at"]) for each in files.of("heartrate", user)}
        assert reported == read_at
    assert all(each["_sdc_batched_at"] for each in files.records["heartrate"])


def test_few_samples_are_sent_as_messages(run: type[Run], config: dict[str, Any], tmp_path: Path) -> None:
    chosen = config | {"collections": ["heartrate"], "start_date": TODAY, "users": ["user-2"]}
    files = run(chosen | as_files(tmp_path))

    assert files.records["heartrate"] == run(chosen).records["heartrate"] != []
    assert files.files == []


def test_accounts_share_a_file(run: type[Run], config: dict[str, Any], tmp_path: Path) -> None:
    files = run(config | {"collections": ["heartrate"], "start_date": TODAY} | as_files(tmp_path))

    assert len(files.files) == 1
    assert {each["user_id"] for each in files.records["heartrate"]} == {"user-1", "user-2", "user-3"}


def test_no_state_is_sent_before_the_samples_it_covers(
    run: type[Run], config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output: list[str] = []
    write = Messages.write_message

    def listen(self: Messages, message: Any) -> None:
        content = message.to_dict()
        if content["type"] == "BATCH" or (content["type"] == "STATE" and "heartrate" in str(content)):
            output.append(content["type"])
        write(self, message)

    monkeypatch.setattr(Messages, "write_message", listen)

    run(config | {"collections": ["heartrate"], "start_date": TODAY} | as_files(tmp_path))

    assert output[0] == "BATCH"
    assert set(output[1:]) == {"STATE"}


def test_files_have_the_configured_batch_size_and_prefix(
    run: type[Run], config: dict[str, Any], tmp_path: Path
) -> None:
    requested = as_files(tmp_path, prefix="run-7-")
    requested["batch_config"]["batch_size"] = 1_000

    files = run(config | {"collections": ["heartrate"]} | requested)

    assert {file.name[:6] for file in tmp_path.iterdir()} == {"run-7-"}
    lengths = [len(file.read_bytes().splitlines()) for file in tmp_path.iterdir()]
    assert max(lengths) == 1_000
    assert len(lengths) == len(files.files) > 3


def test_files_that_no_loader_reads_are_removed(run: type[Run], config: dict[str, Any], tmp_path: Path) -> None:
    abandoned, recent, other = (tmp_path / name for name in ("old.jsonl", "new.jsonl", "old.txt"))
    for file in (abandoned, recent, other):
        file.write_text("{}")
    for file, age in ((abandoned, 4_000), (recent, 0), (other, 4_000)):
        os.utime(file, (time.time() - age,) * 2)

    run(config | {"collections": ["heartrate"]} | as_files(tmp_path))

    assert not abandoned.exists()
    assert recent.exists()
    assert other.exists()


def test_unselected_fields_are_left_out_of_batches(run: type[Run], config: dict[str, Any], tmp_path: Path) -> None:
    maps = {"stream_maps": {"heartrate": {"bpm": "__NULL__"}}}

    files = run(config | {"collections": ["heartrate"]} | maps | as_files(tmp_path))

    assert files.files == []
    assert not any("bpm" in each for each in files.records["heartrate"])


def test_messages_are_sent_if_no_file_can_be_written(
    run: type[Run], config: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")

    sent = run(config | {"collections": ["heartrate"]} | as_files(no_folder))

    assert sent.code == 0
    assert sent.files == []
    assert sent.records["heartrate"]
    assert "samples go as messages" in caplog.text


def test_an_unsupported_batch_format_is_refused(run: type[Run], config: dict[str, Any], tmp_path: Path) -> None:
    requested = as_files(tmp_path)
    requested["batch_config"]["encoding"] = {"format": "parquet"}

    with pytest.raises(SettingsError, match="batch_config: the format of the encoding must be jsonl"):
        run(config | requested)
