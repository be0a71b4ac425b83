"""Weeks of hourly runs with tokens of a day, restarted at random: every consent survives, one refresh a day."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tap_oura.tap import TapOura

if TYPE_CHECKING:
    from ..conftest import Run
    from .conftest import Oura

TAP_AT = Path(__file__).with_name("tap_at.py")
HOUR, DAY = 3600, 86400
BEGINNING = datetime(2026, 3, 1, 6, tzinfo=UTC).timestamp()
USERS = ("user-1", "user-2")
PAIR = ("user", "client_id", "client_secret", "refresh_token")


@pytest.fixture
def live(oura: Oura, run: type[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Live some days; every so often a run is a process that is asked to stop at a random moment."""

    def live(days: int, restart_every: int, seed: Any) -> Any:
        chance = random.Random(seed)
        now = BEGINNING
        monkeypatch.setattr(TapOura, "clock", staticmethod(lambda: now))
        config = {
            "api_url": oura.url,
            "accounts": [{name: oura.account(user)[name] for name in PAIR} for user in USERS],
            "collections": ["personal_info"],
            "token_store": str(tmp_path / "credentials"),
        }
        (tmp_path / "config.json").write_text(json.dumps(config))
        oura.admin("oauth", expires_in=DAY)
        stopped = 0
        for hour in range(days * 24):
            now = BEGINNING + hour * HOUR + chance.uniform(0, 60)
            oura.admin("clock", now=datetime.fromtimestamp(now, UTC).isoformat())
            if hour % restart_every == 0:
                stopped += stop_at_random(tmp_path, now, chance)
            end = run(config)
            assert end.code == 0, f"hour {hour} of seed {seed}: {end.failures}"
            assert {record["user_id"] for record in end.records["personal_info"]} == set(USERS)
        return stopped

    return live


def stop_at_random(folder: Path, now: float, chance: random.Random) -> bool:
    """Start a run and ask it to stop somewhere between its start and its end; return whether that hit it."""
    process = subprocess.Popen(
        [sys.executable, str(TAP_AT), "--config", str(folder / "config.json")],
        env={**os.environ, "NOW": str(now)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(chance.uniform(0.8, 2.0))
    except subprocess.TimeoutExpired:
        process.terminate()
    return process.wait(30) != 0


def refreshes_a_day(oura: Oura) -> Counter[tuple[str, int]]:
    done = [request for request in oura.refreshes() if request["status"] == 200]
    return Counter(
        (request["user"], int((datetime.fromisoformat(request["at"]).timestamp() - BEGINNING) // DAY))
        for request in done
    )


def assert_one_a_day(oura: Oura, days: int) -> None:
    assert not [
        request
        for request in oura.refreshes()
        if request["status"] == 400 and request["path"] == "/oauth/token" and request["user"] == "user-1"
    ]
    counted = refreshes_a_day(oura)
    assert all(count == 1 for count in counted.values()), counted
    assert all(days - 1 <= sum(1 for user, _ in counted if user == each) <= days for each in USERS), counted


def test_three_days_of_runs_refresh_once_a_day(oura: Oura, live: Callable[..., int]) -> None:
    live(days=3, restart_every=12, seed=1)

    assert_one_a_day(oura, 3)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_thirty_days_of_runs_refresh_once_a_day(oura: Oura, live: Callable[..., int]) -> None:
    stopped = live(days=30, restart_every=5, seed=2)

    assert stopped > 10
    assert_one_a_day(oura, 30)
