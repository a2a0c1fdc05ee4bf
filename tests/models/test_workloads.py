"""Workloads: files and presets."""

import re
from pathlib import Path

import pytest

from workflow_context.models.default_demand import typical_demand
from workflow_context.models.efs_limits import metered
from workflow_context.models.errors import ModelError
from workflow_context.models.workloads import load_workload, presets

MINIMAL = "name: mine\ninputGib: 100\ntasks: 10\nconcurrency: 5\ntaskHours: 2\n"


@pytest.fixture
def write(tmp_path):
    def _write(text):
        file = tmp_path / "workload.yaml"
        file.write_text(text)
        return file

    return _write


def test_the_size_of_a_file_system_is_twice_the_inputs_unless_given(write):
    # Latch: "adding up all input file sizes and multiplying by 2 to account for intermediate files".
    workload = load_workload(write(MINIMAL))
    assert workload.stored_gib == 200
    assert (workload.read_gib, workload.write_gib) == (200, 200)
    assert load_workload(write(MINIMAL + "intermediatesGib: 300\n")).stored_gib == 400


def test_a_run_takes_as_long_as_its_tasks_in_waves(write):
    workload = load_workload(write(MINIMAL))
    assert workload.run_hours == 4
    assert workload.mount_hours == 10 * 2 + 4
    assert workload.varied(tasks_per_host=5).mount_hours == 10 * 2 / 5 + 4


def test_a_varied_workload_forgets_what_was_derived(write):
    workload = load_workload(write(MINIMAL))
    assert workload.stored_gib == 200
    assert workload.varied(input_gib=500).stored_gib == 600


@pytest.mark.parametrize("name", presets())
def test_each_preset_labels_what_is_measured_and_what_is_assumed(name):
    workload = load_workload(name)
    assert workload.name == name
    assert workload.description
    assert workload.measured
    assert set(workload.assumed).isdisjoint(workload.measured)
    assert "tasks" in workload.assumed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "inputGB: 3\n", "inputGB: Extra inputs"),
        (MINIMAL + "readGib: -1\n", "readGib: Input should be greater"),
        ("name: mine\n", "tasks: Field required"),
        (MINIMAL + "measured: {speed: nobody}\n", "speed, which is no figure"),
        ("a: [", "is no YAML"),
        ("- 1", "workload: "),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(write, text, message):
    with pytest.raises(ModelError, match=message):
        load_workload(write(text))


def test_all_errors_of_a_file_come_at_once(write):
    with pytest.raises(ModelError) as caught:
        load_workload(write(MINIMAL + "readGib: -1\nrunsPerMonth: 0\n"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_name_that_is_neither_preset_nor_file_lists_the_presets():
    with pytest.raises(ModelError, match="presets: cohort-archive"):
        load_workload("nothing-of-the-kind")


def test_the_workload_of_the_documentation_is_one(write):
    page = (Path(__file__).parents[2] / "docs/estimates.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    workload = load_workload(write(block))
    assert workload.budget_usd_per_month == 2000
    assert "taskHours" in workload.assumed


def test_typical_io_is_that_of_the_preset_in_the_middle():
    def for_each_vcpu(name):
        workload = load_workload(name)
        busy = workload.concurrency * workload.task_vcpus
        return workload.read_mibps / busy, workload.write_mibps / busy

    ranked = sorted((for_each_vcpu(name) for name in presets()), key=lambda rates: metered(*rates))
    typical = typical_demand(100, 24)
    assert (typical.read_mibps, typical.write_mibps) == pytest.approx(
        tuple(100 * rate for rate in ranked[len(ranked) // 2]), abs=1
    )
