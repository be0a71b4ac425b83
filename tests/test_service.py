"""The service at work: real PostgreSQL, Meltano, dbt, HTTP, a simulator in Oura's place."""

from __future__ import annotations

import json
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from oura_collector.database.connection import Database
from oura_simulator.testing import running

from tests.collector_process import Collector, until
from tests.conftest import PERSON, stay_on_one_day


@pytest.fixture(scope="module")
def at_work(make_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with running(accounts=1, days=400) as simulator:
        yield Collector(make_database(), simulator, tmp_path_factory.mktemp("collector"))


@pytest.fixture
def collector(at_work: Collector) -> Collector:
    """One installation for all tests, which leave it working."""
    at_work.simulator.reset()
    return at_work


def sent(collector: Collector) -> int:
    return len([request for request in collector.simulator.requests() if request["collection"]])


def overlapping(collector: Collector) -> list[tuple[int, int]]:
    return [
        (row["first"], row["second"])
        for row in collector.rows(
            "SELECT a.run_id AS first, b.run_id AS second FROM oura_collector.runs a JOIN oura_collector.runs b "
            "ON a.run_id < b.run_id AND b.started_at < a.finished_at"
        )
    ]


def test_the_service_collects_at_start_and_counts_runs_of_other_processes_too(collector: Collector) -> None:
    with collector.serving() as service:
        assert service.get("/health/ready")[0] == 200
        until(lambda: service.metric("collections_total", asked_by="service", outcome="succeeded") == 1, "a first run")
        collected_at = service.metric("last_collection_timestamp")

        assert service.metric("api_requests_total") == sent(collector) > 20
        assert service.metric("api_requests_total", status="200") == sent(collector)
        assert service.metric("rate_limit_remaining") == 5000 - sent(collector)
        assert service.metric("errors_total") == 0
        assert service.metric("run_duration_seconds_count", asked_by="service") == 1
        assert service.metric("newest_data_timestamp_seconds", collection="daily_activity") > collected_at - 3 * 86400
        assert service.get("/health")[0] == 200
        assert [account["user"] for account in service.health()["accounts"]] == ["user-1"]

        collector.run("--force")

        assert service.metric("collections_total", asked_by="force", outcome="succeeded") == 1
        assert service.metric("api_requests_total") == sent(collector)
        assert service.metric("last_collection_timestamp") > collected_at

        service.process.signal(signal.SIGTERM)
        assert service.process.wait() == 0
    assert collector.value("SELECT sum(requests) FROM oura_collector.run_collections") == sent(collector)
    assert collector.value("SELECT count(*) FROM oura_sleep") >= 15


def test_a_failure_is_in_metrics_health_and_status_after_one_run(collector: Collector) -> None:
    collector.simulator.fault("scope_401", collection="daily_spo2", user="user-1")
    with collector.serving() as service:
        until(lambda: service.metric("collections_total", outcome="partial") == 1, "the run at the start")

        assert service.metric("accounts_failing", reason="scope") == 1
        assert service.metric("accounts_failing", reason="token") == 0
        assert service.get("/health")[0] == 200
        assert service.health()["status"] == "degraded"
        assert any("daily_spo2 of user-1" in problem for problem in service.health()["problems"])

        collector.simulator.call("POST", "membership", {"user": "user-1", "active": False})
        collector.run("--once", "--wait", code=1)
        assert service.metric("accounts_failing", reason="membership") == 1
        assert service.get("/health")[0] == 503
        assert service.get("/health/live")[0] == service.get("/health/ready")[0] == 200

        collector.simulator.reset()
        collector.simulator.call("POST", "revoke", {"user": "user-1"})
        collector.run("--once", "--wait", code=1)
        assert service.metric("accounts_failing", reason="token") == 1
        output = collector.run("status", code=1).output()
        assert output.startswith("1 account: 1 needs somebody: user-1\n")
        assert output.count("Oura rejects the access token") == 2  # Of the account, and of the last run.
        assert "works" not in output + collector.run("status", "--user", "user-1", code=1).output()
        assert service.health()["summary"] == "1 account: 1 needs somebody: user-1"
        # The settings do not name the account, and Oura no longer does: it is the one of the runs before.
        assert [account["user"] for account in service.health()["accounts"]] == ["user-1"]
        open_failures = "SELECT user_id, collection FROM oura_raw.collection_failures WHERE recovered_at IS NULL"
        assert {"user_id": "user-1", "collection": "*"} in collector.rows(open_failures)

        collector.simulator.call("POST", "restore", {"user": "user-1"})
        collector.run("--once", "--wait")
        assert service.metric("accounts_failing") == 0
        assert service.health()["status"] == "ok"


def test_of_runs_started_together_one_executes_at_a_time(collector: Collector) -> None:
    before = len(collector.runs())

    with collector.serving(COLLECTION_INTERVAL="2") as service:
        others = [collector.start(how) for how in ("--force", "--once", "--once")]
        waiting = collector.start("--once", "--wait")
        codes = [process.wait() for process in others]
        assert waiting.wait() == 0, waiting.log()
        until(lambda: service.metric("collections_total", asked_by="service", outcome="succeeded") >= 2, "its own run")

    assert set(codes) <= {0, 75}
    assert 75 in codes
    assert len(collector.runs()) >= before + 2
    assert overlapping(collector) == []


@pytest.mark.soak
def test_a_killed_backfill_resumes_and_moves_no_bookmark(collector: Collector) -> None:
    collector.run("--once")
    bookmarks = collector.bookmarks()
    assert bookmarks
    arguments = ("--start-date", "2026-01-01", "--end-date", "2026-05-31", "--collections", "daily_sleep,sleep")

    first = collector.start(*arguments)
    until(lambda: bool(first.events("backfill piece")), "a first piece")
    first.signal(signal.SIGKILL)
    first.wait()
    pieces = collector.value("SELECT count(*) FROM oura_collector.backfill_pieces")
    collector.simulator.call("DELETE", "requests")
    second = collector.run(*arguments, "--wait")

    assert pieces == 3
    assert second.events("backfill resumed")[0]["done"] == 1
    requested = [r["query"] for r in collector.simulator.requests() if r["collection"] == "daily_sleep"]
    assert all("2026-01-0" not in str(query) for query in requested)
    assert collector.value("SELECT min(date)::text FROM oura_sleep") <= "2026-01-03"
    assert collector.value("SELECT count(*) FROM oura_collector.backfill_pieces") == 0
    assert collector.bookmarks() == bookmarks


def test_a_run_with_changes_sends_one_signed_event_to_the_webhook(collector: Collector) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["webhook-signature"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        webhook: dict[str, Any] = {
            "NOTIFY_WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_port}/webhook/oura-new-data",
            "NOTIFY_WEBHOOK_SECRET": "planted",
        }
        collector.run("--once", **webhook)
        heard.clear()

        day = collector.value("SELECT (max(date) - 2)::text FROM oura_readiness")
        collector.simulator.edit(user="user-1", collection="daily_readiness", op="rescore", day=day, score=41)
        collector.run("--once", **webhook)
        receiver.shutdown()

    ((signature, event),) = heard
    assert signature.startswith("v1,")
    (account,) = event["data"]["accounts"]
    assert account["user"] == "user-1"
    changed = {entry["table"]: entry for entry in account["changed"]}
    assert changed["oura_readiness"]["rows"] == 1
    assert changed["oura_readiness"]["first_day"] == day
    assert "41" not in json.dumps(event["data"]["accounts"][0]["changed"]).replace(day, "")


def test_run_log_and_status_report_that_nothing_changed(
    make_database: Callable[..., Database], installed: Database, tmp_path: Path
) -> None:
    with running(**PERSON) as simulator:
        collector = Collector(make_database(installed), simulator, tmp_path)
        stay_on_one_day()
        # The first run may have been yesterday's.
        collector.execute("UPDATE oura_staging.builds SET tested_at = now()")
        second = collector.run("--once")
        forced = collector.run("--force")

    assert [run["nothing_new"] for run in collector.runs()] == [False, True, False]
    assert second.events("run finished")[0]["nothing_new"] is True
    assert forced.events("run finished")[0]["nothing_new"] is False


@contextmanager
def half_open(url: str, count: int) -> Iterator[None]:
    """Keep so many connections open that never complete a request; each that is closed is opened again."""
    address = urlsplit(url).hostname or "", urlsplit(url).port or 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    over = threading.Event()

    def attack(count: int) -> None:
        held: list[socket.socket] = []
        while not over.is_set():
            for each in list(held):
                with suppress(BlockingIOError):
                    try:
                        closed = not each.recv(1)
                    except ConnectionError:
                        closed = True
                    if closed:
                        held.remove(each)
                        each.close()
            while len(held) < count and not over.is_set():
                with suppress(OSError):
                    connection = socket.create_connection(address, timeout=1)
                    held.append(connection)
                    connection.sendall(b"GET /health HTTP/1.1\r\nX-Never-Ends: ")
                    connection.setblocking(False)
            over.wait(0.5)
        for each in held:
            each.close()

    threads = [threading.Thread(target=attack, args=[count // 10]) for _ in range(10)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_half_open_connections_stop_neither_health_nor_collecting(collector: Collector) -> None:
    with collector.serving(COLLECTION_INTERVAL="5") as service:
        process = psutil.Process(service.process.popen.pid)
        process.rlimit(psutil.RLIMIT_NOFILE, (1024, 1024))
        until(lambda: service.metric("collections_total", asked_by="service", outcome="succeeded") >= 1, "a first run")
        log = service.process.path.with_suffix(".log")
        written = log.stat().st_size
        descriptors, latencies = 0, []

        with half_open(service.url, 1500):
            time.sleep(2)
            runs = len(collector.runs())
            begun = time.monotonic()
            while time.monotonic() - begun < 10 or len(collector.runs()) < runs + 2:
                assert time.monotonic() - begun < 120, "no run meanwhile"
                asked = time.monotonic()
                statuses = [service.get(path)[0] for path in ("/health", "/health/live", "/health/ready", "/metrics")]
                latencies.append((time.monotonic() - asked) / 4)
                assert statuses == [200] * 4
                descriptors = max(descriptors, process.num_fds())
                time.sleep(0.2)
            outcomes = {run["outcome"] for run in collector.runs()[runs:-1]}

        print(f"descriptors {descriptors}, log {log.stat().st_size - written} bytes, latency {max(latencies):.3f} s")
        assert outcomes == {"succeeded"}
        assert descriptors < 160
        assert log.stat().st_size - written < 200_000
        assert sorted(latencies)[len(latencies) // 2] < 2
