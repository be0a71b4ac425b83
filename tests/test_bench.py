"""The benchmark's own arithmetic, and that it compares and measures what its report claims."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tap_oura.catalog.collections import DEFAULT_COLLECTIONS

from benchmarks import chart, report, results
from benchmarks.cases import CASES, Case
from benchmarks.contenders import Contender
from benchmarks.environment import Job
from benchmarks.measure import Failed, Pipe, run
from benchmarks.results import Measurement, Result, Threshold

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
FASTER = Threshold("times as fast as theirs", lambda found: found.seconds("theirs") / found.seconds("ours"), least=1.5)


def _run(seconds: float) -> Measurement:
    return Measurement(seconds, processor=seconds / 2, peak=100, requests=50, written=2000, rows=1000)


@pytest.fixture
def result() -> Result:
    runs = {"ours": [_run(2), _run(9), _run(1)], "theirs": [_run(5), _run(6), _run(4)]}
    return Result("2026-03-31 12:00 UTC", "a machine", runs)


@pytest.fixture
def case() -> Case:
    contenders = tuple(Contender(name, lambda _: []) for name in ("ours", "theirs"))
    return Case("small", "A small case", 30, contenders, thresholds=(FASTER,))


def test_a_table_has_median_spread_and_ratio(case: Case, result: Result) -> None:
    section = report.section(case, result)

    assert "| ours | 2.00 s | 1.00–9.00 | 1.00 | 1.00 s | 100 MiB | 50 | 25 | 2,000 | 3 |" in section
    assert "| theirs | 5.00 s | 4.00–6.00 | 2.50 | 2.50 s | 100 MiB | 50 | 10 | 2,000 | 3 |" in section


def test_a_threshold_that_is_met_is_no_violation(case: Case, result: Result) -> None:
    assert "- met: times as fast as theirs: 2.5, at least 1.5" in report.section(case, result)
    assert report.violations(case, result) == []


def test_a_missed_threshold_is_reported_as_a_violation(case: Case, result: Result) -> None:
    harder = replace(case, thresholds=(replace(FASTER, least=3),))

    assert "- **missed**: times as fast as theirs: 2.5, at least 3" in report.section(harder, result)
    assert len(report.violations(harder, result)) == 1


def test_an_absent_contender_is_named_and_its_threshold_undecided(case: Case, result: Result) -> None:
    del result.runs["theirs"]
    result.skipped["theirs"] = "it is not installed"

    section = report.section(case, result)

    assert "- skipped: theirs: it is not installed" in section
    assert "- not measured: times as fast as theirs, at least 1.5 (theirs took no part)" in section
    assert report.violations(case, result) == []


def test_different_rows_are_a_violation(case: Case, result: Result) -> None:
    result.differences.append("theirs: sleep: 30 rows of 31")

    assert report.violations(case, result) == ["theirs: sleep: 30 rows of 31"]
    assert "- **different**: theirs: sleep: 30 rows of 31" in report.section(case, result)


def test_results_are_kept_between_runs(tmp_path: Path, result: Result) -> None:
    results.save(tmp_path / "results.json", {"small": result})

    assert results.load(tmp_path / "results.json") == {"small": result}


def test_the_chart_has_a_bar_for_each_contender(case: Case, result: Result) -> None:
    drawn = chart.drawn([case], {"small": result})

    assert drawn.count("<rect x=") == 2
    assert "A small case" in drawn


def test_series_ranges_are_contiguous_and_no_wider_than_the_api_allows() -> None:
    windows = Job((1,), 365, NOW).windows("heartrate")

    spans = [tuple(datetime.fromisoformat(instant) for instant in window.values()) for window in windows]
    assert all((end - start).days <= 30 for start, end in spans)
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]


def test_requested_ranges_begin_before_the_data_and_end_after_it() -> None:
    (window,) = Job((1,), 30, NOW).windows("sleep")

    assert window == {"start_date": "2026-02-26", "end_date": "2026-04-03"}


def test_cases_have_unique_names_and_read_known_collections() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(set(case.collections) <= set(DEFAULT_COLLECTIONS) for case in CASES)


def test_a_pipe_is_timed_with_the_memory_of_all_its_processes(tmp_path: Path) -> None:
    hungry = [sys.executable, "-c", "import time; kept = b'x' * (40 << 20); time.sleep(1)"]

    alone = run([Pipe([hungry])], tmp_path)
    both = run([Pipe([hungry, hungry])], tmp_path)

    assert alone.seconds > 1
    assert alone.peak > 40
    assert both.peak > 80


def test_a_failing_command_of_a_pipe_is_named_with_its_output(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no such account')"]

    with pytest.raises(Failed, match=r"ended with \[0, 1, 0\](.|\n)*no such account"):
        run([Pipe([["true"], failing, ["cat"]])], tmp_path)
