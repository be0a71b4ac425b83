"""Compares the collector with what people would use instead: `make bench`, or `python -m benchmarks.bench`.

Exits with 1 if a case fails, rows differ or a threshold is missed. Results of full size are kept in `.data/bench/`, so
`results.md` and `results.svg` have all cases however many were measured this time.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from oura_collector.database import choice

from benchmarks import case_runner, chart, report, results, virtualenvs
from benchmarks.cases import CASES, Case
from benchmarks.environment import Server
from benchmarks.measure import Failed
from benchmarks.results import Result
from benchmarks.virtualenvs import HOME

RECORD = Path(__file__).with_name("results.md")
CHART = Path(__file__).with_name("results.svg")
STORED = HOME / "results.json"


def arguments() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description="Compare the collector with alternatives.")
    parser.add_argument("--case", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds of each case (each has its own default)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the days or accounts, as a trial; not stored"
    )
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave this contender out")
    given = parser.parse_args()
    if given.repeat is not None and given.repeat < 1:
        parser.error("--repeat: at least 1")
    if not 0 < given.scale <= 1:
        parser.error("--scale: above 0, at most 1")
    return given


def measured(case: Case, repeat: int, server: Server) -> Result | None:
    """The result, None where a contender failed."""
    print(f"\n{case.name}: {case.title}; {repeat} rounds", flush=True)
    started = time.monotonic()
    try:
        return case_runner.run(
            case, repeat, server, lambda line: print(f"  {time.monotonic() - started:5.0f} s  {line}", flush=True)
        )
    except Failed as failure:
        print(f"  FAILED: {failure}", flush=True)
        return None


def main() -> None:
    given = arguments()
    # PostgreSQL and the simulator are stopped then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    virtualenvs.install()
    kept = results.load(STORED)
    bad = []
    # Not below the project: PostgreSQL refuses to run as root, and its user must be able to enter.
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            for case in CASES:
                if given.case and case.name not in given.case:
                    continue
                result = measured(case.scaled(given.scale, given.without), given.repeat or case.repeat, server)
                if result is None:
                    bad.append(f"{case.name} failed")
                    continue
                print("\n" + report.section(case, result))
                bad += [f"{case.name}: {what}" for what in report.violations(case, result)]
                if given.scale == 1 and not given.without:
                    kept[case.name] = result
                    results.save(STORED, kept)
                    RECORD.write_text(report.page(CASES, kept))
                    CHART.write_text(chart.drawn(CASES, kept))
        finally:
            choice.stop_embedded(Path(folder))
    sys.exit("\n".join(["", *bad]) if bad else 0)


if __name__ == "__main__":
    main()
