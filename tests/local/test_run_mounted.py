"""`workflow-context local run` with miniwdl on the file systems that machines mount at boot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import MOUNTED_BY_MACHINES, deployed, needs_sandbox, project_on
from rights import assert_rights
from typer.testing import CliRunner

from workflow_stacks.cli import app as command_line
from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle

STEPS = """\
version 1.0
workflow steps {
  input { File data }
  call count { input: data = data }
  call use { input: counted = count.counted }
  output { String said = use.said }
}
task count {
  input { File data }
  command <<< wc -l <~{data} >counted.txt >>>
  output { File counted = "counted.txt" }
}
task use {
  input { File counted }
  command <<< echo "$(cat ~{counted}) lines" >>>
  output { String said = read_string(stdout()) }
}
"""


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    needs_sandbox()
    file = tmp_path_factory.mktemp("project") / "agc-project.yaml"
    file.write_text(project_on(MOUNTED_BY_MACHINES, engine="miniwdl", language="wdl"))
    (file.parent / "steps.wdl").write_text(STEPS)
    (file.parent / "data.txt").write_text("a\nb\nc\n")
    with deployed(LocalCloud.of_project(file), file):
        yield file


@pytest.mark.parametrize("kind", MOUNTED_BY_MACHINES)
def test_tasks_find_each_others_files_there(project_file: Path, kind: str) -> None:
    folder = project_file.parent
    arguments = [str(folder / "steps.wdl"), f"data={folder / 'data.txt'}", "--project", str(project_file)]
    result = CliRunner().invoke(command_line, ["local", "run", kind, *arguments])
    assert result.exit_code == 0, result.stderr
    assert "3 lines" in result.stdout


@pytest.mark.cycle
def test_roles_did_with_their_rights_what_the_table_says(project_file: Path) -> None:
    assert_rights(LocalCloud.of_project(project_file), project_file)
