"""IoAdmission: AWS Batch starts no more tasks than the file system feeds."""

import datetime as dt
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_efs as efs, aws_s3 as s3
from templates import Template, resources

from workflow_context import (
    BatchCompute,
    CromwellEngine,
    EfsFileSystem,
    MiniwdlEngine,
    Network,
    NextflowEngine,
    S3FileSystem,
    S3Location,
    SnakemakeEngine,
    WorkflowContext,
)
from workflow_context.catalog import ENGINES
from workflow_context.io_admission import IoAdmission
from workflow_context.scripts import follow_burst_credits

MIB, GIB = 1024**2, 1024**3


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture(scope="module")
def network(stack: cdk.Stack) -> Network:
    return Network(stack, "Network")


@pytest.fixture(scope="module")
def bucket(stack: cdk.Stack) -> s3.Bucket:
    return s3.Bucket(stack, "Bucket")


@pytest.fixture(scope="module")
def template(stack: cdk.Stack, network: Network, bucket: s3.Bucket) -> Template:
    """`Bursting` is bounded on a file system with burst credits, `Elastic` on one without, `Free` is not bounded."""
    for name, engine, mode, mibps in (
        ("Bursting", SnakemakeEngine, efs.ThroughputMode.BURSTING, 50),
        ("Elastic", MiniwdlEngine, efs.ThroughputMode.ELASTIC, 50),
        ("Free", NextflowEngine, efs.ThroughputMode.BURSTING, None),
    ):
        storage = EfsFileSystem(stack, f"{name}Storage", placement=network.placement(), throughput_mode=mode)
        WorkflowContext(
            stack,
            name,
            engine=engine,
            placement=network.placement(),
            storage=storage,
            outputs=bucket,
            compute=BatchCompute.with_options(io_mibps=mibps),
        )
    found: Template = cdk.assertions.Template.from_stack(stack).to_json()
    return found


def head_environment(template: Template, name: str) -> dict[str, Any]:
    [definition] = [
        one
        for key, one in resources(template, "AWS::Batch::JobDefinition").items()
        if key.startswith(f"{name}EngineHead")
    ]
    listed = definition["Properties"]["ContainerProperties"]["Environment"]
    return {one["Name"]: one["Value"] for one in listed}


