"""Reads one hostile response after another in a process of its own and prints the cost of each as a JSON line."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from tap_oura.accounts import Account, Static
from tap_oura.api.client import Client
from tap_oura.credentials import consent
from tap_oura.credentials.endpoints import Endpoints
from tap_oura.credentials.oauth import Application, Endpoint
from tap_oura.tap import TapOura

TIMEOUT = 1
SELF = Path("/proc/self")


def memory(which: str) -> float:
    """MiB of this process: `VmRSS` now, `VmHWM` at the peak."""
    return next(int(line.split()[1]) for line in (SELF / "status").read_text().splitlines() if which in line) / 1024


class Counting(GenericSingerWriter[str, Any]):
    def __init__(self) -> None:
        self.records: Counter[str] = Counter()

    def serialize_message(self, message: Any) -> str:
        return str(message)

    def write_message(self, message: Any) -> None:
        output = message.to_dict()
        if output["type"] == "RECORD" and output["stream"] == "heartrate":
            self.records[output["record"]["user_id"]] += 1


def data(url: str, start_date: str = "2026-03-01", **settings: Any) -> dict[str, Any]:
    """Two accounts are read, of which one is attacked."""
    messages = Counting()
    accounts = [{"user": "attacked", "access_token": "bad"}, {"user": "other", "access_token": "good"}]
    config = {
        "api_url": url,
        "accounts": accounts,
        "collections": ["heartrate"],
        "start_date": start_date,
        "end_date": "2026-03-20",
        "timeout_seconds": TIMEOUT,
        "max_retries": 1,
        **settings,
    }
    tap = TapOura(config=config, message_writer=messages)
    code = 0
    try:
        tap.sync_all()
    except SystemExit as end:
        code = int(end.code or 0)
    failures = [(str(failure), failure.error.reason) for failure in tap.run.report.failures]
    return {"code": code, "failures": failures, "records": dict(messages.records)}


def wide(url: str) -> dict[str, Any]:
    """Five windows are attacked at once."""
    return data(url, "2025-11-10")


def tokens(url: str) -> dict[str, Any]:
    """A refresh token is spent."""
    received: list[str] = []
    try:
        Endpoint(f"{url}/oauth/token", connect=TIMEOUT, patience=TIMEOUT).refresh(
            Application("client", "secret"), "old", received.append
        )
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}", "received": len(received)}
    return {"received": len(received)}


def identity(url: str) -> dict[str, Any]:
    """A wearer has consented, and Oura is asked who that is."""
    endpoints = Endpoints((f"{url[: url.rindex('/')]}/good/oauth/token",), connect=TIMEOUT, patience=TIMEOUT)
    request = consent.Request("", Application("client", "secret"), "http://localhost/", "state")
    try:
        client = Client(f"{url}/v2/usercollection", timeout=TIMEOUT, retries=0, user_agent="test")
        redirect = "http://localhost/?code=1&state=state"
        consent.first_record(endpoints, request, redirect, lambda token: client.own_id(Account(None, Static(token))))
    except consent.ConsentFailed as error:
        return {"error": str(error)}
    return {}


def revocation(url: str) -> dict[str, Any]:
    host, _, way = url.rpartition("/")
    endpoint = Endpoint(f"{host}/oauth/token", connect=TIMEOUT, patience=TIMEOUT)
    return {"agreed": endpoint.revoke(Application("client", "secret"), way)}


def main(url: str) -> None:
    data(f"{url}/good")
    gc.collect()
    before = memory("VmRSS")
    for attack in sys.stdin.read().split():
        target, way = attack.split(":")
        (SELF / "clear_refs").write_text("5")  # Forgets the peak.
        started = time.monotonic()
        cost = globals()[target](f"{url}/{way}")
        seconds = time.monotonic() - started
        print(json.dumps({"attack": attack, "seconds": seconds, "mib": memory("VmHWM") - before, **cost}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
