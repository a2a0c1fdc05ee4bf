"""`workflow-context local run` of Snakemake: on the file system and on S3, by the head job definition as it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_runs import MOUNTED_BY_MACHINES, deployed, needs_sandbox, project_on
from rights import assert_rights

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.options import Options
from workflow_stacks.local.runs.workflow_run import Result, WorkflowRun

FILE_SYSTEMS = ("EFS", "S3", *MOUNTED_BY_MACHINES)
# The layout that Snakemake recommends, with all that must come along.
FILES = {
    "workflow/Snakefile": """\
configfile: "config/config.yaml"
include: "rules/greet.smk"
rule all:
    input: "greeting.txt"
""",
    "workflow/rules/greet.smk": """\
rule greet:
    output: "greeting.txt"
    shell: "echo {config[word]} {config[name]} > {output}"
""",
    "config/config.yaml": "word: hello\nname: nobody\n",
}


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    needs_sandbox()
    file = tmp_path_factory.mktemp("project") / "agc-project.yaml"
    file.write_text(project_on(FILE_SYSTEMS, engine="snakemake", language="snakemake"))
    with deployed(LocalCloud.of_project(file), file):
        yield file


@pytest.fixture
def snakefile(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "workflow" / "Snakefile"


@pytest.fixture
def run(project_file: Path) -> Callable[..., Result]:
    def run(context: str, snakefile: Path, *inputs: str, **options: float) -> Result:
        running = WorkflowRun(LocalCloud.of_project(project_file), project_file, context, Options(**options))
        return running.run(snakefile, inputs, lambda _jobs, _folder: None)

    return run


@pytest.mark.cycle
def test_on_the_file_system_its_outputs_are_what_it_wrote_and_none_of_our_marks(
    run: Callable[..., Result], snakefile: Path
) -> None:
    result = run("EFS", snakefile, "name=zoe and max")
    assert result.succeeded, result.why
    assert result.tasks == {"SUCCEEDED": 1}
    assert {name: Path(file).read_text() for name, file in result.outputs.items()} == {
        "greeting.txt": "hello zoe and max\n"
    }


@pytest.mark.cycle
@pytest.mark.parametrize("kind", ["S3Files", "OFS", "FSxLustre"])
def test_so_it_does_on_file_systems_that_machines_mount(run: Callable[..., Result], snakefile: Path, kind: str) -> None:
    result = run(kind, snakefile)
    assert result.succeeded, result.why
    assert result.tasks == {"SUCCEEDED": 1}
    assert Path(result.outputs["greeting.txt"]).read_text() == "hello nobody\n"


@pytest.mark.cycle
def test_a_task_that_fails_is_told_of(run: Callable[..., Result], snakefile: Path) -> None:
    (snakefile.parent / "rules/greet.smk").write_text(
        'rule greet:\n    output: "greeting.txt"\n    shell: "echo no such sample >&2; exit 7"\n'
    )
    result = run("EFS", snakefile)
    assert not result.succeeded
    assert "The task greet-" in result.why[0]
    assert "no such sample" in "\n".join(result.why)


@pytest.mark.cycle
def test_on_s3_the_head_job_fetches_the_whole_workflow(
    run: Callable[..., Result], snakefile: Path, project_file: Path
) -> None:
    result = run("S3", snakefile, "name=zoe and max")
    assert result.succeeded, result.why
    assert result.tasks == {"SUCCEEDED": 1}
    bucket, _, key = result.outputs["greeting.txt"].removeprefix("s3://").partition("/")
    body = LocalCloud.of_project(project_file).client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    assert body.read() == b"hello zoe and max\n"


@pytest.mark.cycle
def test_roles_did_with_their_rights_what_the_table_says(project_file: Path) -> None:
    assert_rights(LocalCloud.of_project(project_file), project_file)
