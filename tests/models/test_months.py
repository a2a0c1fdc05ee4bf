"""Months of equal runs: the first on the credits of a new file system, and those that follow."""

import pytest

from workflow_context.models.burst_credits import Demand, EfsModel, ThroughputMode, simulate
from workflow_context.models.months import months

HOURS = 730.0
RUN = (Demand(0.75, read_mibps=7.6 * 3, write_mibps=12.0),)


def slow(model: EfsModel, run: Demand, runs: int, number_of_months: int) -> list[float]:
    """The mean slowdown of each month, run after run, by brute force."""
    pause = HOURS / runs - run.hours
    result = simulate(model, [run, Demand(pause)] * runs * number_of_months)
    begins = [index * (HOURS / runs) for index in range(runs * number_of_months)]
    ends = result.phase_end_hours[::2]
    taken = [(end - begin) / run.hours for begin, end in zip(begins, ends, strict=True)]
    return [sum(taken[month * runs : (month + 1) * runs]) / runs for month in range(number_of_months)]


@pytest.mark.parametrize("write", [1.0, 5.0, 20.0, 60.0])
@pytest.mark.parametrize("runs", [1, 10, 140])
@pytest.mark.parametrize("stored", [2.0, 100.0])
def test_the_first_month_is_that_of_a_run_by_run_simulation(stored, runs, write):
    run = Demand(2.0, read_mibps=write, write_mibps=write)
    found = months(EfsModel(stored), [run], runs, HOURS)
    first, *_ = slow(EfsModel(stored), run, runs, 1)
    if found.keeps_up:
        assert found.first == pytest.approx(first, rel=0.02)


@pytest.mark.parametrize("runs", [1, 10, 140])
def test_a_month_that_is_like_the_next_is_the_steady_state(runs):
    run = Demand(2.0, read_mibps=3.0, write_mibps=12.0)
    found = months(EfsModel(20.0), [run], runs, HOURS)
    if found.keeps_up:
        assert found.steady == pytest.approx(slow(EfsModel(20.0), run, runs, 4)[-1], rel=0.02)


def test_credits_that_a_new_file_system_has_once_do_not_last():
    # 140 runs a month that need more than 1 MiB/s on average: the credits end in the second month.
    run = Demand(0.75, read_mibps=7.6, write_mibps=3.4)
    found = months(EfsModel(2.0), [run], 140, HOURS)
    assert found.first == pytest.approx(1.0)
    assert found.steady > 3


def test_the_effort_does_not_grow_with_the_number_of_runs():
    run = Demand(0.05, read_mibps=10.0, write_mibps=10.0)
    for runs in (1_000, 10_000):
        found = months(EfsModel(1.0), [run], runs, HOURS)
        assert found.steady >= 1


@pytest.mark.parametrize("mode", [ThroughputMode.ELASTIC, ThroughputMode.PROVISIONED])
def test_without_credits_every_month_is_the_same(mode):
    provisioned = 10.0 if mode is ThroughputMode.PROVISIONED else None
    found = months(EfsModel(10.0, mode, provisioned), [Demand(2.0, write_mibps=20.0)], 10, HOURS)
    assert found.first == found.steady == (1.0 if provisioned is None else 2.0)
