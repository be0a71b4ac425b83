"""Whatever a server sends, a response takes bounded time and memory, and fails only its own window."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tap_oura.accounts import Account, Static
from tap_oura.api.client import ANSWER_WITHIN, WINDOW_WITHIN, Client, Stopwatch

HERE = Path(__file__).parent
TIMEOUT = 1
"""Seconds, of `hostile_run.py`."""

SLACK = 3
"""Seconds beyond a deadline, on a busy machine; a retry's pause of a second is among them."""

MOST_MIB = 100

TOO_LARGE = "a response of more than 8 MiB"
TOO_SLOW = f"no complete response from Oura within {ANSWER_WITHIN * TIMEOUT} s"
NO_END = f"no end of the pages within {WINDOW_WITHIN * TIMEOUT} s"
BROKEN = "no complete response from Oura"
CUT = "the answer broke off"

DATA = {
    "bomb": TOO_LARGE,
    "chunked_bomb": TOO_LARGE,
    "bomb_in_a_bomb": f"{BROKEN} (ContentDecodingError)",
    "redirect_with_a_bomb": "Oura rejects the request (302)",
    "error_with_a_bomb": "Oura responds with 500",
    "refusal_with_a_bomb": "Oura rejects the access token: it is expired, revoked or mistyped",
    "limit_with_a_bomb": "rate limited (tier unknown, X-RateLimit-Remaining unknown, for 4000 s)",
    "huge_page": TOO_LARGE,
    "tiny_values": TOO_LARGE,
    "endless_body": TOO_LARGE,
    "endless_pages": "too much for one window: no end after 31 MiB",
    "drip_in_headers": TOO_SLOW,
    "drip_in_body": TOO_SLOW,
    "drip_in_chunks": TOO_SLOW,
    "drip_in_an_error": TOO_SLOW,
    "endless_continue": "",  # Too slow or too much, as fast as the machine is.
    "endless_header": f"{BROKEN} (ConnectionError)",
    "endless_headers": f"{BROKEN} (ConnectionError)",
    "endless_trailers": "",
    "negative_chunk": TOO_LARGE,
    "invalid_chunk": f"{BROKEN} (ConnectionError)",
    "truncated_gzip": CUT,
    "no_gzip": f"{BROKEN} (ContentDecodingError)",
    "longer_than_said": CUT,
    "shorter_than_said": f"{BROKEN} (ChunkedEncodingError)",
    "cut_without_length": CUT,
    "cut_in_a_chunk": f"{BROKEN} (ChunkedEncodingError)",
    "two_lengths": f"{BROKEN} (InvalidHeader)",
}
"""How a window fails, by what the server does."""

WINDOWS = {"empty_pages": "", "slow_pages": NO_END}
"""The same where it takes as long as a window may."""

WIDE = {
    "endless_pages": DATA["endless_pages"],
    "bomb": TOO_LARGE,
    "huge_page": TOO_LARGE,
    "tiny_values": TOO_LARGE,
    "negative_chunk": TOO_LARGE,
}

TOKENS = {
    "bomb": "NotAnswered: TooManyBytes",
    "chunked_bomb": "NotAnswered: TooManyBytes",
    "endless_body": "NotAnswered: TooManyBytes",
    "drip_in_headers": "NotAnswered: DeadlinePassed",
    "drip_in_body": "NotAnswered: DeadlinePassed",
    "invalid_chunk": "NotAnswered: ConnectionError",
    "shorter_than_said": "NotAnswered: ChunkedEncodingError",
    "error_with_a_bomb": "Unavailable: 500",
    "refusal_with_a_bomb": "Refused: 401",
    "redirect_with_a_bomb": "Refused: 302",
    "deep": "Unreadable: the response contains no access token",
}
IDENTITY = ("bomb", "endless_body", "drip_in_headers", "drip_in_body", "refusal_with_a_bomb", "deep")
REVOCATION = ("bomb", "endless_body", "drip_in_headers", "error_with_a_bomb", "redirect_with_a_bomb")

ATTACKS = (
    [
        *(f"wide:{way}" for way in WIDE if way != "endless_pages"),
        *(f"tokens:{way}" for way in TOKENS),
        *(f"identity:{way}" for way in IDENTITY),
        *(f"revocation:{way}" for way in REVOCATION),
        "tokens:good",
        "identity:good",
        "revocation:good",
        "data:malformed_headers",
    ],
    [f"data:{way}" for way in DATA],
    ["wide:endless_pages"],
    ["data:empty_pages"],
    ["data:slow_pages"],
)
"""Each list in a process of its own, side by side."""


