"""The constructs as users of the CDK expect them: in stacks, stages and apps of one's own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import (
    aws_ec2 as ec2,
    aws_efs as efs,
    aws_iam as iam,
    aws_s3 as s3,
    aws_secretsmanager as secrets,
)
from templates import Template, resources
from test_security_review import findings

from workflow_context import (
    BatchCompute,
    EfsFileSystem,
    FsxLustreFileSystem,
    MiniwdlEngine,
    Network,
    NextflowEngine,
    ObjectiveFsFileSystem,
    Placement,
    S3FilesFileSystem,
    S3FileSystem,
    SnakemakeEngine,
    WorkflowBucket,
    WorkflowContext,
    WorkflowFileSystem,
)

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).parent / "public_api" / "platform_script.py"


def objective_fs(scope: cdk.Stack) -> WorkflowFileSystem:
    return ObjectiveFsFileSystem(
        scope,
        "Storage",
        expected_size_tb=1,
        license_secret=secrets.Secret.from_secret_name_v2(scope, "License", "license"),
        package_uri="s3://software/objectivefs.{arch}.rpm",
    )


def storage_of(kind: str, scope: cdk.Stack, placement: Placement, bucket: WorkflowBucket) -> WorkflowFileSystem:
    """A file system of a kind, as it is by default."""
    makers: dict[str, Callable[[], WorkflowFileSystem]] = {
        "EFS": lambda: EfsFileSystem(scope, "Storage", placement=placement),
        "S3": lambda: S3FileSystem(scope, "Storage", location=bucket.location("work")),
        "S3Files": lambda: S3FilesFileSystem(scope, "Storage", placement=placement, location=bucket.location("files")),
        "OFS": lambda: objective_fs(scope),
        "FSxLustre": lambda: FsxLustreFileSystem(scope, "Storage", placement=placement),
    }
    return makers[kind]()


class TestTwoStacks:
    @pytest.fixture(scope="class", params=["EFS", "S3", "S3Files", "OFS", "FSxLustre"])
    @classmethod
    def templates(cls, request: pytest.FixtureRequest) -> dict[str, Template]:
        app = cdk.App()
        stage = cdk.Stage(app, "Production")
        data, compute = cdk.Stack(stage, "Data"), cdk.Stack(stage, "Compute")
        placement, bucket = Network(data, "Network").placement(), WorkflowBucket(data, "Bucket")
        WorkflowContext(
            compute,
            "Context",
            engine=SnakemakeEngine,
            placement=placement,
            storage=storage_of(request.param, data, placement, bucket),
            outputs=bucket.location("out"),
        )
        stacks = app.synth().get_nested_assembly("assembly-Production").stacks
        return {stack.id.removeprefix("Production"): stack.template for stack in stacks}

    def test_storage_and_context_synthesize_and_only_the_context_needs_the_other(
        self, templates: dict[str, Template]
    ) -> None:
        texts = {name: json.dumps(template) for name, template in templates.items()}
        [data] = [text for name, text in texts.items() if "Data" in name]
        [compute] = [text for name, text in texts.items() if "Compute" in name]
        assert "Fn::ImportValue" in compute
        assert "Fn::ImportValue" not in data


class TestOneFileSystemForTwoContexts:
    @pytest.fixture(scope="class")
    @classmethod
    def template(cls) -> Template:
        stack = cdk.Stack(cdk.App(), "Stack")
        placement, bucket = Network(stack, "Network").placement(), WorkflowBucket(stack, "Bucket")
        storage = EfsFileSystem(stack, "Storage", placement=placement)
        views = {"One": storage, "Two": storage.add_access_point("Second", uid=2000, gid=2001)}
        for name, view in views.items():
            WorkflowContext(
                stack,
                name,
                engine=SnakemakeEngine,
                placement=placement,
                storage=view,
                outputs=bucket.location(name),
            )
        rendered: Template = cdk.assertions.Template.from_stack(stack).to_json()
        return rendered

    def test_jobs_and_queues_of_both_wait_for_the_mount_targets(self, template: Template) -> None:
        targets = set(resources(template, "AWS::EFS::MountTarget"))
        assert len(targets) == 2
        found = 0
        for type_ in ("AWS::Batch::ComputeEnvironment", "AWS::Batch::JobDefinition"):
            for name, resource in resources(template, type_).items():
                assert targets <= set(resource["DependsOn"]), name
                found += 1
        assert found == 8

    def test_each_has_a_directory_and_a_user_of_its_own(self, template: Template) -> None:
        points = [one["Properties"] for one in resources(template, "AWS::EFS::AccessPoint").values()]
        assert {one["RootDirectory"]["Path"]: one["PosixUser"] for one in points} == {
            "/workflow": {"Uid": "0", "Gid": "0"},
            "/Second-2000-2001": {"Uid": "2000", "Gid": "2001"},
        }

    def test_a_role_mounts_the_directory_of_its_context_and_nobody_mounts_without_a_role(
        self, template: Template
    ) -> None:
        [second] = [name for name in resources(template, "AWS::EFS::AccessPoint") if "Second" in name]
        mounting = 0
        for name, policy in resources(template, "AWS::IAM::Policy").items():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if "elasticfilesystem:ClientMount" in statement["Action"]:
                    mounting += 1
                    is_second = second in json.dumps(statement["Condition"])
                    assert is_second == name.startswith("Two"), name
                    assert ("elasticfilesystem:ClientRootAccess" in statement["Action"]) != is_second, name
        assert mounting >= 4
        [file_system] = resources(template, "AWS::EFS::FileSystem").values()
        effects = [one["Effect"] for one in file_system["Properties"]["FileSystemPolicy"]["Statement"]]
        assert effects == ["Deny"]


def flags() -> dict[str, Any]:
    """Every flag of this release of the CDK, as `cdk init` would set it."""
    written = json.loads((ROOT / "stacks/workflow_stacks/cdk.json").read_text())["context"]
    assert "@aws-cdk/aws-efs:mountTargetOrderInsensitiveLogicalId" in written
    return {name: value for name, value in written.items() if "defaultCrossStackReferences" not in name}


def test_logical_ids_of_what_holds_data_are_the_same_with_and_without_feature_flags() -> None:
    def ids(context: dict[str, Any]) -> dict[str, str]:
        stack = cdk.Stack(cdk.App(context=context), "Stack")
        placement, bucket = Network(stack, "Network").placement(), WorkflowBucket(stack, "Bucket")
        for name, engine in {"Wdl": MiniwdlEngine, "Smk": SnakemakeEngine}.items():
            WorkflowContext(
                stack,
                name,
                engine=engine,
                placement=placement,
                storage=EfsFileSystem(stack, f"{name}Storage", placement=placement),
                outputs=bucket.location(name),
            )
        template = cdk.assertions.Template.from_stack(stack).to_json()
        return {name: one["Type"] for name, one in template["Resources"].items()}

    assert ids({}) == ids(flags())


class TestMountOnAnInstance:
    @pytest.fixture
    def stack(self) -> cdk.Stack:
        return cdk.Stack(cdk.App(), "Stack")

    @pytest.fixture
    def instance(self, stack: cdk.Stack) -> ec2.Instance:
        return ec2.Instance(
            stack,
            "Instance",
            vpc=ec2.Vpc(stack, "Vpc", restrict_default_security_group=False),
            instance_type=ec2.InstanceType("m6i.large"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(),
        )

    def test_read_only_is_a_right_and_an_option_and_nothing_on_the_machine_is_stopped(
        self, stack: cdk.Stack, instance: ec2.Instance
    ) -> None:
        vpc = stack.node.find_child("Vpc")
        assert isinstance(vpc, ec2.Vpc)
        EfsFileSystem(stack, "Storage", placement=vpc).mount_on(instance, read_only=True)
        template = cdk.assertions.Template.from_stack(stack).to_json()
        [machine] = resources(template, "AWS::EC2::Instance").values()
        text = json.dumps(machine["Properties"]["UserData"])
        assert "export READ_ONLY=yes" in text
        assert "shutdown" not in text
        assert "ecs" not in text
        assert len([name for name in machine["DependsOn"] if "MountTarget" in name]) == 2
        policies = json.dumps(resources(template, "AWS::IAM::Policy"))
        assert "elasticfilesystem:ClientMount" in policies
        assert "elasticfilesystem:ClientWrite" not in policies
        assert resources(template, "AWS::EC2::SecurityGroupIngress")

    def test_s3_is_not_mounted_anywhere(self, stack: cdk.Stack, instance: ec2.Instance) -> None:
        storage = S3FileSystem(stack, "Storage", location=WorkflowBucket(stack, "Bucket").location("work"))
        with pytest.raises(ValueError, match="S3FileSystem is not mounted anywhere"):
            storage.mount_on(instance)


class TestExisting:
    def test_a_retained_file_system_gets_mount_targets_and_an_access_point(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        placement = Network(stack, "Network").placement()
        storage = EfsFileSystem.from_efs_attributes(
            stack, "Storage", file_system_id="fs-1", mount_targets=placement, uid=1000, gid=1000
        )
        BatchCompute(stack, "Compute", placement, storage)
        template = cdk.assertions.Template.from_stack(stack).to_json()
        targets = resources(template, "AWS::EFS::MountTarget")
        assert {one["Properties"]["FileSystemId"] for one in targets.values()} == {"fs-1"}
        for environment in resources(template, "AWS::Batch::ComputeEnvironment").values():
            assert set(targets) <= set(environment["DependsOn"])
        [point] = resources(template, "AWS::EFS::AccessPoint").values()
        assert point["Properties"]["RootDirectory"]["Path"] == "/workflow-1000-1000"
        [rule] = resources(template, "AWS::EC2::SecurityGroupIngress").values()
        assert rule["Properties"]["FromPort"] == 2049

    def test_fails_when_nothing_says_where_it_is_reached(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        with pytest.raises(ValueError, match="give the security_group of the mount targets; or mount_targets"):
            EfsFileSystem.from_efs_attributes(stack, "Storage", file_system_id="fs-1")

    def test_an_l2_keeps_its_own_policy_and_its_jobs_wait_for_it(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
        theirs = efs.FileSystem(stack, "Theirs", vpc=vpc, allow_anonymous_access=True)
        storage = EfsFileSystem.from_efs(stack, "Storage", file_system=theirs)
        BatchCompute(stack, "Compute", Network(stack, "Network", vpc=vpc).placement(), storage)
        template = cdk.assertions.Template.from_stack(stack).to_json()
        [file_system] = resources(template, "AWS::EFS::FileSystem").values()
        assert "FileSystemPolicy" not in file_system["Properties"]
        for environment in resources(template, "AWS::Batch::ComputeEnvironment").values():
            assert set(resources(template, "AWS::EFS::MountTarget")) <= set(environment["DependsOn"])


class TestWrongArguments:
    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls) -> cdk.Stack:
        return cdk.Stack(cdk.App(), "Stack")

    @pytest.fixture(scope="class")
    @classmethod
    def good(cls, stack: cdk.Stack) -> dict[str, Any]:
        placement, bucket = Network(stack, "Network").placement(), WorkflowBucket(stack, "Bucket")
        return {
            "engine": SnakemakeEngine,
            "placement": placement,
            "storage": EfsFileSystem(stack, "Storage", placement=placement),
            "outputs": bucket.location("out"),
        }

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"engine": "miniwdl"}, "engine must be an engine class such as MiniwdlEngine"),
            ({"compute": {"spot": True}}, "compute must be BatchCompute"),
            ({"storage": "EFS"}, "storage must be a WorkflowFileSystem"),
            ({"outputs": "s3://bucket"}, "outputs must be an S3Location or a bucket"),
            ({"placement": "vpc-1"}, "placement must be a Placement or a VPC"),
            ({"compute": BatchCompute.with_options(root_volume_size=200)}, "root_volume_size must be a cdk.Size"),
            ({"compute": BatchCompute.with_options(instance_types=[5])}, "instance_types must be names"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_another_type_is_refused_with_a_sentence(
        self,
        stack: cdk.Stack,
        good: dict[str, Any],
        changed: dict[str, Any],
        message: str,
        request: pytest.FixtureRequest,
    ) -> None:
        with pytest.raises(TypeError, match=message):
            WorkflowContext(stack, f"Context{abs(hash(request.node.name))}", **{**good, **changed})

    def test_a_bucket_a_vpc_and_instance_types_of_the_cdk_are_taken(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
        WorkflowContext(
            stack,
            "Context",
            engine=NextflowEngine,
            compute=BatchCompute.with_options(instance_types=[ec2.InstanceType("m6i.large")]),
            placement=vpc,
            storage=EfsFileSystem(stack, "Storage", placement=vpc),
            outputs=s3.Bucket(stack, "Bucket"),
        )
        template = cdk.assertions.Template.from_stack(stack).to_json()
        types = [
            one["Properties"]["ComputeResources"].get("InstanceTypes")
            for one in resources(template, "AWS::Batch::ComputeEnvironment").values()
        ]
        assert ["m6i.large"] in types

    def test_gpus_with_arm64_are_refused(self, stack: cdk.Stack, good: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="gpu needs architecture X86_64"):
            BatchCompute(
                stack,
                "Arm",
                good["placement"],
                good["storage"],
                gpu=True,
                architecture=ec2.InstanceArchitecture.ARM_64,
            )

    def test_a_size_that_fargate_does_not_offer_is_refused(self, stack: cdk.Stack, good: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="1 vCPUs can have 2048 to 8192 MiB of memory in steps of 1024 MiB"):
            WorkflowContext(stack, "Large", head_memory=cdk.Size.gibibytes(16), **good)

    def test_one_zone_storage_with_jobs_in_other_zones_is_a_finding_of_synthesis(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="123456789012", region="us-east-1"))
        placement, bucket = Network(stack, "Network").placement(), WorkflowBucket(stack, "Bucket")
        zone = placement.subnets[0].availability_zone
        context = WorkflowContext(
            stack,
            "Context",
            engine=SnakemakeEngine,
            placement=placement,
            storage=EfsFileSystem(stack, "Storage", placement=placement, zone=zone),
            outputs=bucket.location("out"),
        )
        [finding] = context.node.validate()
        assert f"the file system is in {zone} only" in finding
        assert "in_zone" in finding


def test_a_script_with_every_call_runs() -> None:
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


class TestLargerExample:
    @pytest.fixture(scope="class")
    @classmethod
    def build(cls) -> Iterator[Callable[[], cdk.App]]:
        folder = str(ROOT / "examples" / "larger_genomics_stack")
        sys.path.insert(0, folder)
        try:
            from app import build  # type: ignore[import-not-found]

            yield build
        finally:
            sys.path.remove(folder)
            for name in ("app", "platform_stacks"):
                sys.modules.pop(name, None)

    def test_it_synthesizes_for_two_environments_and_cdk_nag_finds_nothing_of_ours(
        self, build: Callable[..., cdk.App], tmp_path: Path
    ) -> None:
        open_findings = findings(build(outdir=str(tmp_path)), tmp_path)
        assert [one for one in open_findings if "/Vpc" not in one and "/Analysts" not in one] == []


def test_a_project_file_works_in_a_stage_of_ones_own() -> None:
    from workflow_stacks import define_stacks

    app = cdk.App()
    stage = cdk.Stage(app, "Pipeline")
    stacks = define_stacks(stage, Path(__file__).parent / "projects" / "miniwdl.yaml")
    role = iam.Role(cdk.Stack(stage, "Team"), "Role", assumed_by=iam.AccountRootPrincipal())
    for stack in stacks.contexts.values():
        stack.workflow_context.grant_submit(role)
    names = [stack.stack_name for stack in app.synth().get_nested_assembly("assembly-Pipeline").stacks]
    assert f"Pipeline-{stacks.project.name}-core" in names
    assert len(names) == len(stacks.contexts) + 2
