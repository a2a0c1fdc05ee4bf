"""validate, list, describe, schema: what they print."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from workflow_stacks.cli import app
from workflow_stacks.project import json_schema

PROJECTS = Path(__file__).parents[1] / "projects"
WRONG = PROJECTS / "invalid" / "everything-at-once.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def facts(output: str) -> dict[str, str]:
    """Names and values of `describe`; several spaces stand between them."""
    pairs = (line.strip().split("  ", 1) for line in output.splitlines() if "  " in line.strip())
    return {name: value.strip() for name, value in pairs}


def test_validate_shows_warnings_on_stderr_and_is_content(tmp_path: Path) -> None:
    file = tmp_path / "warned.yaml"
    file.write_text((PROJECTS / "minimal.yaml").read_text() + "    fallbackToOnDemand: true\n")

    result = run("validate", "--project", str(file))

    assert result.exit_code == 0
    assert f"{file}:8: warning: this has no effect without Spot instances" in result.stderr
    assert result.stdout.startswith(f"{file}: valid")


def test_validate_gives_every_finding_as_json_with_exit_code_1() -> None:
    result = run("validate", "--json", "--project", str(WRONG))
    answer = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (answer["file"], answer["valid"]) == (str(WRONG), False)
    assert [finding["line"] for finding in answer["findings"]] == [1, 2, 3, 5, 8, 10, 11, 12]
    assert answer["findings"][2] == {
        "level": "error",
        "file": str(WRONG),
        "line": 3,
        "path": "workflow",
        "message": "unknown key 'workflow'",
        "allowed": "name, schemaVersion, workflows, data, kmsKeyArn, tags, sharedQueues, contexts",
        "remedy": "did you mean 'workflows'?",
        "column": 1,
        "check": "unknown-key",
    }


def test_describe_says_of_each_kind_of_machines_what_it_is_and_which_tasks_get_it(tmp_path: Path) -> None:
    file = tmp_path / "kinds.yaml"
    file.write_text(
        "name: Kinds\nschemaVersion: 1\ncontexts:\n  dev:\n    engines: [{type: wdl, engine: miniwdl}]\n    machines:\n"
        "      large: {memoryFromGib: 256, instanceTypes: [r6i], requestSpotInstances: true}\n"
        "      arm: {architecture: arm64, maxVCpus: 8}\n      other: {}\n"
    )

    found = facts(run("describe", "dev", "--project", str(file)).stdout)

    assert found["large task queue"] == "EC2 Spot"
    assert found["large fallback queue"] == found["arm task queue"] == "EC2 on-demand"
    assert "arm fallback queue" not in found
    assert found["machines large"].startswith("x86_64, r6i; 256 vCPUs at most")
    text = " ".join(run("describe", "dev", "--project", str(file)).stdout.split())
    assert "for tasks that ask for 256 GiB of memory or more" in text
    assert "arm64, types chosen by AWS Batch; 8 vCPUs at most; for tasks that ask for arm64 processors" in text
    assert "machines other x86_64, types chosen by AWS Batch; 256 vCPUs at most; for tasks that name them" in text


def test_validate_gives_json_for_a_good_project() -> None:
    result = run("validate", "--json", "--project", str(PROJECTS / "minimal.yaml"))

    assert result.exit_code == 0
    assert json.loads(result.stdout)["valid"] is True


def test_list_shows_a_line_for_each_context_within_80_columns() -> None:
    lines = run("list", "--project", str(PROJECTS / "miniwdl.yaml")).stdout.splitlines()

    assert lines[0].split("  ")[0] == "context"
    assert lines[2].split() == ["onDemand", "miniwdl", "EFS", "bursting", "on-demand", "256", "valid"]
    assert lines[3].split() == ["spot", "miniwdl", "EFS", "elastic", "Spot,", "then", "on-demand", "256", "valid"]
    assert max(map(len, lines)) <= 80


def test_list_shows_contexts_that_cannot_be_deployed(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        (PROJECTS / "minimal.yaml").read_text().replace("miniwdl", "miniwdl\n        filesystem: {fsType: S3}")
    )

    result = run("list", "--project", str(file))

    assert result.exit_code == 0
    assert "has errors" in result.stdout
    [context] = json.loads(run("list", "--json", "--project", str(file)).stdout)["contexts"]
    assert context["errors"] == ["the engine 'miniwdl' does not work on Amazon S3"]


def test_list_gives_json() -> None:
    answer = json.loads(run("list", "--json", "--project", str(PROJECTS / "throughput.yaml")).stdout)

    assert answer == {
        "project": "Throughput",
        "contexts": [
            {
                "context": "myContext",
                "engine": "miniwdl",
                "filesystem": "EFS provisioned 1024 MiB/s",
                "tasks": "on-demand",
                "maxVCpus": 256,
                "stack": "Throughput-myContext",
                "errors": [],
            }
        ],
    }


def test_list_says_when_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: Empty\nschemaVersion: 1\n")

    assert run("list", "--project", str(tmp_path / "empty.yaml")).stdout == "the project Empty has no context\n"


def test_describe_shows_what_a_context_will_be() -> None:
    shown = facts(run("describe", "everything", "--project", str(PROJECTS / "full.yaml")).stdout)

    assert shown["stack"] == "Full-everything"
    assert shown["engine"] == "miniwdl, for wdl"
    assert shown["throughput"] == "elastic"
    assert shown["availability"] == "One Zone, us-east-1a"
    assert shown["on destroy"] == "kept"
    assert shown["runs are deleted"] == "720 hours after they ended"
    assert shown["POSIX user"] == "uid 1234, gid 5678"
    assert shown["head queue"] == "Fargate"
    assert shown["task queue"] == "EC2 Spot"
    assert "fallback queue" not in shown
    assert shown["max vCPUs"] == "1000"
    assert shown["instance types"] == "m7g, c7gn.4xlarge, r8g.metal-24xl"
    assert shown["network"].startswith("public subnets; the project's NAT gateway (32.8")


def test_describe_shows_provisioned_throughput_and_the_access_to_data() -> None:
    output = run("describe", "gpus", "--project", str(PROJECTS / "full.yaml")).stdout

    assert facts(output)["throughput"] == "provisioned 1024 MiB/s"
    assert facts(output)["machines"] == "x86_64, with GPUs"
    assert "s3://broad-references/hg38/* (read-only, key" in output
    assert "s3://my-results/lab-7/ (read-write)" in output


def test_describe_shows_an_existing_file_system() -> None:
    shown = facts(run("describe", "existing", "--project", str(PROJECTS / "full.yaml")).stdout)

    assert shown["throughput"] == "as the existing file system has it"
    assert "backup" not in shown


@pytest.mark.parametrize("context", ["everything", "gpus", "existing"])
def test_describe_stays_within_80_columns(context: str) -> None:
    lines = run("describe", context, "--project", str(PROJECTS / "full.yaml")).stdout.splitlines()

    assert max(map(len, lines)) <= 80
    assert not any(line.endswith(" ") for line in lines)


def test_describe_gives_json_with_the_keys_of_the_project_file() -> None:
    result = run("describe", "spot", "--json", "--project", str(PROJECTS / "miniwdl.yaml"))
    answer = json.loads(result.stdout)

    assert answer["stack"] == "MiniwdlDemo-spot"
    assert answer["filesystem"]["configuration"]["throughputMode"] == "elastic"
    assert answer["queues"] == [
        {"queue": "head", "runsOn": "Fargate"},
        {"queue": "task", "runsOn": "EC2 Spot"},
        {"queue": "fallback", "runsOn": "EC2 on-demand"},
    ]
    assert answer["data"] == [{"location": "s3://1000genomes", "readOnly": True}]


def test_describe_suggests_the_name_of_a_misspelt_context() -> None:
    result = run("describe", "spott", "--project", str(PROJECTS / "miniwdl.yaml"))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "the project 'MiniwdlDemo' has no context 'spott': its contexts are onDemand, spot\n    did you mean 'spot'?\n"
    )


def test_describe_refuses_a_wrong_project() -> None:
    result = run("describe", "dev", "--project", str(WRONG))

    assert result.exit_code == 1
    assert "8 errors" in result.stderr


def test_schema_prints_the_json_schema() -> None:
    assert json.loads(run("schema").stdout) == json_schema()
