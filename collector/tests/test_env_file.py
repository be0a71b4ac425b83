"""What collect.py writes into `.env`, and what it leaves alone there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values
from oura_collector.pipeline import env_file
from oura_collector.pipeline.environment import advice
from tap_oura.settings import SETTINGS

MINE = "# mine\nMAX_RETRIES=2\r\nUSER_MAPPING='user-1: token\nuser-2: token'"
ODD = {"CHOSEN_DATABASE_USER": "o'neill\\ ü #1", "CHOSEN_DATABASE_HOST": "/tmp/a folder"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_new_file_is_readable_by_its_owner_only(file: Path) -> None:
    env_file.write(file, ODD)

    assert dotenv_values(file) == ODD
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [".env"]


@pytest.mark.parametrize("mine", [MINE, MINE + "\n", "\n\n" + MINE, ""])
def test_the_users_lines_are_kept_and_take_precedence(file: Path, mine: str) -> None:
    file.write_bytes(mine.encode())
    file.chmod(0o640)

    for value in ("one", "two", "two"):
        env_file.write(file, {"CHOSEN_DATABASE_NAME": value, "MAX_RETRIES": "9"})
        text = file.read_bytes().decode()

        assert text.endswith(f"{env_file.END}\n\n{mine}")
        assert text.count(env_file.BEGIN) == 1
        assert dotenv_values(file)["CHOSEN_DATABASE_NAME"] == value
        assert dotenv_values(file)["MAX_RETRIES"] == ("2" if mine else "9")
        assert file.stat().st_mode & 0o777 == 0o640


def test_an_unchanged_file_is_not_written_again(file: Path) -> None:
    env_file.write(file, ODD)
    before = file.stat()

    env_file.write(file, ODD)

    assert file.stat().st_ino == before.st_ino


def test_a_symlink_is_kept(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("A=1\n")
    file.symlink_to(target)

    env_file.write(file, ODD)

    assert file.is_symlink()
    assert dotenv_values(target) == {**ODD, "A": "1"}


@pytest.mark.parametrize(
    ("mode", "text", "is_open"),
    [
        (0o644, "OURA_API_TOKEN=abc\n", True),
        (0o640, "DATABASE_PASSWORD=abc\n", True),
        (0o600, "OURA_API_TOKEN=abc\n", False),
        (0o644, "OURA_API_TOKEN=\n# OURA_CLIENT_SECRET=abc\nMAX_RETRIES=2\n", False),
    ],
)
def test_secrets_that_others_can_read_are_detected(file: Path, mode: int, text: str, is_open: bool) -> None:
    file.write_text(text)
    file.chmod(mode)

    assert env_file.is_open(file, {"OURA_API_TOKEN", "OURA_CLIENT_SECRET", "DATABASE_PASSWORD"}) is is_open


def test_secrets_of_the_tap_and_of_libpq_are_checked_too(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oura_collector.pipeline.environment.PROJECT", tmp_path)
    (tmp_path / "meltano.yml").touch()
    of_the_tap = [name for name, each in SETTINGS.to_dict()["properties"].items() if each.get("secret")]

    for name in ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", *(f"TAP_OURA_{name.upper()}" for name in of_the_tap)):
        file.write_text(f"{name}=abc\n")
        file.chmod(0o644)

        assert len(advice()) == 1, name


@pytest.mark.parametrize(
    "edited",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(f"{env_file.END}\n", ""),
        lambda text: text.replace(env_file.BEGIN, f"  {env_file.BEGIN}"),
        lambda text: text.removesuffix("\n\n"),
        lambda text: text.replace(env_file.END, f"MAX_RETRIES=2\n{env_file.END}"),
    ],
    ids=["other line ends", "no end", "indented", "cut off", "a line of one's own inside"],
)
def test_a_generated_block_that_was_edited_is_replaced(file: Path, edited: Callable[[str], str]) -> None:
    env_file.write(file, {"CHOSEN_DATABASE_NAME": "old"})
    before = edited(file.read_text())
    file.write_bytes(before.encode())

    env_file.write(file, {"CHOSEN_DATABASE_NAME": "new"})

    found = dotenv_values(file)
    assert found["CHOSEN_DATABASE_NAME"] == "new"
    assert found.get("MAX_RETRIES") == ("2" if "MAX_RETRIES" in before else None)
    assert file.read_text().count(env_file.BEGIN) == 1
