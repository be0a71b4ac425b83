"""Measures the collector beside what people would use instead: `make bench`, or `python -m benchmarks.bench`.

Ends with 1 where a case failed, rows differ or a bar is missed. Figures of the whole size are kept in `.data/bench/`,
so that `results.md` and `results.svg` hold all cases however many were measured this time.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from oura_collector.database import choice as databases

from benchmarks import chart, environments, figures, report, rounds
from benchmarks.cases import CASES, Case
from benchmarks.environments import HOME
from benchmarks.figures import Result
from benchmarks.measure import Failed
from benchmarks.place import Server

RECORD = Path(__file__).with_name("results.md")
CHART = Path(__file__).with_name("results.svg")
KEPT = HOME / "results.json"


def arguments() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description="The collector beside its peers.")
    parser.add_argument("--case", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds of each case (each has its own default)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the days or accounts, for trying out; not kept"
    )
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave this contender out")
    asked = parser.parse_args()
    if asked.repeat is not None and asked.repeat < 1:
        parser.error("--repeat: at least 1")
    if not 0 < asked.scale <= 1:
        parser.error("--scale: above 0, at most 1")
    return asked


def measured(case: Case, repeat: int, server: Server) -> Result | None:
    """The result, None where a contender failed."""
    print(f"\n{case.name}: {case.title}; {repeat} rounds", flush=True)
    started = time.monotonic()
    try:
        return rounds.run(
            case, repeat, server, lambda line: print(f"  {time.monotonic() - started:5.0f} s  {line}", flush=True)
        )
    except Failed as failure:
        print(f"  FAILED: {failure}", flush=True)
        return None


def main() -> None:
    asked = arguments()
    # PostgreSQL and the simulator are stopped then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    environments.install()
    kept = figures.load(KEPT)
    bad = []
    # Not below the project: PostgreSQL refuses to run as root, and its user must be able to enter.
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place))
        try:
            for case in CASES:
                if asked.case and case.name not in asked.case:
                    continue
                result = measured(case.asked(asked.scale, asked.without), asked.repeat or case.repeat, server)
                if result is None:
                    bad.append(f"{case.name} failed")
                    continue
                print("\n" + report.section(case, result))
                bad += [f"{case.name}: {what}" for what in report.complaints(case, result)]
                if asked.scale == 1 and not asked.without:
                    kept[case.name] = result
                    figures.save(KEPT, kept)
                    RECORD.write_text(report.page(CASES, kept))
                    CHART.write_text(chart.drawn(CASES, kept))
        finally:
            databases.stop_embedded(Path(place))
    sys.exit("\n".join(["", *bad]) if bad else 0)


if __name__ == "__main__":
    main()
