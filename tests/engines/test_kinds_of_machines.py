"""Which engines choose among several kinds of machines, and that the catalog says the same as the constructs."""

import aws_cdk as cdk
import pytest

from workflow_context import (
    BatchCompute,
    CromwellEngine,
    EfsFileSystem,
    EngineFactory,
    MiniwdlEngine,
    Network,
    NextflowEngine,
    S3FileSystem,
    SnakemakeEngine,
    TaskMachines,
    ToilEngine,
    WorkflowBucket,
    WorkflowContext,
)
from workflow_context.catalog import ENGINES
from workflow_context.task_machines import MAX_KINDS
from workflow_stacks.project import machines

FACTORIES: dict[str, EngineFactory] = {
    "miniwdl": MiniwdlEngine,
    "snakemake": SnakemakeEngine,
    "nextflow": NextflowEngine,
    "cromwell": CromwellEngine,
    "toil": ToilEngine,
}
COMPUTE = BatchCompute.with_options(machines={"large": TaskMachines(memory_from=cdk.Size.gibibytes(64))})


@pytest.fixture(scope="module")
def place() -> tuple[cdk.Stack, Network, WorkflowBucket]:
    stack = cdk.Stack(cdk.App(), "Stack")
    return stack, Network(stack, "Network"), WorkflowBucket(stack, "Bucket")


PAIRS = [
    (engine, kind)
    for engine, entry in ENGINES.items()
    if engine in FACTORIES
    for kind in ("EFS", "S3")
    if kind in entry.storages
]
ABLE = [(engine, kind) for engine, kind in PAIRS if kind in ENGINES[engine].chooses_machines_on]
UNABLE = [pair for pair in PAIRS if pair not in ABLE and pair != ("cromwell", "EFS")]


@pytest.mark.parametrize(("engine", "kind"), ABLE)
def test_an_engine_that_the_catalog_says_so_of_takes_several_kinds(
    place: tuple[cdk.Stack, Network, WorkflowBucket], engine: str, kind: str
) -> None:
    assert "TaskQueueLarge" in new_context(place, engine, kind).outputs()


@pytest.mark.parametrize(("engine", "kind"), UNABLE)
def test_the_others_refuse_them(place: tuple[cdk.Stack, Network, WorkflowBucket], engine: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"machines are given, but .* sends all tasks to one queue; leave them out"):
        new_context(place, engine, kind)


def test_the_project_file_allows_as_many_as_the_construct() -> None:
    assert machines.MAX_KINDS == MAX_KINDS


def new_context(place: tuple[cdk.Stack, Network, WorkflowBucket], engine: str, kind: str) -> WorkflowContext:
    stack, network, bucket = place
    name = f"{engine}{kind}"
    placement = network.placement()
    storage = (
        EfsFileSystem(stack, f"{name}Storage", placement=placement)
        if kind == "EFS"
        else S3FileSystem(stack, f"{name}Storage", location=bucket.location(name, "work"))
    )
    return WorkflowContext(
        stack,
        name,
        engine=FACTORIES[engine],
        compute=COMPUTE,
        placement=placement,
        storage=storage,
        outputs=bucket.location(name, "out"),
    )
