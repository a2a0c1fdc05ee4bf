"""The throughput modes side by side."""

import pytest

from workflow_context.models.burst_credits import Demand, EfsModel, ThroughputMode
from workflow_context.models.errors import ModelError
from workflow_context.models.prices import default_prices
from workflow_context.models.throughput_modes import cheapest_unthrottled, compare_modes, month_of

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


def test_runs_that_do_not_fit_into_a_month_are_refused():
    with pytest.raises(ModelError, match="do not fit"):
        month_of([Demand(30)], 30, 730)
    with pytest.raises(ModelError, match="give 1 or more"):
        month_of([Demand(30)], 0, 730)
