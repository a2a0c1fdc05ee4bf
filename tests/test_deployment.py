"""A project of both engines on the local cloud: deploy, use, change, destroy, by the real CDK CLI and real clients."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import cdk_cli
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.cloud.resources import stack_resources
from workflow_stacks.local.runs.deployment import LocalDeployment, stopped_at_the_end
from workflow_stacks.local.sandboxes import CannotRunError, find_sandbox

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Cycle
schemaVersion: 1
contexts:
  wdl:
    requestSpotInstances: true
    engines:
      - type: wdl
        engine: miniwdl
        filesystem: {{fsType: EFS, configuration: {throughput}}}
  smk:
    engines:
      - type: snakemake
        engine: snakemake
        filesystem: {{fsType: EFS, configuration: {throughput}}}
"""
STACKS = ("Cycle-wdl", "Cycle-smk")
WDL = """\
version 1.0
task greet {
  input { String name }
  command { echo "hello ~{name}" }
  output { String out = read_string(stdout()) }
}
workflow hello {
  input { String name = "ann" }
  call greet { input: name = name }
}
"""


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("project") / "agc-project.yaml"
    file.write_text(PROJECT.format(throughput="{throughputMode: bursting}"))
    return file


@pytest.fixture(scope="module")
def deployment(project_file: Path) -> Iterator[LocalDeployment]:
    cloud = LocalCloud.of_project(project_file)
    with stopped_at_the_end(cloud):
        yield LocalDeployment(cloud, project_file)


@pytest.fixture(scope="module")
def deployed(deployment: LocalDeployment) -> LocalDeployment:
    deployment.deploy(())
    return deployment


def facts(deployment: LocalDeployment, stack: str) -> dict:
    return stack_resources(deployment.cloud.client, stack)


def throughput(deployment: LocalDeployment) -> list[tuple]:
    file_systems = [facts(deployment, stack)["fileSystems"][0] for stack in STACKS]
    return [(one["id"], one["throughputMode"], one["provisionedMibps"]) for one in file_systems]


def test_everything_is_really_there(deployed: LocalDeployment) -> None:
    deployed.check_complete()
    wdl, smk = (facts(deployed, stack) for stack in STACKS)
    assert [len(one["jobQueues"]) for one in (wdl, smk)] == [3, 2]
    assert {one["type"] for one in wdl["computeEnvironments"]} == {"SPOT", "EC2", "FARGATE"}
    assert len(wdl["mountTargets"]) == 3  # the account of the local cloud is known, so there are three zones
    [access_point] = wdl["accessPoints"]
    assert access_point["posixUser"] == {"Uid": 0, "Gid": 0}


def test_nothing_differs_after_a_deployment(deployed: LocalDeployment) -> None:
    changed, words = deployed.diff(())
    assert not changed, words