class TestBound:
    def test_there_is_one_resource_for_each_context_that_is_bounded(self, template: Template) -> None:
        found = resources(template, "AWS::Batch::ConsumableResource")
        assert {key[:8] for key in found} == {"Bursting", "ElasticC"}
        for one in found.values():
            assert one["Properties"] == {"ResourceType": "REPLENISHABLE", "TotalQuantity": 50_000}

    @pytest.mark.parametrize("name", ["Bursting", "Elastic"])
    def test_head_jobs_are_told_of_it(self, template: Template, name: str) -> None:
        environment = head_environment(template, name)
        assert environment["WORKFLOW_IO_UNITS"] == "50000"
        assert environment["WORKFLOW_IO_UNITS_PER_VCPU"] == "340"
        assert environment["WORKFLOW_IO_RESOURCE"]["Ref"].startswith(f"{name}ComputeIo")

    def test_head_jobs_of_others_are_not(self, template: Template) -> None:
        assert not [name for name in head_environment(template, "Free") if "WORKFLOW_IO" in name]

    def test_head_jobs_may_submit_with_their_own_only(self, template: Template) -> None:
        own = {key for key in resources(template, "AWS::Batch::ConsumableResource") if key.startswith("Bursting")}
        [statement] = [
            one
            for key, policy in resources(template, "AWS::IAM::Policy").items()
            if key.startswith("BurstingEngineHeadRole")
            for one in policy["Properties"]["PolicyDocument"]["Statement"]
            if one.get("Sid") == "SubmitTasks"
        ]
        assert own == {one["Ref"] for one in statement["Resource"] if "Ref" in one and "Io" in one["Ref"]}

    @pytest.mark.parametrize(("mibps", "message"), [(0, "greater than 0"), (0.2, "all together may move 0.2 only")])
    def test_a_bound_below_the_share_of_a_task_is_refused(self, stack: cdk.Stack, mibps: float, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            IoAdmission(stack, f"Refused{mibps}", mibps=mibps)

    def test_an_engine_whose_tasks_take_no_share_is_refused(
        self, stack: cdk.Stack, network: Network, bucket: s3.Bucket
    ) -> None:
        with pytest.raises(ValueError, match="the tasks of CromwellEngine on S3FileSystem cannot take shares"):
            WorkflowContext(
                stack,
                "Unbound",
                engine=CromwellEngine,
                placement=network.placement(),
                storage=S3FileSystem(stack, "UnboundStorage", location=S3Location(bucket, "work")),
                outputs=bucket,
                compute=BatchCompute.with_options(io_mibps=50),
            )


class TestBurstCredits:
    def test_only_a_bursting_file_system_is_followed(self, template: Template) -> None:
        functions = resources(template, "AWS::Lambda::Function")
        assert [key[:8] for key in functions] == ["Bursting"]
        assert len(resources(template, "AWS::Scheduler::Schedule")) == 1

    def test_what_follows_it_may_change_this_resource_and_read_metrics(self, template: Template) -> None:
        [policy] = [
            one
            for key, one in resources(template, "AWS::IAM::Policy").items()
            if key.startswith("BurstingComputeIoRole")
        ]
        actions = {
            action
            for one in policy["Properties"]["PolicyDocument"]["Statement"]
            for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        }
        assert actions == {
            "batch:UpdateConsumableResource",
            "cloudwatch:GetMetricStatistics",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        }

    @pytest.mark.parametrize(
        ("saved", "stored", "units"),
        [
            (None, None, 50_000),  # a new file system, of which nothing is known yet
            (2.1 * 1024 * GIB, 0, 50_000),  # full credits: never more than was asked for
            (36 * GIB, 0, 11_240),  # an hour of 10.24 MiB/s beside the least baseline of 1 MiB/s
            (0, 0, 1000),
            (0, 1024 * GIB, 50_000),  # 1 TiB has a baseline of 50 MiB/s
            (0, 512 * GIB, 25_000),
        ],
    )
    def test_tasks_may_move_the_baseline_and_the_credits_of_an_hour(
        self, saved: float | None, stored: float | None, units: int
    ) -> None:
        assert follow_burst_credits.units(50_000, saved, stored) == units

    def test_the_quantity_is_set_from_the_latest_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = dt.datetime.now(dt.UTC)
        old = {"Timestamp": now - dt.timedelta(minutes=30), "Minimum": 9e15, "Average": 9e15}
        new = {"Timestamp": now, "Minimum": 36.0 * GIB, "Average": 0.0}
        made: list[dict[str, Any]] = []

        class Client:
            def get_metric_statistics(self, **_: Any) -> dict[str, Any]:
                return {"Datapoints": [new, old]}

            def update_consumable_resource(self, **request: Any) -> None:
                made.append(request)

        monkeypatch.setattr(follow_burst_credits.boto3, "client", lambda _: Client())
        for name, value in {"RESOURCE": "arn", "MOST": "50000", "FILE_SYSTEM": "fs-1"}.items():
            monkeypatch.setenv(name, value)
        assert follow_burst_credits.handler({}, None) == 11_240
        assert made == [{"consumableResource": "arn", "operation": "SET", "quantity": 11_240}]


def test_the_catalog_says_the_same_of_engines(template: Template) -> None:
    del template  # the classes are loaded
    able = {name for name, entry in ENGINES.items() if "takes_io_shares" in _defined_by(entry.load())}
    assert able == {name for name, entry in ENGINES.items() if entry.io_shares_on}


def _defined_by(construct: type) -> set[str]:
    from workflow_context.engines.base import WorkflowEngine

    own = construct.__mro__[: construct.__mro__.index(WorkflowEngine)]
    return {name for one in own for name in vars(one)}
