"""What every file system and every engine say of themselves, and that they say the same in all places."""

import re

import aws_cdk as cdk
import pytest

from workflow_context import (
    BatchCompute,
    ContextParts,
    EfsFileSystem,
    FsxLustreFileSystem,
    MiniwdlEngine,
    Network,
    ObjectiveFsFileSystem,
    S3FilesFileSystem,
    S3FileSystem,
    WorkflowBucket,
)
from workflow_context.catalog import ENGINES
from workflow_context.models.file_systems import CHOICES
from workflow_context.storage.base import WorkflowFileSystem
from workflow_stacks.build import FileSystemBuilder
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS, cost_models


class Unfinished(WorkflowFileSystem):
    """A kind that has not said how it is reached."""

    mount_path = None
    serves_fargate = False
    ready = ()

    def grant_read(self, grantee) -> None:
        pass

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


CONSTRUCTS = {
    "EFS": EfsFileSystem,
    "S3": S3FileSystem,
    "S3Files": S3FilesFileSystem,
    "OFS": ObjectiveFsFileSystem,
    "FSxLustre": FsxLustreFileSystem,
}


def test_each_kind_has_a_builder() -> None:
    for kind in FILE_SYSTEMS.values():
        settings = kind.settings.model_construct(fs_type=kind.name)
        assert isinstance(kind.builder_for(settings), FileSystemBuilder), kind.name


def test_the_cost_models_of_the_kinds_are_those_of_the_models_package() -> None:
    assert set(cost_models()) == set(CHOICES)
    assert {model.fs_type for model in cost_models()} == set(FILE_SYSTEMS)


def test_a_kind_says_of_fargate_and_of_its_path_what_its_construct_says() -> None:
    assert CONSTRUCTS.keys() == FILE_SYSTEMS.keys()
    for name, construct in CONSTRUCTS.items():
        assert construct.serves_fargate is FILE_SYSTEMS[name].serves_fargate, name
        assert (construct.mount_path or "") == FILE_SYSTEMS[name].mount_path, name


def test_engines_name_file_systems_of_the_catalog_only() -> None:
    for engine in ENGINES.values():
        assert set(engine.storages) <= set(FILE_SYSTEMS)
        assert {engine.default_storage, *engine.host_mounts, *engine.heads_on_ec2} <= set(engine.storages)


def test_heads_run_on_fargate_where_file_system_and_client_allow_it() -> None:
    miniwdl = ENGINES["miniwdl"]
    on_fargate = {name: FILE_SYSTEMS[name].heads_on_fargate(miniwdl) for name in miniwdl.storages}
    assert on_fargate == {"EFS": True, "S3Files": False, "OFS": False, "FSxLustre": False}
    assert FILE_SYSTEMS["S3Files"].heads_on_fargate(ENGINES["snakemake"])


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
