"""BatchCompute: queues, environments and machines, as the template says them."""

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from templates import Template, resources

from workflow_context import BatchCompute, EfsFileSystem, Network, TaskMachines

ENVIRONMENT, QUEUE = "AWS::Batch::ComputeEnvironment", "AWS::Batch::JobQueue"
ARM = ec2.InstanceArchitecture.ARM_64


@pytest.fixture(scope="module")
def parts() -> tuple[cdk.Stack, Network, EfsFileSystem]:
    stack = cdk.Stack(cdk.App(), "Stack")
    network = Network(stack, "Network")
    return stack, network, EfsFileSystem(stack, "Storage", placement=network.placement())


@pytest.fixture(scope="module")
def template(parts: tuple[cdk.Stack, Network, EfsFileSystem]) -> Template:
    """`Plain` has the defaults, `Spot` has Spot capacity and numbers of its own, `Heads` has head jobs on EC2."""
    stack, network, storage = parts
    placement = network.placement()
    BatchCompute(stack, "Plain", placement, storage)
    BatchCompute(
        stack,
        "Spot",
        placement,
        storage,
        spot=True,
        max_vcpus=512,
        head_max_vcpus=4,
        instance_types=["m6i", ec2.InstanceType("r6i.large")],
        root_volume_size=cdk.Size.gibibytes(200),
        min_scale_down_delay=cdk.Duration.hours(1),
    )
    BatchCompute(stack, "Heads", placement, storage, heads_on_fargate=False, architecture=ARM)
    kinds = {
        "large": TaskMachines(instance_types=["r6i"], memory_from=cdk.Size.gibibytes(256), max_vcpus=128, spot=True),
        "arm": TaskMachines(architecture=ARM),
        "gpu": TaskMachines(gpu=True, spot=True, fallback_to_on_demand=False),
    }
    BatchCompute(stack, "Several", placement, storage, machines=kinds, min_scale_down_delay=cdk.Duration.hours(1))
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


def environment(template: Template, name: str) -> dict[str, Any]:
    [found] = [one for key, one in resources(template, ENVIRONMENT).items() if key.startswith(name)]
    assert found["Properties"]["Type"] == "MANAGED"
    resources_: dict[str, Any] = found["Properties"]["ComputeResources"]
    return resources_


class TestBounds:
    def test_16_head_jobs_and_256_vcpus_of_tasks_run_at_a_time_by_default(self, template: Template) -> None:
        assert environment(template, "PlainHead")["MaxvCpus"] == 16
        assert environment(template, "PlainTask")["MaxvCpus"] == 256

    def test_bounds_that_are_written_hold_for_the_fallback_too(self, template: Template) -> None:
        bounds = {name: environment(template, f"Spot{name}")["MaxvCpus"] for name in ("Head", "Task", "Fallback")}
        assert bounds == {"Head": 4, "Task": 512, "Fallback": 512}

    def test_instances_of_tasks_are_kept_after_their_last_job_where_that_is_asked_for(self, template: Template) -> None:
        for name in ("SpotTask", "SpotFallback"):
            assert environment(template, name)["ScalingPolicy"] == {"MinScaleDownDelayMinutes": 60}
        for name in ("SpotHead", "PlainTask", "HeadsHead"):
            assert "ScalingPolicy" not in environment(template, name)

    @pytest.mark.parametrize("minutes", [0, 19, 10081])
    def test_they_are_kept_20_minutes_to_7_days(
        self, parts: tuple[cdk.Stack, Network, EfsFileSystem], minutes: int
    ) -> None:
        stack, network, storage = parts
        with pytest.raises(ValueError, match=f"must be 20 minutes to 7 days, got {minutes} minutes"):
            BatchCompute(
                stack,
                f"Kept{minutes}",
                network.placement(),
                storage,
                min_scale_down_delay=cdk.Duration.minutes(minutes),
            )

    def test_no_machine_is_kept_while_nothing_runs(self, template: Template) -> None:
        kept = {
            one["Properties"]["ComputeResources"].get("MinvCpus", 0)
            for one in resources(template, ENVIRONMENT).values()
        }
        assert kept == {0}


