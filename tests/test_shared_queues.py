"""SharedQueues: what contexts have in common on them, and what they refuse."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from templates import Template, resources

from workflow_context import (
    BatchCompute,
    CromwellEngine,
    EfsFileSystem,
    EngineFactory,
    FsxLustreFileSystem,
    MiniwdlEngine,
    Monitoring,
    Network,
    NextflowEngine,
    Placement,
    Reference,
    S3FileSystem,
    SharedQueues,
    SnakemakeEngine,
    ToilEngine,
    WorkflowBucket,
    WorkflowContext,
    WorkflowFileSystem,
)
from workflow_context.catalog import ENGINES

SPOT = BatchCompute.with_options(spot=True)


@dataclass
class Lab:
    """A stack with shared queues, and contexts on them."""

    stack: cdk.Stack = field(default_factory=lambda: cdk.Stack(cdk.App(), "Stack"))

    def __post_init__(self) -> None:
        self.network = Network(self.stack, "Network")
        self.placement = self.network.placement()
        self.bucket = WorkflowBucket(self.stack, "Bucket")
        self.queues = SharedQueues(self.stack, "Queues", placement=self.placement, compute=SPOT)

    def efs(self, name: str, **options: Any) -> EfsFileSystem:
        return EfsFileSystem(self.stack, f"{name}Storage", placement=self.placement, **options)

    def context(
        self, name: str, engine: EngineFactory, storage: WorkflowFileSystem | None = None, **options: Any
    ) -> WorkflowContext:
        given: dict[str, Any] = {"placement": self.placement, "compute": self.queues.for_context, **options}
        outputs = self.bucket.location(name)
        return WorkflowContext(
            self.stack, name, engine=engine, storage=storage or self.efs(name), outputs=outputs, **given
        )

    @property
    def template(self) -> Template:
        rendered: Template = cdk.assertions.Template.from_stack(self.stack).to_json()
        return rendered


@pytest.fixture
def lab() -> Lab:
    return Lab()


class TestTwoContexts:
    @pytest.fixture(scope="class")
    @classmethod
    def template(cls) -> Template:
        lab = Lab()
        lab.context("Nf", NextflowEngine)
        Monitoring(lab.stack, "Monitoring", context=lab.context("Smk", SnakemakeEngine))
        return lab.template

    @staticmethod
    def policies(template: Template, beginning: str) -> str:
        found = {name: one for name, one in resources(template, "AWS::IAM::Policy").items() if beginning in name}
        assert found
        return json.dumps(found)

    def test_have_the_queues_of_one_and_environments_that_wait_for_no_file_system(self, template: Template) -> None:
        assert len(resources(template, "AWS::Batch::JobQueue")) == 3
        environments = resources(template, "AWS::Batch::ComputeEnvironment")
        assert len(environments) == 3
        assert "Storage" not in json.dumps(environments)

    def test_machines_may_what_the_agent_needs_and_prepare_nothing_at_boot(self, template: Template) -> None:
        [name] = [name for name in resources(template, "AWS::IAM::Policy") if "InstanceRole" in name]
        statements = template["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]
        listed = (one["Action"] for one in statements)
        actions = {action for one in listed for action in ([one] if isinstance(one, str) else one)}
        assert {action.partition(":")[0] for action in actions} == {"ecs", "ecr"}
        [launch] = resources(template, "AWS::EC2::LaunchTemplate").values()
        at_boot = json.dumps(launch["Properties"]["LaunchTemplateData"]["UserData"])
        assert at_boot.count("Content-Type: text/x-shellscript") == 2, (
            "the agent and the instance store, of every machine"
        )

    def test_file_systems_let_the_machines_in_and_admit_nobody_without_a_role(self, template: Template) -> None:
        rules = resources(template, "AWS::EC2::SecurityGroupIngress").values()
        sources = {rule["Properties"]["SourceSecurityGroupId"]["Fn::GetAtt"][0] for rule in rules}
        groups = {rule["Properties"]["GroupId"]["Fn::GetAtt"][0] for rule in rules}
        assert len(sources) == 1
        assert len(groups) == 2
        for file_system in resources(template, "AWS::EFS::FileSystem").values():
            effects = [one["Effect"] for one in file_system["Properties"]["FileSystemPolicy"]["Statement"]]
            assert effects == ["Deny"]

    @pytest.mark.parametrize(("own", "other"), [("Nf", "Smk"), ("Smk", "Nf")])
    def test_no_role_of_one_names_anything_of_the_other(self, template: Template, own: str, other: str) -> None:
        policies = self.policies(template, f"{own}Engine")
        for theirs in (f"{other}Storage", f"{other}Engine", f"/{other}"):
            assert theirs not in policies

    def test_job_definitions_bear_the_name_of_their_context(self, template: Template) -> None:
        names = {
            one["Properties"]["JobDefinitionName"] for one in resources(template, "AWS::Batch::JobDefinition").values()
        }
        assert len(names) == 4
        begins = {name.partition("-")[0] for name in names}
        assert len(begins) == 2

    def test_head_jobs_submit_with_task_definitions_alone(self, template: Template) -> None:
        for name, policy in resources(template, "AWS::IAM::Policy").items():
            for one in policy["Properties"]["PolicyDocument"]["Statement"]:
                if one.get("Sid") == "SubmitTasks":
                    definitions = [text for text in map(json.dumps, one["Resource"]) if "job-definition/" in text]
                    assert len(definitions) == 1, name
                    assert "-fe-*" in definitions[0], name

    def test_events_are_counted_by_definitions_of_the_context(self, template: Template) -> None:
        rules = resources(template, "AWS::Events::Rule").values()
        assert rules
        for rule in rules:
            told = json.dumps(rule["Properties"]["EventPattern"]["detail"]["jobDefinition"])
            assert "prefix" in told
            assert "SmkEngine" in told
            assert "NfEngine" not in told


@pytest.mark.parametrize(
    ("engine", "storage"),
    [
        (MiniwdlEngine, None),
        (NextflowEngine, "S3"),
        (NextflowEngine, "Lustre"),
        (SnakemakeEngine, "S3"),
        (SnakemakeEngine, "Lustre"),
        (CromwellEngine, "S3"),
        (ToilEngine, "S3"),
    ],
)
def test_engines_whose_tasks_need_rights_or_mounts_of_machines_are_refused(
    lab: Lab, engine: EngineFactory, storage: str | None
) -> None:
    made: Mapping[str | None, Callable[[], WorkflowFileSystem]] = {
        None: lambda: lab.efs("Own"),
        "S3": lambda: S3FileSystem(lab.stack, "Storage", location=lab.bucket.location("work")),
        "Lustre": lambda: FsxLustreFileSystem(lab.stack, "Storage", placement=lab.placement),
    }
    with pytest.raises(ValueError, match=r"use NextflowEngine or SnakemakeEngine on EfsFileSystem, or queues"):
        lab.context("Refused", engine, made[storage]())
    assert "s3:" not in TestTwoContexts.policies(lab.template, "InstanceRole")


def test_the_catalog_says_of_each_engine_what_its_construct_does(lab: Lab) -> None:
    for entry in ENGINES.values():
        if "EFS" in entry.storages:
            storage = lab.efs(entry.name, host_mounted="EFS" in entry.host_mounts)
            engine = lab.context(entry.name, entry.load(), storage, compute=BatchCompute).engine
            assert engine.takes_shared_queues is ("EFS" in entry.shared_queues_on), entry.name


def test_a_file_system_that_machines_mount_is_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="machines of shared queues mount nothing, and EfsFileSystem is mounted"):
        lab.context("Refused", NextflowEngine, lab.efs("Own", host_mounted=True))


@pytest.mark.parametrize("where", ["public", "one subnet"])
def test_jobs_run_where_the_queues_are(lab: Lab, where: str) -> None:
    one = Placement(lab.placement.vpc, lab.placement.subnets[:1])
    placement = lab.network.placement(public=True) if where == "public" else one
    with pytest.raises(ValueError, match="give the context the placement of its SharedQueues"):
        lab.context("Refused", NextflowEngine, placement=placement)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"io_mibps": 100}, "io_mibps bounds one file system"),
        ({"heads_on_fargate": False}, "head jobs of several contexts must not share a machine"),
    ],
)
def test_what_belongs_to_one_context_is_no_option_of_shared_queues(
    lab: Lab, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SharedQueues(lab.stack, "More", placement=lab.placement, compute=BatchCompute.with_options(**options))


def test_compute_of_another_type_is_refused_with_a_sentence(lab: Lab) -> None:
    with pytest.raises(TypeError, match=r"compute must be BatchCompute, or BatchCompute\.with_options"):
        SharedQueues(lab.stack, "More", placement=lab.placement, compute="spot")  # type: ignore[arg-type]


class TestWhoReachesAFileSystem:
    @staticmethod
    def findings(context: WorkflowContext) -> list[str]:
        return [finding for finding in context.node.validate() if "without a right to it" in finding]

    @staticmethod
    def existing(lab: Lab) -> WorkflowFileSystem:
        group = ec2.SecurityGroup.from_security_group_id(lab.stack, "Group", "sg-1")
        return EfsFileSystem.from_efs_attributes(
            lab.stack, "Existing", file_system_id="fs-1", access_point_id="fsap-1", security_group=group
        )

    def test_one_that_is_made_here_is_reached_with_a_right_alone(self, lab: Lab) -> None:
        storage = lab.efs("Own")
        reference = Reference(storage.directory("Genomes", "/genomes"), "/mnt/genomes")
        assert self.findings(lab.context("Fine", NextflowEngine, storage, references=[reference])) == []

    def test_one_that_exists_is_a_finding_of_synthesis(self, lab: Lab) -> None:
        [finding] = self.findings(lab.context("Wrong", NextflowEngine, self.existing(lab)))
        assert "give the context queues of its own" in finding

    def test_so_is_one_that_it_reads(self, lab: Lab) -> None:
        reference = Reference(self.existing(lab), "/mnt/genomes")
        assert len(self.findings(lab.context("Wrong", NextflowEngine, references=[reference]))) == 1

    def test_so_is_one_that_a_context_mounts_without_a_role(self, lab: Lab) -> None:
        storage = lab.efs("Own")
        view = storage.add_access_point("Second")
        wrong = lab.context("Wrong", NextflowEngine, view)
        assert self.findings(wrong) == []
        lab.context("Wdl", MiniwdlEngine, storage, compute=BatchCompute)
        assert len(self.findings(wrong)) == 1


def test_two_contexts_on_one_file_system_are_let_in_by_one_rule(lab: Lab) -> None:
    storage = lab.efs("Whole")
    for name, view in {"One": storage, "Two": storage.add_access_point("Second")}.items():
        lab.context(name, NextflowEngine, view)
    assert len(resources(lab.template, "AWS::EC2::SecurityGroupIngress")) == 1


def test_queues_may_be_in_another_stack_which_knows_nothing_of_its_contexts() -> None:
    app = cdk.App()
    shared, own = cdk.Stack(app, "Shared"), cdk.Stack(app, "Own")
    placement, bucket = Network(shared, "Network").placement(), WorkflowBucket(own, "Bucket")
    queues = SharedQueues(shared, "Queues", placement=placement)
    WorkflowContext(
        own,
        "Context",
        engine=NextflowEngine,
        placement=placement,
        storage=EfsFileSystem(own, "Storage", placement=placement),
        outputs=bucket.location("out"),
        compute=queues.for_context,
    )
    texts = {stack.stack_name: json.dumps(stack.template) for stack in app.synth().stacks}
    assert "Fn::ImportValue" in texts["Own"]
    assert "Fn::ImportValue" not in texts["Shared"]
