"""One run: the lock, the run log, Meltano, the result, the webhook event."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import structlog

from oura_collector.database import fence
from oura_collector.database.choice import prepare
from oura_collector.database.lock import Busy, Hold, only_run
from oura_collector.pipeline.environment import PRODUCTION, surroundings, tidy
from oura_collector.pipeline.process import Meltano
from oura_collector.pipeline.result import DBT, LOADER, PARTIAL, SUCCEEDED, TAP, Log, Result, RunReport, conclude, lost
from oura_collector.pipeline.run_files import run_files
from oura_collector.runs import changed_rows
from oura_collector.runs.lost_bookmarks import Own, put_back
from oura_collector.runs.run_log import BACKFILL, FORCE, RunLog
from oura_collector.settings import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from tap_oura.accounts import Account
    from tap_oura.shards import Shard

    from oura_collector.database.connection import Database
    from oura_collector.pipeline.environment import Tap
    from oura_collector.runs.event_webhook import Notifier
    from oura_collector.settings import Settings

logger = structlog.get_logger(__name__)

# We hold the lock, so Meltano's own check, which takes a killed run for a running one, is unnecessary: --force.
LIVE = ["run", "--force", TAP, LOADER]
# A session that waits for somebody else's lock on a table fails after this time; PGOPTIONS may change it.
LOCK_TIMEOUT = "-clock_timeout=60s"
BUILD, UPDATE = f"{DBT}:marts", f"{DBT}:update-marts"
"""Build always, and only if something changed."""


@dataclass
class Runner:
    """Executes runs, one at a time. `tap` returns the tap's settings and accounts; each run calls it again."""

    settings: Settings
    database: Database
    tap: Callable[[], Tap]
    environment: str = PRODUCTION
    notifier: Notifier | None = None
    stopping: bool = False
    _process: Meltano | None = field(default=None, init=False)

    def live(self, asked_by: str, *, wait: bool = False) -> Result:
        """Collect new data, load it, build the tables. Raises Busy, SettingsError."""
        build, shard = BUILD if asked_by == FORCE else UPDATE, self.settings.shard
        if shard.is_whole:
            return self.step(asked_by, [*LIVE, build], wait=wait)
        return self.step(asked_by, LIVE, build=["run", build], shard=shard, extra=_share(shard), wait=wait)

    def step(
        self,
        asked_by: str,
        arguments: list[str],
        *,
        build: list[str] | None = None,
        shard: Shard = WHOLE,
        days: tuple[date, date] | None = None,
        extra: Mapping[str, str] | None = None,
        wait: bool = False,
    ) -> Result:
        """Run Meltano under the lock and write the result to the run log. Raises Busy, SettingsError.

        Several shards may run at once; each then runs its `build` command alone.
        """
        around, tap = surroundings(self.settings, self.database, shard), self.tap()
        variables = {**around, **tap.variables, **(extra or {})}
        prepare(self.database)
        run_log, whose = RunLog(self.database, shard), None if shard.is_whole else shard.index
        with only_run(self.database, shard=whose, wait=wait, given_up=lambda: self.stopping) as hold:
            if self.stopping:
                raise Busy("stopping; no new run is started")
            run_id = run_log.start(asked_by, days)
            variables |= _sessions(run_id, variables.get("PGOPTIONS") or os.environ.get("PGOPTIONS", ""))
            tidy(self.settings, around)
            if days is None and run_log.follows_a_cut(run_id):
                variables["TAP_OURA_FORGET_DAYS"] = "true"
            if asked_by != BACKFILL:
                ours = list(filter(shard.holds, tap.accounts))
                self._put_back_bookmarks(ours, variables, run_id, has_run=run_log.has_run(run_id))
            logger.info("run started", run=run_id, asked_by=asked_by, **_span(days), **_part(shard))
            hold.watch(fence.name(run_id), self._abandon)
            result, before = self._execute(arguments, build, variables, hold, run_log)
            result = self._write(run_log, run_id, asked_by, result if hold.is_held() else lost(result.collections))
            if self.notifier and result.outcome in (SUCCEEDED, PARTIAL):
                self.notifier.tell(run_id, changed_rows.since(self.database, before), result)
        return result

    def stop(self) -> None:
        """Refuse new runs and end the run in progress at a safe point."""
        self.stopping = True
        if self._process:
            self._process.stop(self.settings.stop_seconds)

    def _put_back_bookmarks(
        self, collected: list[Account], variables: Mapping[str, str], run_id: int, *, has_run: bool
    ) -> None:
        names = {account.user for account in collected}
        own = Own(
            self.environment,
            {**os.environ, **variables}.get("MELTANO_RUN_STATE_ID_SUFFIX"),
            accounts=frozenset(filter(None, names)),
            nameless=None in names,
            start_date=variables.get("TAP_OURA_START_DATE", ""),
            run_id=run_id,
            has_run=has_run,
        )
        with self.database.connect() as connection:
            put_back(connection, own)

    def _abandon(self) -> None:
        """End the run in progress at once: another run may have begun."""
        logger.error("lock lost")
        if process := self._process:
            process.stop(0)

    def _mark(self) -> str | None:
        return changed_rows.now(self.database) if self.notifier else None

    def _execute(
        self,
        arguments: list[str],
        build: list[str] | None,
        variables: Mapping[str, str],
        hold: Hold,
        run_log: RunLog,
    ) -> tuple[Result, str | None]:
        """Run Meltano and, if there are new rows, its `build`; return the result, and the mark to seek changes from."""
        log, report, before = Log(), RunReport(), self._mark()
        # Two loaders that find no tables would both create them.
        if not (run_log.has_read() or hold.alone()):
            return conclude(report, log, 1, stopped=True), before
        result = self._meltano(arguments, variables, hold, log, report)
        if build and result.collections and result.outcome in (SUCCEEDED, PARTIAL):
            # Rows that are loaded while dbt reads may be committed behind the load time up to which dbt has read.
            if not hold.alone():
                return conclude(report, log, 1, stopped=True), before
            before = self._mark()
            result = self._meltano(build, variables, hold, log, report)
        return result, before

    def _meltano(
        self, arguments: list[str], variables: Mapping[str, str], hold: Hold, log: Log, report: RunReport
    ) -> Result:
        if not hold.is_held():
            return lost(report.collections)
        with run_files(Path(variables["MELTANO_SYS_DIR_ROOT"])) as files:
            environment = {"MELTANO_ENVIRONMENT": self.environment, **files.variables, **variables}
            self._process = Meltano(arguments, environment, lock=hold.descriptor)
            if self.stopping:  # The signal came while the process was being started.
                self._process.stop(self.settings.stop_seconds)
            if hold.lost:
                self._process.stop(0)
            try:
                for line in self._process.lines():
                    _relay(log.take(line))
                log.blocked = hold.blocked
                exit_code = self._process.wait()
                report.read(files.report)
                for cause in report.build.failures if report.build else ():
                    logger.error("not built", what=cause)
                return conclude(report, log, exit_code, stopped=self._process.stopped)
            finally:
                self._process = None

    def _write(self, run_log: RunLog, run_id: int, asked_by: str, result: Result) -> Result:
        with suppress(psycopg.Error), self.database.reach() as connection:
            fence.end_sessions(connection, fence.name(run_id))
        try:
            if not run_log.finish(run_id, asked_by, result):
                result = lost(result.collections)
        except psycopg.Error as error:
            logger.error("run not written to the run log", run=run_id, error=str(error).splitlines()[0])
        for failure in result.causes:
            logger.error("not read", what=str(failure), reason=failure.reason)
        told = logger.info if result.outcome == SUCCEEDED else logger.error
        told(
            "run finished",
            run=run_id,
            outcome=result.outcome,
            **({"reason": result.reason, "message": result.message} if result.message else {}),
            nothing_new=result.nothing_new,
            records=sum(each.records for each in result.collections),
            requests=sum(sum(each.requests.values()) for each in result.collections),
            **_quota(result),
        )
        return result


