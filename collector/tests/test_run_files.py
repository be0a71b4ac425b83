"""A run's folder is removed when the run ends, and that of a killed run by the next one."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from oura_collector.pipeline import run_files


def root(files: run_files.RunFiles) -> Path:
    return Path(urlsplit(json.loads(files.variables["TAP_OURA_BATCH_CONFIG"])["storage"]["root"]).path)


def test_a_runs_files_are_private_and_removed_when_it_ends(tmp_path: Path) -> None:
    with run_files.run_files(tmp_path / "data") as files:
        folder = root(files)
        (folder / "heartrate.jsonl").write_text("{}")
        assert folder.stat().st_mode & 0o777 == 0o700

    assert list((tmp_path / "data").iterdir()) == []


def test_a_failed_run_leaves_no_files(tmp_path: Path) -> None:
    with suppress(RuntimeError), run_files.run_files(tmp_path) as files:
        (root(files) / "heartrate.jsonl").write_text("{}")
        raise RuntimeError

    assert list(tmp_path.iterdir()) == []


def test_only_the_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    for name in ("batches-left", "batches-new", "postgres"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "heartrate.jsonl").write_text("{}")
    for name, age in (("batches-left", 100), ("batches-new", 0)):
        os.utime(tmp_path / name, (time.time() - age,) * 2)

    run_files.remove(tmp_path, older_than=50)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batches-new", "postgres"]

    run_files.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["postgres"]
