"""What a context's file system holds, as a job that can only read shows it, and the references that lie beside it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dispatcher_lab import Lab, deployed_lab
from typer.testing import CliRunner

from workflow_stacks.cli import app

pytestmark = pytest.mark.cycle

PROJECT = """
name: Dispatch
schemaVersion: 1
contexts:
  nextflow:
    browse: true
    references: [{path: /mnt/references, directory: /references}]
    engines: [{type: nextflow, engine: nextflow, filesystem: {fsType: EFS, configuration: {throughputMode: elastic}}}]
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with deployed_lab(tmp_path_factory.mktemp("dispatch"), PROJECT, "Dispatch-nextflow") as lab:
        yield lab


class TestBrowse:
    """What a context's file system holds, by a job that can only read."""

    @pytest.fixture
    def look(self, lab: Lab) -> Callable[..., tuple[int, list[str]]]:
        def run(*words: str) -> tuple[int, list[str]]:
            arguments = ["browse", "nextflow", *words, "--local", "--project", str(lab.project_file)]
            outcome = CliRunner().invoke(app, arguments)
            assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
            return outcome.exit_code, (outcome.stdout or outcome.stderr).splitlines()

        return run

    def test_directories_are_listed_and_files_printed(
        self, lab: Lab, look: Callable[..., tuple[int, list[str]]]
    ) -> None:
        folder = lab.directory("x").parents[1] / "workflow/notes"
        folder.mkdir(parents=True)
        content = "".join(f"line {number}\n\n" for number in range(200))
        (folder / "log.txt").write_text(content)
        code, lines = look("notes")
        assert code == 0
        assert [line.split()[0] + line.split()[-1] for line in lines] == ["1,890log.txt"]
        assert look("/mnt/efs/notes/log.txt", "--show") == (0, content.splitlines())
        assert look("notes/log.txt", "--tail", "3") == (0, ["", "line 199", ""])
        assert any(line.endswith(" notes/") for line in look()[1])

    def test_what_is_not_there_or_lies_outside_is_told(self, look: Callable[..., tuple[int, list[str]]]) -> None:
        assert look("nothing") == (1, ["nothing: No such file or directory"])
        assert look("/etc/passwd", "--show") == (1, ["/etc/passwd is not below /mnt/efs"])

    def test_the_job_cannot_write(self, lab: Lab) -> None:
        (lab.directory("x").parents[1] / "workflow").mkdir(exist_ok=True)
        write = ["python3", "-c", "open('/mnt/efs/written', 'w')"]
        job = lab.submit(lab.outputs["BrowseJobDefinition"], containerOverrides={"command": write})
        assert job["status"] == "FAILED"
        assert "Read-only file system" in lab.log(job)

    def test_what_lies_in_s3_is_read_from_the_bucket(
        self, lab: Lab, look: Callable[..., tuple[int, list[str]]]
    ) -> None:
        bucket, _, prefix = lab.outputs["Outputs"].removeprefix("s3://").partition("/")
        s3 = lab.cloud.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{prefix}/seen/a.txt", Body=b"one\ntwo\n")
        s3.put_object(Bucket=bucket, Key=f"{prefix}/seen/deep/b.txt", Body=b"x")
        folder = f"s3://{bucket}/{prefix}/seen"
        assert [line.split()[-1] for line in look(folder)[1]] == ["deep/", "a.txt"]
        assert look(f"{folder}/a.txt", "--show") == (0, ["one", "two"])
        assert look(f"{folder}/a.txt", "--tail", "1") == (0, ["two"])
        assert look(f"{folder}/none", "--show")[0] == 1


class TestReference:
    """A directory beside the work volume, with an access point of its own."""

    @pytest.fixture
    def genome(self, lab: Lab) -> Path:
        file = lab.directory("x").parents[1] / "references/genome.fa"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(">chr1\nACGT\n")
        return file

    @staticmethod
    def run(lab: Lab, definition: str, command: str) -> dict[str, Any]:
        overrides = {"command": ["sh", "-c", command]}
        return lab.submit(definition, queue=lab.outputs["TaskQueue"], containerOverrides=overrides)

    def test_tasks_and_head_jobs_read_it_and_cannot_write_it(self, lab: Lab, genome: Path) -> None:
        assert genome.exists()
        command = "cat /mnt/references/genome.fa && ! echo x >/mnt/references/new"
        job = self.run(lab, lab.outputs["TaskJobDefinition"], command)
        assert job["status"] == "SUCCEEDED", lab.log(job)
        assert "ACGT" in lab.log(job)
        assert not (genome.parent / "new").exists()
        [head] = lab.batch.describe_job_definitions(jobDefinitions=[lab.outputs["HeadJobDefinition"]])["jobDefinitions"]
        points = {one["containerPath"]: bool(one.get("readOnly")) for one in head["containerProperties"]["mountPoints"]}
        assert points == {"/mnt/efs": False, "/mnt/references": True}

    def test_a_task_cannot_write_it_by_another_job_definition_either(self, lab: Lab, genome: Path) -> None:
        [task] = lab.batch.describe_job_definitions(jobDefinitions=[lab.outputs["TaskJobDefinition"]])["jobDefinitions"]
        container = json.loads(json.dumps(task["containerProperties"]))
        for point in container["mountPoints"]:
            point["readOnly"] = False
        writable = lab.batch.register_job_definition(
            jobDefinitionName="writable", type="container", containerProperties=container
        )["jobDefinitionArn"]
        job = self.run(lab, writable, "echo x >/mnt/references/new")
        assert job["status"] == "FAILED"
        assert "Read-only file system" in lab.log(job)
        assert not (genome.parent / "new").exists()