def meet(url: str, attacks: list[str]) -> list[dict[str, Any]]:
    found = subprocess.run(
        [sys.executable, HERE / "hostile_run.py", url],
        input=" ".join(attacks),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in found.stderr, found.stderr[-4000:]
    return [json.loads(line) for line in found.stdout.splitlines()]


@pytest.fixture(scope="module")
def server(hostile_at: Any) -> Iterator[str]:
    with hostile_at() as hostile:
        yield hostile.url


@pytest.fixture(scope="module")
def costs(server: str) -> dict[str, dict[str, Any]]:
    """What each attack did: `seconds`, `mib` more than before, and what the tap made of it."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of a process's memory is read from Linux's /proc")
    with ThreadPoolExecutor() as pool:
        found = pool.map(meet, [server] * len(ATTACKS), ATTACKS)
        return {cost["attack"]: cost for costs in found for cost in costs}


@pytest.mark.parametrize("way", [*DATA, *WINDOWS])
def test_a_hostile_response_fails_its_window_within_time_and_memory_bounds(
    way: str, costs: dict[str, dict[str, Any]]
) -> None:
    cost = costs[f"data:{way}"]

    (failure, _), *more = cost["failures"]
    assert failure.endswith((DATA | WINDOWS)[way])
    assert failure.startswith(("heartrate of attacked, 2026-02-28 to 2026-03-21: ", "everything of attacked"))
    assert (more, cost["code"], cost["records"]) == ([], 1, {"other": 2})
    within = WINDOW_WITHIN if "pages" in way else ANSWER_WITHIN
    assert cost["seconds"] < within * TIMEOUT + SLACK
    assert cost["mib"] < MOST_MIB


@pytest.mark.parametrize("way", WIDE)
def test_hostile_responses_to_five_windows_at_once_stay_within_memory_bounds(
    way: str, costs: dict[str, dict[str, Any]]
) -> None:
    cost = costs[f"wide:{way}"]

    assert [failure for failure, _ in cost["failures"]] == [
        f"heartrate of attacked, 2025-11-09 to 2026-03-21: {WIDE[way]}"
    ]
    assert cost["mib"] < MOST_MIB


@pytest.mark.parametrize("way", TOKENS)
def test_a_hostile_token_response_is_reported_with_its_effect_on_the_grant(
    way: str, costs: dict[str, dict[str, Any]]
) -> None:
    cost = costs[f"tokens:{way}"]

    assert cost["error"] == TOKENS[way]
    # The body of a success is handed on before anybody tries to read it; that of anything else never.
    assert cost["received"] == (way == "deep")
    assert cost["seconds"] < 2 * TIMEOUT + SLACK
    assert cost["mib"] < MOST_MIB


@pytest.mark.parametrize("way", IDENTITY)
def test_a_hostile_response_fails_a_consent(way: str, costs: dict[str, dict[str, Any]]) -> None:
    cost = costs[f"identity:{way}"]

    assert "Oura does not say whose consent this is" in cost["error"]
    assert cost["seconds"] < 2 * TIMEOUT + SLACK
    assert cost["mib"] < MOST_MIB


@pytest.mark.parametrize("way", REVOCATION)
def test_a_hostile_response_does_not_confirm_a_revocation(way: str, costs: dict[str, dict[str, Any]]) -> None:
    cost = costs[f"revocation:{way}"]

    assert cost["agreed"] is False
    assert cost["seconds"] < 2 * TIMEOUT + SLACK
    assert cost["mib"] < MOST_MIB


def test_valid_responses_are_read(costs: dict[str, dict[str, Any]]) -> None:
    assert costs["tokens:good"]["received"] == 1
    assert "error" not in costs["identity:good"]
    assert costs["revocation:good"]["agreed"]
    # Nor is anything logged of such headers: `meet` has looked for a traceback.
    assert costs["data:malformed_headers"]["records"] == {"attacked": 2, "other": 2}


ATTACKED = Account("attacked", Static("bad"))


def client(url: str, **options: Any) -> Client:
    settings = {"timeout": 10, "retries": 1, "user_agent": "test", **options}
    return Client(f"{url}/v2/usercollection", **settings)


def test_a_month_of_live_samples_is_read_whole(server: str) -> None:
    pages = list(client(f"{server}/dense_pages").pages(ATTACKED, "heartrate", {}))

    assert len(pages) == 280
    assert sum(map(len, pages)) == 279_002
    assert pages[200][999] == {"bpm": 62, "source": "awake", "timestamp": "2026-03-10T00:16:39+00:00"}


def test_waiting_for_a_rate_limit_does_not_count_as_slowness(server: str) -> None:
    stopwatch = Stopwatch()

    client(f"{server}/limited_pages")._get(ATTACKED, "heartrate", {}, stopwatch)

    assert stopwatch.seconds < 1  # The limit demanded two.


def test_a_slow_response_costs_one_attempt_and_no_later_window(hostile_at: Any, run: Any) -> None:
    with hostile_at() as hostile:
        made = run(
            {
                "api_url": f"{hostile.url}/drip_in_body",
                "accounts": [{"user": "attacked", "access_token": "bad"}],
                "collections": ["heartrate", "daily_sleep"],
                "start_date": "2025-11-10",
                "end_date": "2026-03-20",
                "timeout_seconds": TIMEOUT,
                "max_retries": 3,
                "concurrency": 1,
            }
        )

        assert [failure.split(",")[0] for failure in made.failures] == [
            "daily_sleep of attacked",
            "heartrate of attacked",
        ]
        assert len(hostile.requests()) == 2
