"""The service: a web server in a thread, and one run after the other in the main thread, until a signal stops it."""

from __future__ import annotations

import queue
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

from oura_collector.database.lock import Busy
from oura_collector.runs.status import Status
from oura_collector.service import metrics
from oura_collector.service.health import health
from oura_collector.service.schedule import Schedule, since_boot
from oura_collector.service.web import Web, application
from oura_collector.settings import SettingsError

if TYPE_CHECKING:
    from oura_collector.runs.runner import Runner
    from oura_collector.settings import Settings

logger = structlog.get_logger(__name__)

LONGEST_SLEEP = 30.0
"""Seconds between two looks at the clock, so that a laptop that slept through the due time starts its run soon."""


class Service:
    """Runs until `stop`. Failures are logged and retried; only invalid settings end it.

    Unless it `collects`, it only shows what other processes' runs write to the run log.
    """

    def __init__(self, settings: Settings, runner: Runner, *, collects: bool = True) -> None:
        self._settings, self._runner, self._collects = settings, runner, collects
        self._schedule = Schedule(settings.collection_interval)
        self._status = Status(runner.database)
        self._up_since = since_boot()
        self._impossible: str | None = None
        # Of all queues and events this one alone may be used in a signal handler: its `put` is reentrant.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        registry = metrics.registry(self._status, detailed=settings.enable_detailed_metrics)
        self._web = Web(
            application(self._status, registry, self.health, lambda: runner.stopping),
            settings.listen_host,
            settings.port,
        )

    def serve(self) -> None:
        """Serve until a signal comes."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: self.stop())
        self._web.start()
        interval = self._settings.collection_interval
        logger.info("service started", url=self._web.url, port=self._web.port, interval_seconds=interval)
        while not self._runner.stopping:
            left = self._schedule.seconds_left() if self._collects else LONGEST_SLEEP
            if left > 0:
                with suppress(queue.Empty):
                    self._wake.get(timeout=min(left, LONGEST_SLEEP))
            else:
                self._run()
        self._web.stop()
        self._status.close()
        logger.info("service stopped")

    def stop(self) -> None:
        """Refuse new runs, end the run in progress at a safe point, return from `serve`."""
        self._runner.stop()
        self._wake.put(None)

    def health(self) -> dict[str, Any]:
        return health(
            self._status.read(),
            up_for=since_boot() - self._up_since,
            interval=self._settings.collection_interval,
            next_run_in=self._schedule.seconds_left() if self._collects else None,
            impossible=self._impossible,
        )

    def _run(self) -> None:
        self._schedule.started()
        impossible = None
        try:
            result = self._runner.live("service", wait=True)
            try_soon = result.may_pass
        except Busy:
            try_soon = True
        except (SettingsError, psycopg.Error, OSError) as error:
            impossible = str(error).splitlines()[0]
            logger.error("run impossible", error=impossible)
            try_soon = True
        self._impossible = impossible
        self._schedule.ended(try_soon=try_soon)
        logger.info("next run planned", in_seconds=round(self._schedule.seconds_left()))
