"""Edits of a deployed project, by the real CDK CLI on the local cloud: what is refused, kept, and left alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import cdk_cli, deploy
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.cloud.cdk_cli import CdkCli, CdkError
from workflow_stacks.local.runs.deployment import stopped_at_the_end

pytestmark = pytest.mark.cycle

PROJECT = """\
name: Edits
schemaVersion: 1
contexts:
  wdl: {wdl}
  smk: {{engines: [{{type: snakemake, engine: snakemake}}]}}
"""
BEFORE = "{engines: [{type: wdl, engine: miniwdl}]}"
RETAINED = (
    "{engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: {removalPolicy: retain}}}]}"
)
GIVES_UP = {
    "an engine that works in S3": "{engines: [{type: nextflow, engine: nextflow}]}",
    "a zone": "{engines: [{type: wdl, engine: miniwdl, filesystem: {fsType: EFS, configuration: "
    "{availabilityZone: us-east-1b}}}]}",
}
"""Two of those that `test_edits.py` knows: one removes the file system, one replaces it."""


class World:
    """A project that is deployed on a local cloud of its own."""

    def __init__(self, cloud: LocalCloud, file: Path) -> None:
        self.cloud, self.file = cloud, file

    def write(self, wdl: str) -> None:
        self.file.write_text(PROJECT.format(wdl=wdl))

    def cdk(self, **context: str) -> CdkCli:
        return cdk_cli(self.cloud, self.file, **context)

    def facts(self) -> dict[str, list[str]]:
        """What must not change: file systems, mount targets, queues, network."""
        client = self.cloud.client
        efs, ec2 = client("efs"), client("ec2")
        systems = sorted(one["FileSystemId"] for one in efs.describe_file_systems()["FileSystems"])
        return {
            "systems": systems,
            "targets": sorted(
                target["MountTargetId"]
                for one in systems
                for target in efs.describe_mount_targets(FileSystemId=one)["MountTargets"]
            ),
            "gateways": [
                one["NatGatewayId"] for one in ec2.describe_nat_gateways()["NatGateways"] if one["State"] == "available"
            ],
            "queues": sorted(one["jobQueueArn"] for one in client("batch").describe_job_queues()["jobQueues"]),
            "subnets": sorted(one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]),
            "endpoints": sorted(one["VpcEndpointId"] for one in ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        }

    def plan(self, *arguments: str) -> str:
        command = ["plan", *arguments, "--local", "--project", str(self.file)]
        result = CliRunner().invoke(command_line, command)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    file = tmp_path_factory.mktemp("edits") / "agc-project.yaml"
    cloud = LocalCloud.of_project(file)
    with stopped_at_the_end(cloud):
        one = World(cloud, file)
        one.write(BEFORE)
        deploy(cloud, file)
        yield one


@pytest.mark.parametrize("edit", GIVES_UP)
def test_an_edit_that_gives_up_the_file_system_is_refused_and_nothing_changes(world: World, edit: str) -> None:
    world.write(BEFORE)
    before = world.facts()
    world.write(GIVES_UP[edit])
    with pytest.raises(CdkError, match="would replace or remove the file system that is deployed"):
        world.cdk().deploy(["Edits-wdl"])
    assert world.facts() == before


def test_a_tag_and_private_to_public_and_back_is_a_plain_update(world: World) -> None:
    world.write(BEFORE)
    before = world.facts()
    for written in (BEFORE.replace("{eng", "{usePublicSubnets: true, tags: {CostCenter: '1'}, eng"), BEFORE):
        world.write(written)
        world.cdk().deploy(["--all"])
        assert world.facts() == before


def test_plan_says_what_an_edit_would_do_to_what_is_deployed(world: World) -> None:
    world.write(BEFORE)
    assert world.plan().splitlines() == [f"Edits-{name}: nothing changes" for name in ("core", "wdl", "smk")]
    world.write(GIVES_UP["an engine that works in S3"])
    refused = CliRunner().invoke(command_line, ["plan", "wdl", "--local", "--project", str(world.file)])
    assert refused.exit_code == 1
    assert "DATA DELETED" in refused.stdout
    assert "0 jobs in this queue end" in refused.stdout


def test_a_context_that_left_the_file_is_listed_and_can_be_destroyed_alone(world: World) -> None:
    world.write(f"{BEFORE}\n  extra: {RETAINED}")
    world.cdk().deploy(["Edits-extra"])
    world.write(BEFORE)
    before = world.facts()
    listed = CliRunner().invoke(command_line, ["list", "--deployed", "--local", "--project", str(world.file)])
    [line] = [line for line in listed.stdout.splitlines() if "Edits-extra" in line]
    assert "NO LONGER IN THE FILE" in line
    command = ["destroy", "extra", "--local", "--yes", "--project", str(world.file)]
    destroyed = CliRunner().invoke(command_line, command)
    assert destroyed.exit_code == 0, destroyed.output
    [kept] = [line.split() for line in destroyed.stdout.splitlines() if "EFS::FileSystem" in line]
    assert kept[0] == "stays"
    assert f"configuration: {{fileSystemId: {kept[2]}}}" in destroyed.stdout
    after = world.facts()
    assert after["systems"] == before["systems"]
    assert len(after["targets"]) < len(before["targets"])
    assert {kind: after[kind] for kind in ("gateways", "subnets")} == {
        kind: before[kind] for kind in ("gateways", "subnets")
    }


def test_core_cannot_be_destroyed_below_contexts(world: World) -> None:
    before = world.facts()
    client = world.cloud.client("cloudformation")
    with pytest.raises(client.exceptions.ClientError, match="TerminationProtection is enabled"):
        client.delete_stack(StackName="Edits-core")
    client.update_termination_protection(StackName="Edits-core", EnableTerminationProtection=False)
    with pytest.raises(client.exceptions.ClientError, match="is imported by stack"):
        client.delete_stack(StackName="Edits-core")
    client.update_termination_protection(StackName="Edits-core", EnableTerminationProtection=True)
    assert world.facts() == before


def test_destroying_the_selection_of_one_context_leaves_the_others_and_core_alone(world: World) -> None:
    before = world.facts()
    with pytest.raises(CdkError, match="TerminationProtection is enabled"):
        world.cdk(context="smk").destroy(["--all"])
    after = world.facts()
    assert {kind: after[kind] for kind in ("gateways", "subnets", "endpoints")} == {
        kind: before[kind] for kind in ("gateways", "subnets", "endpoints")
    }
    assert set(after["queues"]) < set(before["queues"])
    assert set(after["systems"]) < set(before["systems"])


def test_data_goes_only_when_it_is_allowed_by_name_and_the_next_file_system_is_guarded_again(world: World) -> None:
    world.write(GIVES_UP["a zone"])
    before = world.facts()
    world.cdk(allowDataLoss="wdl").deploy(["Edits-wdl"])
    [system] = set(world.facts()["systems"]) - set(before["systems"])
    # Replaced, not removed: the old one stays, whatever the removal policy.
    assert set(before["systems"]) < set(world.facts()["systems"])
    world.cdk().deploy(["Edits-wdl"])
    world.write(BEFORE)
    with pytest.raises(CdkError, match="would replace or remove the file system that is deployed"):
        world.cdk().deploy(["Edits-wdl"])
    assert system in world.facts()["systems"]


def test_the_stacks_of_a_project_are_found_by_their_tags(world: World) -> None:
    stacks = world.cloud.client("cloudformation").describe_stacks()["Stacks"]
    tags = {one["StackName"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in stacks}
    assert tags["Edits-wdl"]["workflow-context:context"] == "wdl"
    assert tags["Edits-core"]["workflow-context:project"] == "Edits"
