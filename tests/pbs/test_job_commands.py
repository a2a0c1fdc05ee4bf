"""The command of a job runs its script as PBS would: where, with what, and nothing but it."""

import os
import shlex
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from captured import QUEUE, SETTINGS
from hypothesis import given, settings as settings_of_hypothesis, strategies as st

from workflow_context.pbs.commands import array_command, command_of, keep_from_beginning, write_tasks
from workflow_context.pbs.jobs import Task
from workflow_context.pbs.qsub import task_of
from workflow_context.pbs.script import PbsError, read_request

TRICKS = [
    "$(touch made)",
    "`touch made`",
    ";touch made;",
    "&&touch made",
    "|touch made",
    ">made",
    "'",
    '"',
    "\\",
    "$",
    "x",
]


@settings_of_hypothesis(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("NoedvlW"), st.lists(st.sampled_from(TRICKS)).map("".join)), max_size=5))
def test_no_value_is_run_by_the_shell_of_a_job(options: list[tuple[str, str]]) -> None:
    header = "".join(f"#PBS -{letter} {shlex.quote(value)}\n" for letter, value in options)
    with TemporaryDirectory() as name, suppress(PbsError):
        run(Path(name), header, "true")
        assert not list(Path(name).rglob("made"))


def run(folder: Path, header: str, body: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command of a job, as AWS Batch does."""
    (folder / "s.sh").write_text(f"{header}\n{body}\n")
    task = task_of(read_request(["s.sh"], header, folder, {}), SETTINGS)
    environment = {"PATH": "/usr/bin:/bin", "AWS_BATCH_JOB_ID": "id", **task.environment, **variables}
    return subprocess.run(command_of(task), capture_output=True, text=True, env=environment, check=False)


class TestCommand:
    def test_output_and_errors_go_where_the_header_says(self, tmp_path: Path) -> None:
        said = run(tmp_path, "#PBS -o out -j oe", "echo a; echo b >&2; exit 3")
        assert (tmp_path / "out").read_text() == "a\nb\n"
        assert (said.stdout, said.returncode) == ("", 3)

    def test_errors_may_go_elsewhere(self, tmp_path: Path) -> None:
        run(tmp_path, "#PBS -o out -e err", "echo a; echo b >&2")
        assert (tmp_path / "err").read_text() == "b\n"

    def test_names_that_mean_something_to_a_shell_mean_nothing(self, tmp_path: Path) -> None:
        run(tmp_path, "#PBS -o '$(touch made);`touch made`&.log' -v 'A=$(touch made)'", 'echo "$A"')
        assert (tmp_path / "$(touch made);`touch made`&.log").read_text() == "$(touch made)\n"
        assert not (tmp_path / "made").exists()

    def test_the_index_of_an_array_is_told_by_its_name_in_pbs(self, tmp_path: Path) -> None:
        assert run(tmp_path, "", "echo $PBS_ARRAYID", AWS_BATCH_JOB_ARRAY_INDEX="2").stdout == "2\n"

    @pytest.mark.parametrize(("script", "noted"), [(".command.run", False), ("job.sh", True)])
    def test_a_job_that_is_told_to_end_ends_and_only_nextflow_notes_no_exit_code(
        self, tmp_path: Path, script: str, noted: bool
    ) -> None:
        """Its machine may have gone: then it is moved, and Nextflow shall not notice."""
        text = "trap 'echo 143 >.exitcode; kill $!; exit 143' TERM\ntouch begun\nsleep 60 & wait\n"
        (tmp_path / script).write_text(text)
        command = command_of(task_of(read_request([script], text, tmp_path, {}), SETTINGS))
        with subprocess.Popen(command, env={"PATH": "/usr/bin:/bin", "AWS_BATCH_JOB_ID": "id"}) as process:
            while not (tmp_path / "begun").exists():
                time.sleep(0.02)
            process.terminate()
            code = process.wait(50)
        assert code == (143 if noted else 137)
        assert (tmp_path / ".exitcode").exists() == noted

    def test_nextflow_and_others_end_with_the_code_of_their_script(self, tmp_path: Path) -> None:
        for script in (".command.run", "job.sh"):
            (tmp_path / script).write_text("exit 3\n")
            found = command_of(task_of(read_request([script], "", tmp_path, {}), SETTINGS))
            environment = {"PATH": "/usr/bin:/bin", "AWS_BATCH_JOB_ID": "id"}
            assert subprocess.run(found, env=environment, check=False).returncode == 3


ANY_NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


class TestArrayOfTasks:
    """Tasks that go as one array job: each finds its own work by its index."""

    @settings_of_hypothesis(max_examples=20, deadline=None)
    @given(st.lists(ANY_NAME, min_size=2, max_size=120, unique=True), st.data())
    def test_each_runs_its_script_in_its_directory_whatever_its_name(
        self, names: list[str], data: st.DataObject
    ) -> None:
        index = data.draw(st.integers(0, len(names) - 1))
        with TemporaryDirectory() as name:
            folder = Path(name)
            tasks = [Task("n", QUEUE, "", [str(folder / "work" / one), f"{folder}/s.sh", "", ""]) for one in names]
            (folder / "work" / names[index]).mkdir(parents=True)
            (folder / "s.sh").write_text("pwd >here; env >environment; exit 7")
            write_tasks(folder / "tasks", tasks)
            environment = {"PATH": "/usr/bin:/bin", "AWS_BATCH_JOB_ID": "id:1", "AWS_BATCH_JOB_ARRAY_INDEX": str(index)}
            done = subprocess.run(array_command(folder / "tasks"), env=environment, check=False)
            assert done.returncode == 7
            work = folder / "work" / names[index]
            assert (work / "here").read_bytes() == os.fsencode(f"{work}\n")
            found = (work / "environment").read_text().splitlines()
            assert "PBS_ARRAYID=" in found
            assert not [line for line in found if line.startswith("AWS_BATCH_JOB_ARRAY_INDEX")]

    def test_one_that_moved_to_the_fallback_queue_finds_it_by_a_variable(self, tmp_path: Path) -> None:
        (tmp_path / "s.sh").write_text('echo "$PWD $PBS_ARRAYID"')
        write_tasks(tmp_path / "tasks", [Task("n", QUEUE, "", [str(tmp_path), "s.sh", "out", ""])] * 60)
        subprocess.run(
            array_command(tmp_path / "tasks"), env={"PATH": "/usr/bin:/bin", "WORKFLOW_ARRAY_INDEX": "57"}, check=True
        )
        assert (tmp_path / "out").read_text() == f"{tmp_path} \n"

    def test_one_that_qdel_could_not_end_does_not_begin(self, tmp_path: Path) -> None:
        (tmp_path / "s.sh").write_text("touch begun")
        write_tasks(tmp_path / "tasks", [Task("n", QUEUE, "", [str(tmp_path), "s.sh", "", ""])] * 3)
        keep_from_beginning(tmp_path / "tasks", 1)
        codes = [
            subprocess.run(
                array_command(tmp_path / "tasks"),
                env={"PATH": "/usr/bin:/bin", "AWS_BATCH_JOB_ARRAY_INDEX": index},
                check=False,
                stderr=subprocess.DEVNULL,
            ).returncode
            for index in ("1", "0")
        ]
        assert codes == [143, 0]

    def test_one_that_is_not_there_fails_and_says_so(self, tmp_path: Path) -> None:
        write_tasks(tmp_path / "tasks", [Task("n", QUEUE, "", ["d", "s", "", ""])] * 2)
        environment = {"PATH": "/usr/bin:/bin", "AWS_BATCH_JOB_ARRAY_INDEX": "2"}
        done = subprocess.run(
            array_command(tmp_path / "tasks"), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 125
        assert "holds no task 2" in done.stderr
