"""The throughput modes side by side."""

from workflow_context.models.burst_credits import Demand, EfsModel, ThroughputMode
from workflow_context.models.prices import default_prices
from workflow_context.models.throughput_modes import cheapest_unthrottled, compare_modes

PRICES = default_prices()


def best(model: EfsModel, *demand: Demand, runs: int = 1):
    return cheapest_unthrottled(compare_modes(model, demand, PRICES, runs))


def test_a_demand_within_the_credits_needs_no_other_mode():
    assert best(EfsModel(100), Demand(5, write_mibps=100)).model.mode is ThroughputMode.BURSTING


def test_a_rare_demand_beyond_the_credits_is_for_elastic():
    assert best(EfsModel(100), Demand(10, write_mibps=100)).model.mode is ThroughputMode.ELASTIC


def test_a_steady_demand_is_for_provisioned_at_the_least_that_suffices():
    result = best(EfsModel(100), Demand(720, read_mibps=60, write_mibps=30))
    assert result.model.mode is ThroughputMode.PROVISIONED
    assert result.model.provisioned_mibps == 50


def test_a_demand_that_one_run_has_credits_for_may_throttle_when_it_comes_daily():
    demand = Demand(5, write_mibps=100)
    assert best(EfsModel(100), demand, runs=1).model.mode is ThroughputMode.BURSTING
    assert best(EfsModel(100), demand, runs=30).model.mode is not ThroughputMode.BURSTING


def test_nothing_is_unthrottled_beyond_what_a_client_can_move():
    assert best(EfsModel(100, clients=1), Demand(1, read_mibps=2000)) is None


def test_a_mode_that_lives_on_the_first_credits_is_not_the_cheapest_unthrottled():
    # 10 hours of 60 MiB/s, twice a week: the credits of a new file system carry it for a month, and never again.
    results = compare_modes(EfsModel(10), [Demand(10, write_mibps=60)], PRICES, runs=2)
    bursting = results[0]
    assert bursting.months.first < bursting.months.steady
    assert bursting.throttled


def test_a_course_longer_than_a_month_is_followed():
    results = compare_modes(EfsModel(100), [Demand(800, write_mibps=10)], PRICES)
    assert results[0].months.steady > 1
    assert results[1].months.steady == 1
