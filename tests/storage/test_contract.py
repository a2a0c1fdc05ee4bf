"""What every file system and every engine say of themselves, and that they say the same in all places."""

import re

import aws_cdk as cdk
import pytest

from workflow_context import (
    BatchCompute,
    ContextParts,
    EfsFileSystem,
    MiniwdlEngine,
    Network,
    S3FilesFileSystem,
    S3FileSystem,
    WorkflowBucket,
)
from workflow_context.catalog import ENGINES, STORAGES
from workflow_context.storage.base import WorkflowFileSystem
from workflow_stacks.project.file_systems.registry import FILESYSTEMS


class Unfinished(WorkflowFileSystem):
    """A kind that has not said how it is reached."""

    mount_path = None
    serves_fargate = False
    ready = ()

    def grant_read_write(self, grantee) -> None:
        pass

    def volumes(self, *, on_fargate: bool):  # noqa: ARG002
        return []

    def outputs(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture(scope="module")
def network(stack: cdk.Stack) -> Network:
    return Network(stack, "Network")


def test_each_kind_of_the_catalog_has_a_model_and_the_other_way_round() -> None:
    assert set(STORAGES) == set(FILESYSTEMS)


def test_each_kind_of_the_catalog_has_its_construct() -> None:
    for entry in STORAGES.values():
        assert issubclass(entry.load(), WorkflowFileSystem), entry.name


def test_the_catalog_says_of_fargate_what_the_construct_says() -> None:
    for entry in STORAGES.values():
        construct = entry.load()
        assert construct.serves_fargate is entry.serves_fargate, entry.name


def test_engines_name_file_systems_of_the_catalog_only() -> None:
    for engine in ENGINES.values():
        assert {engine.default_storage, *engine.storages, *engine.host_mounts, *engine.heads_on_ec2} <= set(STORAGES)
        assert {engine.default_storage, *engine.host_mounts, *engine.heads_on_ec2} <= set(engine.storages)


def test_heads_run_on_fargate_where_file_system_and_client_allow_it() -> None:
    on_fargate = {name: ENGINES["miniwdl"].heads_on_fargate(name) for name in ENGINES["miniwdl"].storages}
    assert on_fargate == {"EFS": True, "S3Files": False, "OFS": False, "FSxLustre": False}
    assert ENGINES["snakemake"].heads_on_fargate("S3Files")


def test_a_kind_must_say_where_engines_work(stack: cdk.Stack) -> None:
    with pytest.raises(NotImplementedError, match="neither a mount path nor a work directory"):
        assert Unfinished(stack, "Unfinished").work_directory


class TestMiniwdl:
    def engine(self, scope: cdk.Stack, network: Network, storage: WorkflowFileSystem, **options) -> MiniwdlEngine:
        placement = network.placement()
        compute = BatchCompute(scope, "Compute", placement=placement, storage=storage, **options)
        outputs = WorkflowBucket(scope, "Outputs").location("out")
        parts = ContextParts(placement=placement, compute=compute, storage=storage, outputs=outputs)
        return MiniwdlEngine(scope, "Engine", parts)

    def test_fails_where_nothing_is_mounted(self, stack: cdk.Stack, network: Network) -> None:
        scope = cdk.Stack(stack, "OnS3")
        storage = S3FileSystem(scope, "Storage", location=WorkflowBucket(scope, "Bucket").location("work"))
        with pytest.raises(ValueError, match="only by a directory that instances mount"):
            self.engine(scope, network, storage)

    def test_fails_when_its_client_could_not_reach_the_heads(self, stack: cdk.Stack, network: Network) -> None:
        scope = cdk.Stack(stack, "OnS3Files")
        storage = S3FilesFileSystem(
            scope,
            "Storage",
            placement=network.placement(),
            location=WorkflowBucket(scope, "Bucket").location("work"),
        )
        with pytest.raises(ValueError, match="heads_on_fargate=False"):
            self.engine(scope, network, storage)

    def test_on_efs_it_stays_as_it_was(self, stack: cdk.Stack, network: Network) -> None:
        scope = cdk.Stack(stack, "OnEfs")
        storage = EfsFileSystem(scope, "Storage", placement=network.placement())
        shown = self.engine(scope, network, storage).client_configuration
        assert "--no-efs" not in shown
        assert re.search(r"--follow --no-public-ip$", shown)