def _sessions(run_id: int, options: str) -> dict[str, str]:
    """The libpq variables of a run's processes: their sessions are named after the run. Later options win."""
    return {"PGAPPNAME": fence.name(run_id), "PGOPTIONS": f"{LOCK_TIMEOUT} {options}".strip()}


def _relay(event: Mapping[str, object]) -> None:
    """Pass on a plugin's warnings and errors."""
    level = str(event.get("level", "info"))
    if level in ("warning", "error", "critical") and event.get("event") != "METRIC":
        source = event.get("name", "meltano")
        if source == "meltano" and "ignoring stale job check" in str(event.get("event")):
            return
        getattr(logger, level)(str(event.get("event")), source=source)


def _share(shard: Shard) -> dict[str, str]:
    """The variables of a shard: its accounts for the tap, its state id for Meltano."""
    return {
        "TAP_OURA_SHARD_INDEX": str(shard.index),
        "TAP_OURA_SHARD_COUNT": str(shard.count),
        "MELTANO_RUN_STATE_ID_SUFFIX": str(shard),
    }


def _part(shard: Shard) -> dict[str, str]:
    return {} if shard.is_whole else {"shard": str(shard)}


def _span(days: tuple[date, date] | None) -> dict[str, str]:
    return {"first_day": days[0].isoformat(), "last_day": days[1].isoformat()} if days else {}


def _quota(result: Result) -> dict[str, int]:
    told = [each.rate_limit_remaining for each in result.collections if each.rate_limit_remaining is not None]
    return {"rate_limit_remaining": min(told)} if told else {}
