"""Snakemake itself on the local cloud, its working directory on the context's EFS, its tasks jobs of AWS Batch."""

import re
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from head_jobs import HeadJobs, requirement

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.sandboxes import CannotRunError, find_sandbox

pytestmark = pytest.mark.cycle

SCATTER = """
rule all:
    input: "gathered.txt"
rule part:
    output: "part{n}.txt"
    threads: 2
    resources: mem_mb=3000, runtime=90
    shell: "echo {wildcards.n} >{output}"
rule gather:
    input: expand("part{n}.txt", n=[1, 2, 3])
    output: "gathered.txt"
    shell: "cat {input} | tr '\\\\n' + >{output}"
"""


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadJobs]:
    try:
        find_sandbox()
    except CannotRunError as error:
        pytest.skip(str(error))
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield HeadJobs(cloud, "snakemake", tmp_path_factory.mktemp("snakemake"), [])


class Workflow:
    """A Snakefile in a directory of its own on the file system."""

    def __init__(self, heads: HeadJobs, name: str, text: str) -> None:
        self.files = heads.files / name
        self.directory = f"/mnt/efs/{name}"
        self._heads = heads
        heads.write(f"{name}/Snakefile", text)

    def start(self, tags: Mapping[str, str] | None = None, options: str = "", **more: str) -> str:
        quick = f"--seconds-between-status-checks 1 --latency-wait 5 {options}"
        return self._heads.start({"directory": self.directory, "options": quick, **more}, tags)

    def run(self, tags: Mapping[str, str] | None = None, **more: str) -> tuple[str, str]:
        return self._heads.wait(self.start(tags, **more))


@pytest.fixture
def workflow(heads: HeadJobs, request: pytest.FixtureRequest) -> Callable[[str], Workflow]:
    """Put a workflow on the file system."""
    return lambda text: Workflow(heads, re.sub(r"\W", "_", request.node.name), text)


def test_a_scatter_and_a_gather(heads: HeadJobs, workflow: Callable[[str], Workflow]) -> None:
    since = time.time()
    mine = workflow(SCATTER)
    status, log = mine.run()
    print(log)
    assert status == "SUCCEEDED", log
    assert (mine.files / "gathered.txt").read_text() == "1+2+3+"
    *parts, gather = heads.tasks(since)
    assert [requirement(one, "VCPU") for one in parts] == ["2"] * 3
    assert [requirement(one, "MEMORY") for one in parts] == ["2862"] * 3
    assert {one["timeout"]["attemptDurationSeconds"] for one in parts} == {90 * 60}
    assert requirement(gather, "VCPU") == "1"
    assert gather["container"]["image"] == "docker.io/snakemake/snakemake:v9.27.1"
