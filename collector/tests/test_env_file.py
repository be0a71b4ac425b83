"""What collect.py writes into `.env`, and what it leaves alone there."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv import dotenv_values
from oura_collector import env_file

MINE = "# mine\nMAX_RETRIES=2\r\nUSER_MAPPING='ada: token\nben: token'"
ODD = {"CHOSEN_DATABASE_USER": "o'neill\\ ü #1", "CHOSEN_DATABASE_HOST": "/tmp/a folder"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_new_file_is_the_owners_alone(file: Path) -> None:
    env_file.write(file, ODD)

    assert dotenv_values(file) == ODD
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [".env"]


@pytest.mark.parametrize("mine", [MINE, MINE + "\n", "\n\n" + MINE, ""])
def test_the_users_lines_stay_as_they_are_and_win(file: Path, mine: str) -> None:
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


def test_a_file_that_says_the_same_already_is_not_written(file: Path) -> None:
    env_file.write(file, ODD)
    before = file.stat()

    env_file.write(file, ODD)

    assert file.stat().st_ino == before.st_ino


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
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
def test_secrets_that_others_can_read_are_noticed(file: Path, mode: int, text: str, is_open: bool) -> None:
    file.write_text(text)
    file.chmod(mode)

    assert env_file.is_open(file, {"OURA_API_TOKEN", "OURA_CLIENT_SECRET", "DATABASE_PASSWORD"}) is is_open
