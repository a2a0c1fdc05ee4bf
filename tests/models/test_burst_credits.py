"""The figures of the Amazon EFS User Guide, page "performance specifications", reproduced."""

import pytest

from workflow_context.models.burst_credits import (
    Demand,
    EfsModel,
    ThroughputMode,
    Trajectory,
    simulate,
)
from workflow_context.models.efs_limits import TIB_IN_MIB, metered
from workflow_context.models.errors import ModelError

DAY = 24.0


def days_of_bursting(stored_gib: float, minutes_a_day: float, days: int = 365) -> Trajectory:
    """Burst for some minutes and rest for the remainder of the day, day after day, from a full balance."""
    model = EfsModel(stored_gib)
    burst = minutes_a_day / 60
    return simulate(model, [Demand(burst, write_mibps=model.burst_mibps), Demand(DAY - burst)] * days)


@pytest.mark.parametrize(
    ("stored_gib", "baseline_write", "burst_write"),
    [(100, 4.8828125, 100), (1024, 50, 100), (10 * 1024, 500, 1000)],
)
def test_the_table_of_the_user_guide_gives_these_write_rates(stored_gib, baseline_write, burst_write):
    model = EfsModel(stored_gib)
    assert model.baseline_mibps == pytest.approx(baseline_write)
    assert model.burst_mibps == pytest.approx(burst_write)


@pytest.mark.parametrize(
    ("stored_gib", "baseline_read", "burst_read"),
    [(100, 14.6484375, 300), (1024, 150, 300), (10240, 1500, 3000)],
)
def test_reads_get_three_times_the_rate_of_writes(stored_gib, baseline_read, burst_read):
    model = EfsModel(stored_gib)
    assert model.share_permitted(1.0, 0.0, with_credits=False) == pytest.approx(baseline_read)
    assert model.share_permitted(1.0, 0.0, with_credits=True) == pytest.approx(burst_read)


def test_the_page_rounds_the_100_gib_row_to_5_mibps_and_72_minutes():
    # Exact: 50 KiB/s x 100 GiB = 4.883 MiB/s, 421,875 MiB a day, 70.3 min. The page: 5 MiB/s, 432,000 MiB, 72
    # min.
    idle_day = simulate(EfsModel(100), [Demand(DAY)], credits_mib=0.0).segments[-1].credits_end_mib
    assert idle_day == pytest.approx(421_875)
    assert idle_day / 100 / 60 == pytest.approx(70.3125)
    page_mib = 5 * DAY * 3600
    assert page_mib == 432_000
    assert page_mib / 100 / 60 == 72
    assert idle_day == pytest.approx(page_mib, rel=0.025)


@pytest.mark.parametrize(
    ("stored_gib", "minutes"), [(100, 70.3125), (250, 175.78), (500, 351.56), (1024, 720), (10 * 1024, 720)]
)
def test_a_file_system_can_burst_this_long_each_day_for_ever_and_no_longer(stored_gib, minutes):
    # The page: "up to 72 minutes per day" (rounded as above) for 100 GiB, "12 hours per day" from 1 TiB.
    assert not days_of_bursting(stored_gib, minutes - 0.01).throttled
    assert days_of_bursting(stored_gib, minutes * 1.05).throttled


def test_the_first_credits_last_6_12_hours_at_100_mibps_when_nothing_is_earned():
    result = simulate(EfsModel(0), [Demand(10, write_mibps=100)])
    assert result.credits_exhausted_after_hours == pytest.approx(6.1167, abs=1e-3)
    assert round(2.1 * TIB_IN_MIB / 100 / 3600, 2) == 6.12


def test_credits_of_a_full_terabyte_system_last_12_hours_as_the_page_says():
    # "enough credits to burst for up to 12 hours continuously": exactly 12.23 h, as half of the rate is
    # earned meanwhile.
    for stored_gib in (1024, 4096):
        model = EfsModel(stored_gib, region="us-east-1")
        result = simulate(model, [Demand(30, write_mibps=model.burst_mibps)])
        assert result.credits_exhausted_after_hours == pytest.approx(12.233, abs=1e-3)


def test_a_file_system_above_one_tib_can_burst_half_of_the_time():
    model = EfsModel(2048)
    halves = [Demand(6, write_mibps=model.burst_mibps), Demand(6)] * 30
    result = simulate(model, halves)
    assert not result.throttled
    assert result.credits_exhausted_after_hours is None


def test_30_read_and_30_written_count_as_40():
    assert metered(30, 30) == 40


def test_one_third_of_the_read_limit_leaves_two_thirds_of_the_write_limit():
    model = EfsModel(0, ThroughputMode.ELASTIC, region="us-east-1")
    limit = model.ceiling
    assert model.share_permitted(limit.read_mibps / 3, limit.write_mibps * 2 / 3, with_credits=False) == pytest.approx(
        1.0
    )


def test_without_credits_an_almost_empty_system_still_moves_1_mibps():
    result = simulate(EfsModel(1), [Demand(1, write_mibps=10)], credits_mib=0.0)
    assert result.achieved_mibps_mean == pytest.approx(1.0)
    assert result.slowdown == pytest.approx(10.0)
    assert result.credits_exhausted_after_hours == 0.0


