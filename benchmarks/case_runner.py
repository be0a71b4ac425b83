"""Runs one case: the same simulator and the same server for all, in alternation, each in a database of its own."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from oura_simulator.testing import Running, running

from benchmarks import measure
from benchmarks.cases import Case
from benchmarks.contenders import FLOOR, Contender, Turn
from benchmarks.environment import Environment, Job, Server, now
from benchmarks.results import Measurement, Result

Log = Callable[[str], None]
Counts = dict[str, int]


class CaseRunner:
    """Measures all contenders of one case, round by round."""

    def __init__(self, case: Case, simulator: Running, server: Server, folder: Path, job: Job, log: Log) -> None:
        self._case = case
        self._simulator = simulator
        self._server = server
        self._folder = folder
        self._job = job
        self._log = log
        self._kept = ExitStack()
        self._environments: dict[str, Environment] = {}
        self._expected: dict[Job, Counts] = {}
        self._digests: dict[str, dict[str, str]] = {}
        self.result = Result(when=f"{job.now:%Y-%m-%d %H:%M} UTC", machine=_machine())

    def run(self, repeat: int) -> Result:
        taking_part = [contender for contender in self._case.contenders if not self._skip(contender)]
        with self._kept:
            self._prepare(taking_part)
            for number in range(repeat):
                for contender in taking_part:
                    self._turn(contender, Turn(number, repeat - number))
        return self.result

    def _skip(self, contender: Contender) -> bool:
        if reason := contender.missing():
            self.result.skipped[contender.name] = reason
            self._log(f"{contender.name}: skipped, {reason}")
        return bool(reason)

    def _prepare(self, contenders: list[Contender]) -> None:
        """Count what there is to read, which makes the simulator remember it as well, and write what the case needs."""
        if self._case.compares:
            for job in dict.fromkeys(contender.job(self._job) for contender in contenders):
                with ExitStack() as until_counted:
                    environment = self._environment("warm", job, until_counted)
                    measure.run(FLOOR.pipes(environment), environment.folder)
                    self._expected[job] = environment.counts()
                    self._log(f"{sum(self._expected[job].values()):,} rows to read")
        with ExitStack() as until_prepared:
            self._case.prepare(self._environment("prepare", self._job, until_prepared))

    def _turn(self, contender: Contender, turn: Turn) -> None:
        with ExitStack() as until_measured:
            name = contender.environment or contender.name
            if name not in self._environments:
                stack = self._kept if self._case.keeps else until_measured
                self._environments[name] = self._environment(name, contender.job(self._job), stack)
            environment = contender.before(self._environments[name], turn)
            self._measure(contender, environment)
            if turn.left == 1 or not self._case.keeps:
                self._compare(contender, environment)
            if not self._case.keeps:
                del self._environments[name]

    def _measure(self, contender: Contender, environment: Environment) -> None:
        environment.simulator.call("DELETE", "requests")
        written = environment.written()
        pipes = contender.pipes(environment)
        measured = measure.run(pipes, environment.folder)
        measurement = Measurement(
            measured.seconds,
            measured.processor,
            measured.peak,
            environment.requests(),
            environment.written() - written,
            sum(environment.counts().values()),
        )
        self.result.runs.setdefault(contender.name, []).append(measurement)
        self._log(
            f"{contender.name}: {measurement.seconds:.2f} s, {measurement.processor:.2f} s of processor, "
            f"{measurement.peak:.0f} MiB, {measurement.requests} requests, {measurement.written:,} rows written, "
            f"{measurement.rows:,} there"
        )

    def _compare(self, contender: Contender, environment: Environment) -> None:
        """Rows by collection against what there is to read, and contents against each other."""
        if self._case.compares and contender.loads:
            expected, found = self._expected[contender.job(self._job)], environment.counts()
            for name in sorted(expected.keys() | found.keys()):
                if expected.get(name) != found.get(name):
                    self._differs(f"{contender.name}: {name}: {found.get(name, 0)} rows of {expected.get(name, 0)}")
        if contender.name in self._case.alike:
            self._digests[contender.name] = environment.digest()
            first, *others = self._digests
            for name in environment.job.collections:
                if any(self._digests[first][name] != self._digests[other][name] for other in others):
                    self._differs(f"{contender.name}: {name}: other content than {first}")

    def _differs(self, what: str) -> None:
        self.result.differences.append(what)
        self._log(f"DIFFERENT: {what}")

    def _environment(self, name: str, job: Job, stack: ExitStack) -> Environment:
        folder = self._folder / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        return Environment(
            job,
            self._simulator,
            stack.enter_context(self._server.database(f"bench_{len(self._environments)}_{os.urandom(3).hex()}")),
            folder,
        )


def run(case: Case, repeat: int, server: Server, log: Log) -> Result:
    """Measure a case. Raises Failed if a contender does."""
    job = Job(tuple(range(1, case.accounts + 1)), case.days, now(), case.collections)
    # A case that moves the clock back needs days before the first.
    history = case.days + (repeat if case.keeps else 0)
    options = {"accounts": case.accounts, "days": history, "latency_ms": case.latency_ms, "today": job.now.isoformat()}
    with running(**options) as simulator, tempfile.TemporaryDirectory() as folder:
        return CaseRunner(case, simulator, server, Path(folder), replace(job, days=history), log).run(repeat)


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{platform.system()}, {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"load {load:.1f} at the start"
    )