class TestQueues:
    def test_each_cancels_jobs_that_can_never_run_after_15_minutes(self, template: Template) -> None:
        queues = resources(template, QUEUE)
        assert len(queues) == 13
        for queue in queues.values():
            rules = queue["Properties"]["JobStateTimeLimitActions"]
            assert {(one["State"], one["Action"], one["MaxTimeSeconds"]) for one in rules} == {
                ("RUNNABLE", "CANCEL", 15 * 60)
            }
            assert {one["Reason"] for one in rules} == {
                "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
                "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
            }

    def test_each_has_one_environment(self, template: Template) -> None:
        for queue in resources(template, QUEUE).values():
            assert len(queue["Properties"]["ComputeEnvironmentOrder"]) == 1

    @pytest.mark.parametrize(
        ("name", "kinds"),
        [
            ("Plain", {"Head": "FARGATE", "Task": "EC2"}),
            ("Spot", {"Head": "FARGATE", "Task": "SPOT", "Fallback": "EC2"}),
            ("Heads", {"Head": "EC2", "Task": "EC2"}),
        ],
    )
    def test_spot_has_an_on_demand_queue_beside_it(self, template: Template, name: str, kinds: dict[str, str]) -> None:
        found = {
            key.removeprefix(name).split("Environment")[0].split("Instances")[0]: one["Properties"]["ComputeResources"][
                "Type"
            ]
            for key, one in resources(template, ENVIRONMENT).items()
            if key.startswith(name)
        }
        assert found == kinds


class TestMachines:
    def test_tasks_have_the_types_that_are_written(self, template: Template) -> None:
        assert environment(template, "SpotTask")["InstanceTypes"] == ["m6i", "r6i.large"]
        assert environment(template, "PlainTask")["InstanceTypes"] == ["default_x86_64"]

    def test_head_jobs_have_x86_64_whatever_tasks_have(self, template: Template) -> None:
        assert environment(template, "HeadsTask")["InstanceTypes"] == ["default_arm64"]
        assert environment(template, "HeadsHead")["InstanceTypes"] == ["default_x86_64"]

    def test_the_root_volume_is_encrypted_and_as_large_as_written(self, template: Template) -> None:
        sizes = {}
        for key, one in resources(template, "AWS::EC2::LaunchTemplate").items():
            data = one["Properties"]["LaunchTemplateData"]
            assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}
            [root] = data["BlockDeviceMappings"]
            assert root["Ebs"]["Encrypted"] is True
            assert root["Ebs"]["DeleteOnTermination"] is True
            sizes[key.split("LaunchTemplate")[0]] = root["Ebs"]["VolumeSize"]
        assert sizes == {"Plain": 100, "Spot": 200, "Heads": 100, "Several": 100}

    def test_a_changed_launch_template_changes_the_machines_and_lets_jobs_end(self, template: Template) -> None:
        for one in resources(template, ENVIRONMENT).values():
            properties = one["Properties"]
            assert properties["ReplaceComputeEnvironment"] is False
            if properties["ComputeResources"]["Type"] == "FARGATE":
                continue
            version = properties["ComputeResources"]["LaunchTemplate"]["Version"]
            assert version["Fn::GetAtt"][1] == "LatestVersionNumber"
            assert properties["UpdatePolicy"] == {
                "JobExecutionTimeoutMinutes": 120 * 60,
                "TerminateJobsOnUpdate": False,
            }


class TestKindsOfMachines:
    @pytest.mark.parametrize(
        ("kind", "environments"),
        [
            ("Large", {"TaskEnvironment": "SPOT", "FallbackEnvironment": "EC2"}),
            ("Arm", {"TaskEnvironment": "EC2"}),
            ("Gpu", {"TaskEnvironment": "SPOT"}),
        ],
    )
    def test_each_has_queues_of_its_own_with_its_name(
        self, template: Template, kind: str, environments: dict[str, str]
    ) -> None:
        start = f"SeveralMachines{kind}"
        found = {name: one for name, one in resources(template, ENVIRONMENT).items() if name.startswith(start)}
        kinds = {
            re.sub("[0-9A-F]{8}$", "", name.removeprefix(start)): one["Properties"]["ComputeResources"]["Type"]
            for name, one in found.items()
        }
        assert kinds == environments
        queues = [name for name in resources(template, QUEUE) if name.startswith(start)]
        assert len(queues) == len(environments)

    def test_machines_are_what_is_written_and_else_as_usual(self, template: Template) -> None:
        large, arm, gpu = (environment(template, f"SeveralMachines{kind}Task") for kind in ("Large", "Arm", "Gpu"))
        assert (large["InstanceTypes"], large["MaxvCpus"]) == (["r6i"], 128)
        assert arm["InstanceTypes"] == ["default_arm64"]
        assert gpu["InstanceTypes"] == ["g4dn", "g5", "g6"]
        assert [one["Ec2Configuration"][0]["ImageType"] for one in (large, gpu)] == ["ECS_AL2023", "ECS_AL2023_NVIDIA"]
        own = environment(template, "SeveralTask")
        for one in (large, arm, gpu):
            assert one["ScalingPolicy"] == {"MinScaleDownDelayMinutes": 60}
            for key in ("LaunchTemplate", "SecurityGroupIds", "Subnets"):
                assert one[key] == own[key]