def test_the_floor_earns_no_credits():
    # Between what is earned (0.049 MiB/s) and the floor (1 MiB/s) the balance stays empty, and the work is
    # not slowed.
    result = simulate(EfsModel(1), [Demand(5, write_mibps=0.5), Demand(1, write_mibps=50)], credits_mib=0.0)
    assert result.segments[0].credits_end_mib == 0.0
    assert result.phase_end_hours[0] == pytest.approx(5.0)
    assert result.phase_end_hours[1] == pytest.approx(55.0)


def test_work_that_waits_is_done_later_and_none_is_lost():
    model = EfsModel(100)
    result = simulate(model, [Demand(10, write_mibps=100), Demand(1000)])
    assert result.throttled
    assert result.moved_mib == pytest.approx(100 * 10 * 3600)
    exhausted = result.credits_exhausted_after_hours
    rest = (10 - exhausted) * 100 / model.baseline_mibps
    assert result.finished_hours == pytest.approx(exhausted + rest)
    assert result.segments[-1].backlog_end_mib == 0.0


def test_waiting_work_is_caught_up_once_there_is_room():
    model = EfsModel(0, ThroughputMode.PROVISIONED, 10.0)
    result = simulate(model, [Demand(1, write_mibps=20), Demand(4, write_mibps=5)])
    # 36,000 MiB wait after one hour. They go out alone for 1 h, then 5 MiB/s of room clear what came
    # meanwhile.
    assert result.segments[0].backlog_end_mib == pytest.approx(36_000)
    assert result.phase_end_hours == pytest.approx((2.0, 5.0))
    cleared = next(segment for segment in result.segments if segment.backlog_end_mib == 0.0)
    assert cleared.end_hours == pytest.approx(3.0)
    assert result.slowdown == pytest.approx(1.0)


def test_waiting_work_keeps_its_own_mix_of_reads_and_writes():
    model = EfsModel(0, ThroughputMode.PROVISIONED, 10.0)
    result = simulate(model, [Demand(1, read_mibps=60), Demand(1, write_mibps=10)])
    assert [(s.read_mibps, s.write_mibps) for s in result.segments] == [(30.0, 0.0), (30.0, 0.0), (0.0, 10.0)]
    assert result.finished_hours == pytest.approx(3.0)


def test_elastic_has_no_credits_and_stops_at_the_ceiling_of_the_region():
    near = simulate(EfsModel(0, ThroughputMode.ELASTIC, region="us-east-1"), [Demand(1, write_mibps=5120)])
    far = simulate(EfsModel(0, ThroughputMode.ELASTIC, region="sa-east-1"), [Demand(1, write_mibps=5120)])
    assert near.slowdown == 1.0
    assert near.credits_exhausted_after_hours is None
    assert far.slowdown == pytest.approx(5.0)


@pytest.mark.parametrize(("mode", "each"), [(ThroughputMode.ELASTIC, 1500), (ThroughputMode.BURSTING, 500)])
def test_one_client_moves_at_most_what_efs_allows_a_client(mode, each):
    result = simulate(EfsModel(20_480, mode, clients=1), [Demand(1, read_mibps=2 * each)])
    assert result.segments[0].read_mibps == pytest.approx(each)
    assert result.slowdown == pytest.approx(2.0)


def test_provisioned_below_what_the_stored_data_brings_works_as_bursting():
    bursting = EfsModel(4096)
    provisioned = EfsModel(4096, ThroughputMode.PROVISIONED, 100.0)
    demand = [Demand(40, write_mibps=350)]
    assert simulate(provisioned, demand).segments == simulate(bursting, demand).segments


def test_provisioned_neither_uses_nor_earns_credits():
    result = simulate(EfsModel(100, ThroughputMode.PROVISIONED, 100.0), [Demand(100, write_mibps=100)])
    assert not result.throttled
    assert result.credits_exhausted_after_hours is None
    assert result.credits_earned_mib == result.credits_spent_mib == 0.0


def test_a_demand_of_nothing_takes_no_time():
    result = simulate(EfsModel(100), [Demand(5)])
    assert (result.slowdown, result.finished_hours, result.achieved_mibps_mean) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Demand(-1), "hours of a demand"),
        (lambda: Demand(1, read_mibps=float("nan")), "reading rate in MiB/s of a demand"),
        (lambda: EfsModel(-1), "the stored data is"),
        (lambda: EfsModel(1, clients=0), "0 machines"),
        (lambda: EfsModel(1, provisioned_mibps=5), "goes with the mode provisioned"),
        (lambda: EfsModel(1, ThroughputMode.PROVISIONED), "from 1 to 3414"),
        (lambda: EfsModel(1, ThroughputMode.PROVISIONED, 4000), "from 1 to 3414"),
        (lambda: simulate(EfsModel(1), [], credits_mib=1e9), "TiB of burst credits"),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_a_reason(make, message):
    with pytest.raises(ModelError, match=message):
        make()
