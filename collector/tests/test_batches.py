"""The folder of a run's files is gone with the run, and the one that a killed run left with a later one."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from oura_collector import batches


def root(setting: dict[str, str]) -> Path:
    return Path(urlsplit(json.loads(setting["TAP_OURA_BATCH_CONFIG"])["storage"]["root"]).path)


def test_the_files_of_a_run_are_its_owners_alone_and_go_with_it(tmp_path: Path) -> None:
    with batches.folder(tmp_path / "data") as setting:
        folder = root(setting)
        (folder / "heartrate.jsonl").write_text("{}")
        assert folder.stat().st_mode & 0o777 == 0o700

    assert list((tmp_path / "data").iterdir()) == []


def test_a_run_that_fails_leaves_none_either(tmp_path: Path) -> None:
    with suppress(RuntimeError), batches.folder(tmp_path) as setting:
        (root(setting) / "heartrate.jsonl").write_text("{}")
        raise RuntimeError

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_a_later_one_and_nothing_else_does(tmp_path: Path) -> None:
    left, under_way, other = (tmp_path / name for name in ("batches-left", "batches-under-way", "postgres"))
    for folder in (left, under_way, other):
        folder.mkdir()
        (folder / "heartrate.jsonl").write_text("{}")
    for folder, age in ((left, 2 * batches.ABANDONED_SECONDS), (under_way, 0), (other, 2 * batches.ABANDONED_SECONDS)):
        os.utime(folder, (time.time() - age,) * 2)

    with batches.folder(tmp_path):
        pass

    assert sorted(tmp_path.iterdir()) == [under_way, other]
