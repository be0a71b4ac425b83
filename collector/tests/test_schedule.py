"""When the next run is due, by a clock that the test controls."""

from __future__ import annotations

from oura_collector.service.schedule import LONGEST_RETRY, Schedule


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def planned(interval: float, chance: float = 0.5) -> tuple[Schedule, Clock]:
    clock = Clock()
    return Schedule(interval, clock, lambda: chance), clock


def run(schedule: Schedule, clock: Clock, seconds: float, *, try_soon: bool = False) -> float:
    """Let a run last so long; returns the seconds until the next."""
    schedule.started()
    clock.now += seconds
    schedule.ended(try_soon=try_soon)
    return schedule.seconds_left()


def test_the_first_run_is_due_at_once() -> None:
    schedule, _ = planned(3600)

    assert schedule.seconds_left() == 0


def test_the_interval_is_measured_from_start_to_start() -> None:
    schedule, clock = planned(3600)

    assert run(schedule, clock, 60) == 3540


def test_a_run_longer_than_the_interval_is_followed_by_one_run_at_once() -> None:
    schedule, clock = planned(5)

    assert run(schedule, clock, 60) == 0
    assert run(schedule, clock, 1) == 4


def test_after_a_failure_retries_start_soon_and_back_off() -> None:
    schedule, clock = planned(3600)

    waits = [run(schedule, clock, 10, try_soon=True) for _ in range(8)]

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_repeated_failures_stretch_a_short_interval_to_15_minutes_at_most() -> None:
    schedule, clock = planned(5)

    waits = [run(schedule, clock, 1, try_soon=True) for _ in range(12)]

    assert waits[:3] == [5, 10, 20]
    assert waits[-1] == LONGEST_RETRY


def test_a_success_ends_the_backoff() -> None:
    schedule, clock = planned(3600)
    for _ in range(5):
        run(schedule, clock, 10, try_soon=True)

    assert run(schedule, clock, 10) == 3590
    assert run(schedule, clock, 10, try_soon=True) == 60


def test_jitter_moves_a_run_by_half_a_minute_at_most() -> None:
    early, late = planned(3600, chance=0.0), planned(3600, chance=1.0)

    assert run(*early, 0) == 3570
    assert run(*late, 0) == 3630


def test_a_laptop_that_slept_past_due_runs_runs_once_on_waking() -> None:
    schedule, clock = planned(3600)
    run(schedule, clock, 10)

    clock.now += 30 * 3600

    assert schedule.seconds_left() == 0
    assert run(schedule, clock, 10) == 3590