class TestOrder:
    def test_environments_wait_for_the_mount_targets_and_the_access_point(self, template: Template) -> None:
        needed = {*resources(template, "AWS::EFS::MountTarget"), *resources(template, "AWS::EFS::AccessPoint")}
        assert len(needed) == 3
        for name, one in resources(template, ENVIRONMENT).items():
            assert needed <= set(one["DependsOn"]), name

    def test_environments_go_before_the_role_of_their_machines(self, template: Template) -> None:
        roles = set(resources(template, "AWS::IAM::Role"))
        waited = {
            name: [role for role in one["DependsOn"] if role in roles]
            for name, one in resources(template, ENVIRONMENT).items()
            if one["Properties"]["ComputeResources"]["Type"] != "FARGATE"
        }
        assert len(waited) == 10
        for name, [role] in waited.items():
            head = "Head" if name.startswith("HeadsHead") else ""
            assert role.startswith(f"{re.match('Plain|Spot|Heads|Several', name)[0]}{head}InstanceRole"), name


class TestRights:
    def test_nothing_is_let_in_and_machines_reach_the_file_system(self, template: Template) -> None:
        for name, group in resources(template, "AWS::EC2::SecurityGroup").items():
            assert "SecurityGroupIngress" not in group["Properties"], name
        rules = resources(template, "AWS::EC2::SecurityGroupIngress").values()
        assert {one["Properties"]["FromPort"] for one in rules} == {2049}
        assert len(rules) == 4
        assert all(one["Properties"]["GroupId"]["Fn::GetAtt"][0].startswith("Storage") for one in rules)

    def test_machines_have_no_managed_policy_and_no_rights_in_batch(self, template: Template) -> None:
        machines = {name: one for name, one in resources(template, "AWS::IAM::Role").items() if "InstanceRole" in name}
        assert len(machines) == 5
        for name, role in machines.items():
            assert "ManagedPolicyArns" not in role["Properties"], name
        policies = [one for name, one in resources(template, "AWS::IAM::Policy").items() if "InstanceRole" in name]
        assert len(policies) == 5
        assert '"batch:' not in json.dumps(policies)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gpu": True, "architecture": ARM}, ValueError, "gpu needs architecture X86_64"),
        ({"fallback_to_on_demand": True}, ValueError, "fallback_to_on_demand is for Spot capacity"),
        ({"max_vcpus": 0}, ValueError, "max_vcpus must be at least 1, got 0"),
        ({"head_max_vcpus": 0}, ValueError, "head_max_vcpus must be at least 1, got 0"),
        ({"root_volume_size": 200}, TypeError, r"such as cdk.Size.gibibytes\(200\), got 200"),
        (
            {"machines": {"Large": TaskMachines()}},
            ValueError,
            "letters and digits, and begin with a-z, got 'Large",
        ),
        ({"machines": {f"k{n}": TaskMachines() for n in range(4)}}, ValueError, "at most 3 kinds of machines .* got 4"),
        ({"instance_types": [4]}, TypeError, "instance_types must be names such as 'm6i'"),
    ],
)
def test_fails_when_an_option_is_wrong(
    parts: tuple[cdk.Stack, Network, EfsFileSystem], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    _, network, storage = parts
    with pytest.raises(error, match=message):
        BatchCompute(cdk.Stack(cdk.App(), "Wrong"), "Compute", network.placement(), storage, **options)
