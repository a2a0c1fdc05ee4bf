"""Nextflow itself with its work directory on file systems that machines mount at boot."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from head_jobs import HeadJobs, requirement
from local_runs import MOUNTED_BY_MACHINES, deployed, needs_sandbox, project_on
from nextflow_runtime import as_program
from rights import assert_rights

from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle

PATHS = {"OFS": "/mnt/objectivefs", "FSxLustre": "/mnt/fsx", "S3Files": "/mnt/s3files"}
OVERHEAD_MIB = {"OFS": 2048, "FSxLustre": 0, "S3Files": 0}
"""What a task asks for beside its own memory; see ObjectiveFsFileSystem."""

PIPELINE = """
process PART {
    memory 4.GB
    input: val number
    output: path "part.txt"
    script: "echo $number >part.txt"
}
process GATHER {
    memory 1.GB
    input: path "part*.txt"
    output: stdout
    script: "cat part*.txt | sort | tr '\\\\n' +"
}
workflow { PART(Channel.of(1, 2, 3)).collect(sort: true) | GATHER | view { "gathered $it" } }
"""


class MountedHeadJobs(HeadJobs):
    """Head jobs of a context whose machines mount its file system.

    Attributes:
        path: Where jobs find it.
    """

    def __init__(self, cloud: LocalCloud, project: Path, stack: str, software: Sequence[Path]) -> None:
        self._attach(cloud, project, stack, software)
        [definition] = self.batch.describe_job_definitions(jobDefinitions=[self.outputs["HeadJobDefinition"]])[
            "jobDefinitions"
        ]
        [point] = definition["containerProperties"]["mountPoints"]
        self.path = point["containerPath"]
        self.files = self._directory(cloud)
        self.files.mkdir(parents=True, exist_ok=True)
        self.files.chmod(0o777)

    def _directory(self, cloud: LocalCloud) -> Path:
        """What stands for the file system on the local cloud: what the machines of tasks mount."""
        if self.path == PATHS["S3Files"]:
            return cloud.state_dir / "s3files" / self.outputs["FileSystemId"]
        [queue] = self.batch.describe_job_queues(jobQueues=[self.outputs["TaskQueue"]])["jobQueues"]
        name = queue["computeEnvironmentOrder"][0]["computeEnvironment"]
        [environment] = self.batch.describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
        template = environment["computeResources"]["launchTemplate"]["launchTemplateId"]
        return cloud.state_dir / "instances" / template / self.path.lstrip("/")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, MountedHeadJobs]]:
    needs_sandbox()
    folder = tmp_path_factory.mktemp("nextflow")
    software = as_program(folder / "software")
    project = folder / "agc-project.yaml"
    project.write_text(project_on(MOUNTED_BY_MACHINES, engine="nextflow", language="nextflow"))
    with deployed(LocalCloud(tmp_path_factory.mktemp("cloud")), project) as cloud:
        yield {kind: MountedHeadJobs(cloud, project, f"Mounts-{kind}", software) for kind in MOUNTED_BY_MACHINES}


@pytest.mark.parametrize("kind", MOUNTED_BY_MACHINES)
def test_tasks_share_the_work_directory_with_the_head_job(contexts: dict[str, MountedHeadJobs], kind: str) -> None:
    """And a run that is resumed finds there what is done."""
    heads = contexts[kind]
    heads.write("pipeline/main.nf", PIPELINE)
    pipeline = {"pipeline": f"{heads.path}/pipeline/main.nf"}
    since = time.time()
    first = heads.start(pipeline)
    status, log = heads.wait(first)
    assert status == "SUCCEEDED", log
    assert "gathered 1+2+3+" in log
    tasks = heads.tasks(since)
    assert [requirement(one, "MEMORY") for one in tasks] == [
        str(OVERHEAD_MIB[kind] + mib) for mib in (*[4096] * 3, 1024)
    ]
    assert {one["container"]["mountPoints"][0]["containerPath"] for one in tasks} == {PATHS[kind]}
    # Tasks may act as other users than the head job: those of their images.
    folders = list(heads.files.glob("nextflow/runs/*/work/*/*"))
    assert len(folders) == 4
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o777}
    since = time.time()
    status, log = heads.run({**pipeline, "session": first})
    assert status == "SUCCEEDED", log
    assert log.count("Cached process > ") == 4
    assert heads.tasks(since) == []


def test_roles_did_with_their_rights_what_the_table_says(contexts: dict[str, MountedHeadJobs]) -> None:
    heads = next(iter(contexts.values()))
    assert_rights(heads.cloud, heads.project)
