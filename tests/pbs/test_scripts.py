"""Scripts and command lines that Nextflow and Snakemake wrote, recorded from them, and such as nobody should write."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from captured import SETTINGS, capture
from hypothesis import given, strategies as st

from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.commands import command_of
from workflow_context.pbs.jobs import Task
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.qsub import qsub, task_of
from workflow_context.pbs.resources import mebibytes, requirements, seconds
from workflow_context.pbs.script import PbsError, Request, read_request
from workflow_context.pbs.submission import flush


def recorded(name: str) -> Request:
    found = capture(name)
    return read_request(found["argv"], found["script"], Path(found["cwd"]), {})


def job(request: Request) -> Task:
    return task_of(request, SETTINGS)


def asked(request: Request, overhead_mib: int = 0) -> dict[str, str]:
    return {one["type"]: one["value"] for one in requirements(request.limits, request.gpus, overhead_mib)}


class TestNextflow:
    def test_a_process_without_directives_asks_for_what_the_definition_says(self) -> None:
        request = recorded("nextflow-plain")
        assert asked(request) == {}
        assert seconds(request.limits) is None
        assert request.image == "docker.io/library/ubuntu:24.04"

    def test_resource_directives_become_requirements(self) -> None:
        request = recorded("nextflow-big")
        assert asked(request) == {"VCPU": "8", "MEMORY": "16384", "GPU": "2"}
        assert seconds(request.limits) == 36 * 3600
        assert request.image == "quay.io/biocontainers/samtools:1.21--h50ea8bc_0"

    def test_the_second_attempt_asks_for_twice_as_much(self) -> None:
        assert asked(recorded("nextflow-retried")) == {"VCPU": "2", "MEMORY": "2048"}
        assert asked(recorded("nextflow-retried-again")) == {"VCPU": "2", "MEMORY": "4096"}

    def test_it_runs_in_the_directory_of_the_task_and_logs_there(self) -> None:
        found = capture("nextflow-plain")
        *_, directory, script, output, error = command_of(job(recorded("nextflow-plain")))
        assert directory == found["cwd"]
        assert script == f"{found['cwd']}/.command.run"
        assert (output, error) == (f"{found['cwd']}/.command.log", "&")

    def test_it_keeps_its_name(self) -> None:
        assert job(recorded("nextflow-big")).name == "nf-BIG_a_sample"

    def test_an_array_is_an_array(self) -> None:
        request = recorded("nextflow-array")
        assert job(request).array == 3
        assert request.output == "/dev/null"


class TestSnakemake:
    def test_options_of_the_submit_command_are_read(self) -> None:
        request = recorded("snakemake-scatter")
        assert asked(request) == {"VCPU": "2", "MEMORY": "3000", "GPU": "1"}
        assert request.name == "scatter"
        assert request.directory == "/mnt/efs/snakemake/work"

    def test_what_it_prints_goes_to_the_log_of_the_job(self) -> None:
        assert command_of(job(recorded("snakemake-scatter")))[-2:] == ["", ""]

    def test_what_the_submit_command_does_not_say_is_read_from_the_properties_of_the_job(self) -> None:
        found = capture("snakemake-scatter")
        script = found["script"].replace('"image": "', '"container_image": "docker://')
        request = read_request(found["argv"][-1:], script, Path(found["cwd"]), {})
        assert asked(request) == {"VCPU": "2", "MEMORY": "2862", "GPU": "1"}
        assert seconds(request.limits) == 90 * 60
        assert request.image == "docker.io/library/python:3.12"
        assert request.name == "scatter-1"

    @pytest.mark.parametrize(
        ("properties", "expected"),
        [
            ('{"type": "group", "groupid": "g", "threads": 4, "resources": {"mem_mb": 2000}}', ("4", "1908")),
            ('{"rule": "r", "threads": 1, "resources": {"runtime": 0}}', ("1", None)),
        ],
    )
    def test_groups_and_rules_that_ask_for_little_have_properties_too(
        self, properties: str, expected: tuple[str, str | None]
    ) -> None:
        request = read_request(["s.sh"], f"#!/bin/sh\n# properties = {properties}\n", Path("/w"), {})
        assert (asked(request)["VCPU"], asked(request).get("MEMORY")) == expected
        assert request.name in ("g", "r")
        assert seconds(request.limits) is None

    @pytest.mark.parametrize("properties", ["{", "[]", '{"threads": "many"}', '{"resources": {"mem_mib": "<TBD>"}}'])
    def test_properties_that_cannot_be_read_are_refused(self, properties: str) -> None:
        with pytest.raises(PbsError, match="what Snakemake says"):
            read_request(["s.sh"], f"# properties = {properties}\n", Path("/w"), {})


class TestResources:
    @pytest.mark.parametrize(
        ("text", "mib"),
        [
            ("2gb", 2048),
            ("1536mb", 1536),
            ("2g", 2048),
            ("1tb", 1024**2),
            ("1048576kb", 1024),
            ("1b", 4),
            ("1gw", 8192),
        ],
    )
    def test_memory_is_counted_in_powers_of_1024(self, text: str, mib: int) -> None:
        assert mebibytes(text) == mib

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("01:00:00", 3600), ("240:00:00", 864000), ("90", 90), ("00:00:01", 60), ("1:00:00:00", 86400)],
    )
    def test_times_are_read_and_never_shorter_than_aws_takes(self, text: str, expected: int) -> None:
        assert seconds({"walltime": text}) == expected

    def test_what_the_file_system_takes_is_added(self) -> None:
        assert asked(recorded("nextflow-retried"), 512) == {"VCPU": "2", "MEMORY": "2560"}

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("-l select=1:ncpus=4:mem=8gb:ngpus=1", {"VCPU": "4", "MEMORY": "8192", "GPU": "1"}),
            ("-l nodes=1:ppn=4,pmem=1gb", {"VCPU": "4", "MEMORY": "4096"}),
            ("-l ncpus=3 -l mem=1gb", {"VCPU": "3", "MEMORY": "1024"}),
        ],
    )
    def test_other_ways_to_say_it_are_known(self, line: str, expected: dict[str, str]) -> None:
        assert asked(read_request(["s.sh"], f"#PBS {line}\n", Path("/work"), {})) == expected

    @pytest.mark.parametrize(
        ("label", "header", "expected", "hours"),
        [
            ("process_single", "nodes=1:ppn=1 -l walltime=04:00:00 -l mem=6gb", ("1", "6144"), 4),
            ("process_low", "nodes=1:ppn=2 -l walltime=04:00:00 -l mem=12gb", ("2", "12288"), 4),
            ("process_medium", "nodes=1:ppn=6 -l walltime=08:00:00 -l mem=36gb", ("6", "36864"), 8),
            ("process_high", "nodes=1:ppn=12 -l walltime=16:00:00 -l mem=72gb", ("12", "73728"), 16),
        ],
    )
    def test_labels_of_nf_core_become_requirements(
        self, label: str, header: str, expected: tuple[str, str], hours: int
    ) -> None:
        request = read_request(["s.sh"], f"#PBS -N {label}\n#PBS -l {header}\n", Path("/work"), {})
        assert asked(request) == {"VCPU": expected[0], "MEMORY": expected[1]}
        assert seconds(request.limits) == hours * 3600


@pytest.mark.parametrize(
    ("image", "registry", "expected"),
    [
        ("biocontainers/samtools:1", "quay.io", "quay.io/biocontainers/samtools:1"),
        ("ubuntu:24.04", "quay.io/", "quay.io/ubuntu:24.04"),
        ("ghcr.io/lab/tool:1", "quay.io", "ghcr.io/lab/tool:1"),
        ("localhost:5000/tool", "quay.io", "localhost:5000/tool"),
        ("ubuntu:24.04", "", "ubuntu:24.04"),
        ("", "quay.io", ""),
    ],
)
def test_an_image_that_names_no_registry_gets_the_one_of_the_pipeline(image: str, registry: str, expected: str) -> None:
    variables = f"WORKFLOW_IMAGE={image},WORKFLOW_REGISTRY={registry}"
    assert read_request(["-v", variables, "s.sh"], "", Path("/work"), {}).image == expected


class TestRefused:
    @pytest.mark.parametrize(
        "line",
        [
            "-l nodes=2:ppn=4",
            "-v 1X=1",
            "-v AWS_BATCH_JOB_ID=1",
            "-v WORKFLOW_IMAGE=$(id)",
            "-v WORKFLOW_GPUS=many",
            "-t 1-3",
            "-t 0-10000",
            "-N 'open",
            "-N",
        ],
    )
    def test_with_a_reason(self, line: str) -> None:
        with pytest.raises(PbsError):
            read_request(["s.sh"], f"#PBS {line}\n", Path("/work"), {})

    @pytest.mark.parametrize("line", ["-l mem=lots", "-l walltime=soon", "-l nodes=1:ppn=all", "-q elsewhere"])
    def test_before_anything_is_submitted(self, line: str) -> None:
        request = read_request(["s.sh"], f"#PBS {line}\n", Path("/work"), {})
        with pytest.raises(PbsError):
            job(request)

    def test_a_command_line_without_a_script(self) -> None:
        with pytest.raises(PbsError, match="one script"):
            read_request(["-N", "x"], "", Path("/work"), {})


class TestHeader:
    def test_ends_at_the_first_command(self) -> None:
        assert read_request(["s.sh"], "#!/bin/sh\n# a\n\n#PBS -N a\necho\n#PBS -N b\n", Path("/w"), {}).name == "a"

    def test_says_less_than_the_command_line(self) -> None:
        assert read_request(["-N", "b", "s.sh"], "#PBS -N a\n", Path("/w"), {}).name == "b"

    def test_variables_without_a_value_come_from_the_environment(self) -> None:
        assert read_request(["-v", "A,B=2", "s.sh"], "", Path("/w"), {"A": "1"}).variables == {"A": "1", "B": "2"}

    def test_a_path_may_begin_with_a_machine(self) -> None:
        assert read_request(["-o", "head:/w/log", "-e", "err", "s.sh"], "", Path("/w"), {}).output == "/w/log"


OPTIONS = st.lists(st.tuples(st.sampled_from("NqoejldvtWpSmMV"), st.text(max_size=60)), max_size=8)


@given(OPTIONS)
def test_no_header_crashes_it_or_reaches_a_shell(options: list[tuple[str, str]]) -> None:
    header = "".join(f"#PBS -{letter} {value}\n" for letter, value in options)
    try:
        found = task_of(read_request(["s.sh"], header, Path("/work"), {}), SETTINGS)
    except PbsError:
        return
    shell, option, program, *_ = command_of(found)
    empty = task_of(read_request(["s.sh"], "", Path("/work"), {}), SETTINGS)
    assert [shell, option, program] == command_of(empty)[:3]
    assert found.name.replace("-", "").replace("_", "").isalnum()
    assert len(found.name) <= 128 - len("-0123456789abcdef")


@given(st.text(max_size=200))
def test_no_line_crashes_it(line: str) -> None:
    with suppress(PbsError):
        task_of(read_request(["s.sh"], f"#PBS {line}\n", Path("/work"), {}), SETTINGS)


class _Taker:
    """An AWS Batch that takes what it is given."""

    def call(self, operation: str, request: dict[str, Any], *, once: bool = False) -> dict[str, Any]:
        del once
        json.dumps(request)
        if operation == "ListJobs":
            return {"jobSummaryList": []}
        if operation == "SubmitJob":
            return {"jobId": str(uuid.uuid4())}
        if operation == "DescribeJobDefinitions" and "jobDefinitions" in request:
            return {"jobDefinitions": [{"containerProperties": {"image": "ubuntu"}}]}
        return {"jobDefinitions": [], "jobDefinitionArn": "arn", "jobs": []}


@given(st.lists(st.binary(max_size=60)), st.lists(st.text(max_size=20), max_size=4))
def test_no_file_and_no_command_line_crash_it(lines: list[bytes], arguments: list[str]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.sh").write_bytes(b"".join(b"#PBS -" + line + b"\n" for line in lines))
        settings = replace(SETTINGS, state=folder, submissions_per_second=1e9)
        api = cast("BatchApi", _Taker())
        for words in (["s.sh"], [*arguments, "s.sh"], arguments):
            with suppress(PbsError), qsub(words, folder, {}, settings) as id_:
                assert id_
        flush(Journal(folder, settings.run), api, settings)
        for command in (qstat, qdel):
            with suppress(PbsError):
                command(arguments, api, settings)