def test_miniwdl_aws_submit_finds_everything_by_the_head_queue_alone_and_its_workflow_really_runs(
    deployed: LocalDeployment, project_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "hello.wdl").write_text(WDL)
    outputs = json.loads(printed("config", "wdl", "--local", "--json", "--project", str(project_file)))
    folder = f"{outputs['Outputs'].rstrip('/')}/submitted/"
    environment = {
        **deployed.cloud.environment(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONWARNINGS": "ignore",
    }
    run = subprocess.run(
        [
            *("miniwdl-aws-submit", "hello.wdl", "name=zoe", "--workflow-queue", outputs["HeadQueue"]),
            *("--s3upload", folder, "--verbose", *(["--follow"] if jobs_can_run() else [])),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert f"Task job queue: {outputs['TaskQueue']}" in run.stderr
    # Those whom the client starts act as a role of their own: it registers job definitions under names of its own.
    assert re.search(r"Workflow IAM role ARN: arn:aws:iam::\d+:role/Cycle-wdl-wdlEngineClientRole", run.stderr)
    assert f"EFS Access Point: {outputs['AccessPointId']}" in run.stderr
    assert f"EFS: {outputs['FileSystemId']}" in run.stderr
    assert run.returncode == 0, run.stderr
    if jobs_can_run():
        bucket, _, key = f"{folder}outputs.json".removeprefix("s3://").partition("/")
        body = deployed.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        assert json.load(body) == {"hello.greet.out": "hello zoe"}


def jobs_can_run() -> bool:
    try:
        find_sandbox()
    except CannotRunError:
        return False
    return True


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(command_line, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_config_prints_what_the_miniwdl_client_needs(deployed: LocalDeployment, project_file: Path) -> None:
    assert deployed
    lines = printed("config", "wdl", "--local", "--project", str(project_file)).splitlines()
    settings = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    assert settings["MINIWDL__AWS__WORKFLOW_QUEUE"].startswith("arn:aws:batch:us-east-1:")
    assert settings["MINIWDL__AWS__S3_UPLOAD_FOLDER"].endswith("/wdl/miniwdl")
    assert settings["MINIWDL__CALL_CACHE__DIR"] == "/mnt/efs/miniwdl_run/_CACHE"


def test_config_prints_how_to_start_snakemake_where_the_file_system_is(
    deployed: LocalDeployment, project_file: Path
) -> None:
    said = printed("config", "smk", "--local", "--project", str(project_file))
    assert "an s3:// address" in said.replace("\n# ", " ")
    run = subprocess.run(
        ["bash", "-euc", said.replace("SNAKEFILE", "/mnt/efs/none/Snakefile")],
        env={**deployed.cloud.environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    batch = deployed.cloud.client("batch")
    [job] = batch.describe_jobs(jobs=[json.loads(run.stdout)["jobId"]])["jobs"]
    batch.terminate_job(jobId=job["jobId"], reason="That is all.")
    assert job["parameters"]["snakefile"] == "/mnt/efs/none/Snakefile"
    assert job["parameters"]["directory"] == "/mnt/efs/snakemake/work"
    outputs = json.loads(printed("config", "smk", "--local", "--json", "--project", str(project_file)))
    assert (job["jobDefinition"], job["jobQueue"]) == (outputs["HeadJobDefinition"], outputs["HeadQueue"])


def test_config_says_how_to_deploy_what_is_not_there(deployed: LocalDeployment, project_file: Path) -> None:
    assert deployed
    other = project_file.with_name("other.yaml")
    other.write_text(PROJECT.format(throughput="{}").replace("name: Cycle", "name: Other"))
    result = CliRunner().invoke(command_line, ["config", "wdl", "--local", "--project", str(other)])
    assert result.exit_code == 1
    assert "the stack 'Other-wdl' is not deployed" in result.stderr


@pytest.mark.parametrize(
    ("written", "mode", "mibps"),
    [("{provisionedThroughput: 1024}", "provisioned", 1024.0), ("{throughputMode: elastic}", "elastic", None)],
)
def test_throughput_is_updated_in_place_and_nothing_else_with_it(
    deployed: LocalDeployment, project_file: Path, written: str, mode: str, mibps: float | None
) -> None:
    before = throughput(deployed)
    project_file.write_text(PROJECT.format(throughput=written))
    cdk = cdk_cli(deployed.cloud, project_file, terminationProtection="false")
    changed, words = cdk.diff()
    assert changed
    assert "ThroughputMode" in words
    assert "requires replacement" not in words
    cdk.deploy()
    assert throughput(deployed) == [(id_, mode, mibps) for id_, _, _ in before]
    changed, words = cdk.diff()
    assert not changed, words


def test_destroy_leaves_nothing_but_the_buckets_that_are_kept(deployed: LocalDeployment) -> None:
    buckets = {one["name"] for one in facts(deployed, "Cycle-core")["buckets"]}
    deployed.destroy(())
    client = deployed.cloud.client
    assert set(deployed.kept_buckets()) == buckets
    assert client("efs").describe_file_systems()["FileSystems"] == []
    assert client("efs").describe_access_points()["AccessPoints"] == []
    assert client("batch").describe_job_queues()["jobQueues"] == []
    assert client("batch").describe_compute_environments()["computeEnvironments"] == []
    assert client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"] == []
    assert [one for one in client("ec2").describe_vpcs()["Vpcs"] if not one["IsDefault"]] == []
    assert client("ec2").describe_launch_templates()["LaunchTemplates"] == []
    assert client("ec2").describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}])["NatGateways"] == []
    assert client("ec2").describe_addresses()["Addresses"] == []
    roles = [one["RoleName"] for one in client("iam").list_roles()["Roles"]]
    assert [name for name in roles if name.startswith("Cycle")] == []
    assert client("iam").list_instance_profiles()["InstanceProfiles"] == []
    assert [one for one in client("logs").describe_log_groups()["logGroups"] if "Cycle" in one["logGroupName"]] == []
