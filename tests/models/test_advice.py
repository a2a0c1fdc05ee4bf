"""Which file system for a workload, and what would change the choice."""

import pytest
from pydantic.alias_generators import to_camel

from workflow_context.models.advice import advise
from workflow_context.models.errors import ModelError
from workflow_context.models.file_systems import CHOICES
from workflow_context.models.file_systems.efs import EfsThroughput
from workflow_context.models.file_systems.fsx_lustre import capacity_gib
from workflow_context.models.machines import Machines, Task
from workflow_context.models.prices import default_prices
from workflow_context.models.run_costs import run_cost
from workflow_context.models.spot import spot_record
from workflow_context.models.workloads import Workload, load_workload, presets

PRICES = default_prices()
POSIX = ("EFS", "OFS")


def workload(**figures) -> Workload:
    given = {"name": "made-up", "input_gib": 100, "tasks": 10, "concurrency": 10, "task_hours": 2.0}
    return Workload.model_validate({to_camel(name): value for name, value in (given | figures).items()})


@pytest.mark.parametrize("name", presets())
def test_the_choice_is_the_cheapest_that_is_fast_enough(name):
    advice = advise(load_workload(name), PRICES)
    fast = [option for option in advice.options if option.use.slowdown <= advice.workload.max_slowdown]
    assert advice.choice.usd_per_month == min(option.usd_per_month for option in fast)
    assert len(advice.options) + len(advice.rejected) == len(CHOICES)


@pytest.mark.parametrize("name", presets())
def test_beyond_each_turning_point_the_other_file_system_is_the_choice(name):
    given = load_workload(name)
    advice = advise(given, PRICES, fs_types=POSIX)
    for turn in advice.turns:
        if turn.unit != "hours" or turn.now == 0:
            continue
        there = advise(given.varied(retention_hours=turn.at), PRICES, fs_types=POSIX)
        before = advise(given.varied(retention_hours=turn.at + (turn.now - turn.at) * 0.01), PRICES, fs_types=POSIX)
        assert there.choice.choice.key == turn.other
        assert before.choice.choice.key == advice.choice.choice.key == turn.present


def test_much_computing_on_little_data_is_for_efs_and_long_retention_for_objectivefs():
    assert advise(load_workload("simulation-cpu-bound"), PRICES, fs_types=POSIX).choice.choice.fs_type == "EFS"
    assert advise(load_workload("nfcore-sarek-tumor-normal"), PRICES, fs_types=POSIX).choice.choice.key == "OFS"


def test_bursting_is_not_advised_when_its_credits_end_during_the_run():
    heavy = workload(input_gib=50, read_gib=1000, write_gib=6000, task_hours=12)
    advice = advise(heavy, PRICES, fs_types=("EFS",))
    bursting = next(option for option in advice.options if option.choice.key == "EFS bursting")
    assert bursting.use.slowdown > 1.1
    assert advice.choice.choice.key != "EFS bursting"


def test_a_slower_run_pays_its_machines_for_longer():
    heavy = workload(input_gib=50, read_gib=1000, write_gib=6000, task_hours=12)
    slow, fast = (run_cost(EfsThroughput(mode), heavy, PRICES) for mode in ("bursting", "elastic"))
    assert slow.run_hours > fast.run_hours
    assert sum(line.usd for line in slow.compute) > sum(line.usd for line in fast.compute)


def test_the_budget_is_compared_with_the_choice():
    assert advise(workload(budget_usd_per_month=1), PRICES).within_budget is False
    assert advise(workload(budget_usd_per_month=1e6), PRICES).within_budget is True
    assert advise(workload(), PRICES).within_budget is None


def test_what_cannot_hold_the_workload_is_left_out_with_the_reason():
    advice = advise(workload(input_gib=60_000), PRICES)
    reasons = {each.key: each.reason for each in advice.rejected}
    assert set(reasons) == {"OFS", "EFS bursting, IA after 7 days", "EFS elastic, IA after 7 days"}
    assert "0 to 50 TB" in reasons["OFS"]
    assert "none gets old enough" in reasons["EFS elastic, IA after 7 days"]
    with pytest.raises(ModelError, match="OFS"):
        advise(workload(input_gib=60_000), PRICES, fs_types=("OFS",))


def test_spot_saves_what_the_spot_instance_advisor_published_or_the_workload_says():
    on_demand = run_cost(CHOICES[0], workload(), PRICES)
    published = run_cost(CHOICES[0], workload(spot=True), PRICES)
    given = run_cost(CHOICES[0], workload(spot=True, spot_saving_percent=60, retry_percent=10), PRICES)
    record = spot_record(published.placement.instance_type, "us-east-1")
    factor = (1 - record.saving_percent / 100) * (1 + record.redone_percent / 100)
    assert published.compute[0].usd == pytest.approx(factor * on_demand.compute[0].usd)
    assert any(record.as_of in assumption for assumption in published.assumptions)
    assert given.compute[0].usd == pytest.approx(0.4 * 1.1 * on_demand.compute[0].usd)


def test_on_spot_a_run_costs_something_between_no_interruption_and_on_demand():
    on_demand = run_cost(CHOICES[0], workload(), PRICES)
    spot = run_cost(CHOICES[0], workload(spot=True), PRICES)
    least, most = spot.spot_range_usd
    assert least < spot.per_run.usd < on_demand.per_run.usd < most
    assert on_demand.spot_range_usd is None


def test_lustre_is_bought_in_its_steps():
    assert [capacity_gib(size) for size in (1, 1200, 1201, 2400, 2401)] == [1200, 1200, 2400, 2400, 4800]


def test_a_task_is_priced_on_the_cheapest_instance_that_holds_it():
    assert Machines(("c5", "m5", "r5")).place(Task(2, 4), PRICES).instance_type == "c5.large"
    assert Machines(("c5", "m5", "r5")).place(Task(2, 16), PRICES).instance_type == "r5.large"
    with pytest.raises(ModelError, match="fits on none of default_x86_64"):
        Machines().place(Task(200, 16), PRICES)
