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
        (MINIMAL + "inputGB: 3\n", "inputGB: there is no such figure; did you mean 'inputGib'"),
        (MINIMAL + "readGib: -1\n", "readGib: must be at least 0, not -1"),
        ("name: mine\n", "tasks: is missing"),
        (MINIMAL + "measured: {speed: nobody}\n", "speed, which is no figure"),
        ("a: [", "is not YAML"),
        (MINIMAL + "input_gib: 3\n", "input_gib: there is no such figure; did you mean 'inputGib'"),
        (MINIMAL + "headVcpus: .inf\n", "headVcpus: must be at most 192, not inf"),
        (MINIMAL + "taskVcpus: .inf\n", "taskVcpus: must be at most 10000, not inf"),
        ("- 1", "workload: must map names of figures"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(write, text, message):
    with pytest.raises(ModelError, match=message):
        load_workload(write(text))


@pytest.mark.parametrize("inputs", ["1e3", '"1000"', "1000"])
def test_a_number_that_yaml_takes_for_text_has_the_same_defaults(write, inputs):
    workload = load_workload(write(MINIMAL.replace("inputGib: 100", f"inputGib: {inputs}")))
    assert (workload.intermediates_gib, workload.read_gib, workload.write_gib) == (1000, 2000, 2000)


def test_a_file_that_is_not_utf_8_is_refused_in_words(tmp_path):
    file = tmp_path / "workload.yaml"
    file.write_bytes("name: \u00fcber\n".encode("latin-1"))
    with pytest.raises(ModelError, match="is not text in UTF-8"):
        load_workload(file)


def test_a_task_stages_the_whole_of_its_inputs_where_that_is_more_than_it_reads(write):
    workload = load_workload(write(MINIMAL))
    assert workload.staged_gib == workload.read_gib == 200
    assert load_workload(write(MINIMAL + "stagedGibPerTask: 39\n")).staged_gib == 390


def test_all_errors_of_a_file_come_at_once(write):
    with pytest.raises(ModelError) as caught:
        load_workload(write(MINIMAL + "readGib: -1\nrunsPerMonth: 0\n"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_size_that_is_no_number_is_told_alone(write):
    with pytest.raises(ModelError) as caught:
        load_workload(write(MINIMAL.replace("inputGib: 100", "inputGib: 100 GB")))
    assert str(caught.value).endswith("inputGib: '100 GB' is not a number; write one without a unit")
    assert len(str(caught.value).splitlines()) == 1


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
