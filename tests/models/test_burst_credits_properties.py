"""What holds for every file system and every demand."""

import math

import pytest
from hypothesis import given, settings, strategies as st

from workflow_context.models.burst_credits import (
    Demand,
    EfsModel,
    ThroughputMode,
    Trajectory,
    simulate,
)

rates = st.one_of(st.just(0.0), st.floats(0.01, 4000))
phases = st.builds(Demand, st.floats(0.01, 200), rates, rates)
demands = st.lists(phases, max_size=12)
sizes = st.one_of(st.just(0.0), st.floats(0.1, 200_000))
regions = st.sampled_from(["us-east-1", "sa-east-1"])
clients = st.one_of(st.none(), st.integers(1, 40))
bursting = st.builds(EfsModel, sizes, region=regions, clients=clients)
models = st.one_of(
    bursting,
    st.builds(EfsModel, sizes, st.just(ThroughputMode.ELASTIC), region=regions, clients=clients),
    st.builds(
        EfsModel,
        sizes,
        st.just(ThroughputMode.PROVISIONED),
        st.floats(1, 3414),
        region=regions,
        clients=clients,
    ),
)
shares = st.floats(0, 1)


def wanted_mib(demand: list[Demand]) -> float:
    return sum(phase.hours * 3600 * (phase.read_mibps + phase.write_mibps) for phase in demand)


def done_mib(result: Trajectory, hours: float) -> float:
    return sum(
        (segment.read_mibps + segment.write_mibps)
        * 3600
        * max(0.0, min(segment.end_hours, hours) - segment.start_hours)
        for segment in result.segments
    )


@settings(deadline=None)
@given(models, demands, shares)
def test_credits_are_never_negative_nor_above_the_cap(model, demand, share):
    result = simulate(model, demand, credits_mib=share * model.credit_cap_mib)
    for segment in result.segments:
        assert 0 <= segment.credits_start_mib <= model.credit_cap_mib
        assert 0 <= segment.credits_end_mib <= model.credit_cap_mib


@settings(deadline=None)
@given(models, demands, shares)
def test_what_is_achieved_is_never_above_what_is_permitted(model, demand, share):
    result = simulate(model, demand, credits_mib=share * model.credit_cap_mib)
    for segment in result.segments:
        read, write = segment.read_mibps, segment.write_mibps
        has_credits = max(segment.credits_start_mib, segment.credits_end_mib) > 0
        rate = model.burst_metered_mibps if has_credits else model.sustained_metered_mibps
        assert write + read / 3 <= rate * (1 + 1e-9)
        assert read / model.ceiling.read_mibps + write / model.ceiling.write_mibps <= 1 + 1e-9
        assert read + write <= model.clients_mibps * (1 + 1e-9)
        assert read + write <= segment.permitted_mibps * (1 + 1e-9)


@settings(deadline=None)
@given(bursting, demands, shares)
def test_credits_in_minus_credits_out_is_the_change_of_the_balance(model, demand, share):
    start = share * model.credit_cap_mib
    result = simulate(model, demand, credits_mib=start)
    end = result.segments[-1].credits_end_mib if result.segments else start
    into = result.credits_earned_mib + result.credits_granted_mib
    out = result.credits_spent_mib + result.credits_forfeited_mib
    assert math.isclose(end - start, into - out, rel_tol=1e-6, abs_tol=1e-6 * max(into, out, start, 1.0))


@settings(deadline=None)
@given(models, demands)
def test_all_work_is_done_in_the_end_and_the_course_has_no_gap(model, demand):
    result = simulate(model, demand)
    assert result.moved_mib == pytest.approx(wanted_mib(demand), rel=1e-6, abs=1e-3)
    assert result.slowdown >= 1 - 1e-12
    assert [s.start_hours for s in result.segments[1:]] == [s.end_hours for s in result.segments[:-1]]
    for before, after in zip(result.segments, result.segments[1:], strict=False):
        assert before.credits_end_mib == after.credits_start_mib
        assert before.backlog_end_mib == after.backlog_start_mib
    if result.segments:
        assert result.segments[-1].backlog_end_mib == pytest.approx(0, abs=1e-3)


@settings(deadline=None)
@given(models, demands)
def test_the_backlog_is_what_was_wanted_less_what_was_done(model, demand):
    result = simulate(model, demand)
    wanted = 0.0
    for hours, phase in zip(_ends(demand), demand, strict=True):
        wanted += phase.hours * 3600 * (phase.read_mibps + phase.write_mibps)
        backlog = next((s.backlog_end_mib for s in result.segments if math.isclose(s.end_hours, hours)), None)
        if backlog is not None:
            assert backlog == pytest.approx(wanted - done_mib(result, hours), rel=1e-6, abs=1e-6 * wanted + 1e-3)


def _ends(demand: list[Demand]) -> list[float]:
    ends, hours = [], 0.0
    for phase in demand:
        hours += phase.hours
        ends.append(hours)
    return ends


@settings(max_examples=300, deadline=None)
@given(sizes, st.floats(1, 10), demands, st.floats(0.05, 1.0))
def test_a_larger_file_system_is_never_behind(stored_gib, factor, demand, when):
    small = simulate(EfsModel(stored_gib), demand)
    large = simulate(EfsModel(stored_gib * factor), demand)
    assert large.finished_hours <= small.finished_hours * (1 + 1e-9)
    hours = when * small.finished_hours
    assert done_mib(large, hours) >= done_mib(small, hours) * (1 - 1e-9) - 1e-3


@settings(max_examples=300, deadline=None)
@given(models, st.floats(1, 5), demands, st.floats(0.05, 1.0))
def test_more_demand_is_never_done_sooner_and_never_moves_less(model, factor, demand, when):
    more = [Demand(p.hours, p.read_mibps * factor, p.write_mibps * factor) for p in demand]
    a, b = simulate(model, demand), simulate(model, more)
    assert b.finished_hours >= a.finished_hours * (1 - 1e-9)
    # Compared by metered bytes where the mix of reads and writes may differ; the phases keep their mix here.
    assert b.moved_mib >= a.moved_mib * (1 - 1e-9)
    assert b.credits_spent_mib >= a.credits_spent_mib * (1 - 1e-9)
    assert (when * a.finished_hours) <= b.finished_hours * (1 + 1e-9)


@settings(deadline=None)
@given(sizes, demands)
def test_a_steady_demand_within_the_baseline_is_never_throttled(stored_gib, demand):
    model = EfsModel(stored_gib)
    within = [Demand(p.hours, 0.0, min(p.write_mibps, model.baseline_mibps) * 0.999) for p in demand]
    assert not simulate(model, within, credits_mib=0.0).throttled
