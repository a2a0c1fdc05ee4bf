"""The script that deletes old runs, as it is: what it must never delete, at whatever moment it is stopped."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import workflow_context.scripts
from workflow_context.ended_runs import END_MARK, RunDirectories

SCRIPT = Path(workflow_context.scripts.__file__).with_name("expire_runs.sh")
HOUR = 3600
MINIWDL = RunDirectories("miniwdl_run", ("outputs.json", "error.json"))
NEXTFLOW = RunDirectories("nextflow/runs", reused=False)
SNAKEMAKE = RunDirectories("snakemake/runs", reused=False)
BUSYBOX = shutil.which("busybox")
SHELLS = ["sh", *(["busybox"] if BUSYBOX else [])]
COMMANDS = ("find", "mv", "rm", "chmod", "df", "tail")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tools(folder: Path, shell: str) -> dict[str, str]:
    """An environment in which the commands of the script are those of busybox, when it is busybox that runs."""
    folder.mkdir(exist_ok=True)
    if shell == "busybox":
        for name in COMMANDS:
            (folder / name).symlink_to(BUSYBOX or "")
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}


def expire(
    mount: Path, hours: object = 8, *, shell: str = "sh", runs: RunDirectories = MINIWDL, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    interpreter = [BUSYBOX or "", "sh"] if shell == "busybox" else ["sh"]
    environment = (
        tools(mount.parent / f"tools-{shell}", shell)
        if not (mount.parent / f"tools-{shell}").exists()
        else (os.environ | {"PATH": f"{mount.parent / f'tools-{shell}'}:{os.environ['PATH']}"})
    )
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run(
        [*interpreter, "-c", SCRIPT.read_text(), "expire", str(mount), str(hours), *runs.arguments()],
        env=environment,
        capture_output=True,
        text=True,
        cwd=mount,
    )


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    folder = tmp_path / "mnt"
    folder.mkdir()
    return folder


def age(path: Path, hours: float) -> None:
    then = time.time() - hours * HOUR
    os.utime(path, (then, then), follow_symlinks=False)


def make(run: Path, hours: float, *, ended: str = "outputs.json") -> Path:
    """A run whose every file and directory is so old."""
    file = run / "call-one" / "work" / "big.bam"
    file.parent.mkdir(parents=True)
    file.write_text(run.name)
    if ended:
        (run / ended).write_text("{}")
    for path in sorted(run.rglob("*"), reverse=True):
        age(path, hours)
    age(run, hours)
    return run


def left(mount: Path) -> list[str]:
    return sorted(path.name for path in (mount / "miniwdl_run").iterdir())


class TestWhatIsDeleted:
    def test_a_run_that_ended_long_ago_goes_whole_and_a_later_one_stays(self, mount: Path, shell: str) -> None:
        make(mount / "miniwdl_run/well", 30)
        make(mount / "miniwdl_run/failed", 30, ended="error.json")
        make(mount / "miniwdl_run/fresh", 2)
        result = expire(mount, shell=shell)
        assert (result.returncode, left(mount)) == (0, ["fresh"]), result.stderr

    @pytest.mark.parametrize("name", ["odd name; $(touch x)", "-rf", "two\nlines", "*", "'"])
    def test_names_are_names_and_nothing_else(self, mount: Path, shell: str, name: str) -> None:
        make(mount / "miniwdl_run" / name, 30)
        make(mount / "miniwdl_run/fresh", 2)
        assert expire(mount, shell=shell).returncode == 0
        assert left(mount) == ["fresh"]
        assert not (mount / "x").exists()

    def test_a_run_that_cannot_be_deleted_does_not_keep_the_others(self, mount: Path, shell: str) -> None:
        make(mount / "miniwdl_run/a", 30)
        make(mount / "miniwdl_run/b", 30)
        shim(mount.parent / "shim", "rm", 'case "$*" in *expired-a*) exit 1 ;; esac\nexec "$real" "$@"', shell)
        result = expire(mount, shell=shell, path=mount.parent / "shim")
        assert result.returncode == 1
        assert left(mount) == [".expired-a"]
        assert (expire(mount, shell=shell).returncode, left(mount)) == (0, [])

    def test_a_folder_without_the_right_to_write_is_deleted_too(self, mount: Path, shell: str) -> None:
        run = make(mount / "miniwdl_run/locked", 30)
        (run / "call-one").chmod(0o555)
        assert expire(mount, shell=shell).returncode == 0
        assert left(mount) == []


class TestWhatStays:
    def test_a_silent_run_without_a_mark(self, mount: Path, shell: str) -> None:
        make(mount / "miniwdl_run/silent", 5000, ended="")
        assert expire(mount, shell=shell).returncode == 0
        assert left(mount) == ["silent"]

    def test_every_run_while_one_may_be_going_that_read_it(self, mount: Path, shell: str) -> None:
        make(mount / "miniwdl_run/old", 5000)
        make(mount / "miniwdl_run/going", 100, ended="")
        result = expire(mount, shell=shell)
        assert "going may be going" in result.stdout
        assert left(mount) == ["going", "old"]

    @pytest.mark.parametrize(
        "place",
        [
            "refs/hg38",
            "snakemake/conda",
            "snakemake/work",
            "nextflow/work",
            "nextflow/front-end",
            "miniwdl_run/_CACHE",
            "miniwdl_run/.hidden",
            "miniwdl_run/_LAST",
        ],
    )
    def test_references_environments_caches_and_journals(self, mount: Path, shell: str, place: str) -> None:
        make(mount / place, 5000)
        make(mount / "miniwdl_run/old", 30)
        assert expire(mount, shell=shell).returncode == 0
        assert (mount / place / "call-one/work/big.bam").exists()
        assert not (mount / "miniwdl_run/old").exists()

    @pytest.mark.parametrize("where", ["miniwdl_run", "miniwdl_run/link", "miniwdl_run/run/outputs.json"])
    def test_what_a_link_leads_to(self, mount: Path, shell: str, where: str) -> None:
        elsewhere = make(mount.parent / "elsewhere/run", 5000)
        link = mount / where
        if where == "miniwdl_run":
            link.symlink_to(elsewhere.parent)
        elif where.endswith("link"):
            link.parent.mkdir()
            link.symlink_to(elsewhere)
        else:
            make(link.parent, 5000, ended="")
            link.symlink_to(elsewhere / "outputs.json")
        before = sorted(map(str, mount.parent.rglob("big.bam")))
        expire(mount, shell=shell)
        assert sorted(map(str, mount.parent.rglob("big.bam"))) == before

    def test_everything_when_the_root_is_below_a_link(self, mount: Path, shell: str) -> None:
        make(mount.parent / "elsewhere/runs/run", 5000)
        (mount / "nextflow").symlink_to(mount.parent / "elsewhere")
        expire(mount, shell=shell, runs=NEXTFLOW)
        assert (mount.parent / "elsewhere/runs/run/outputs.json").exists()

    @pytest.mark.parametrize("hours", ["", "-1", "0", "08", "x", "1.5"])
    def test_everything_when_the_hours_are_no_number(self, mount: Path, shell: str, hours: str) -> None:
        make(mount / "miniwdl_run/old", 5000)
        assert expire(mount, hours, shell=shell).returncode == 2
        assert left(mount) == ["old"]

    @pytest.mark.parametrize("why", ["exit 1", "exit 127", "kill -9 $$", 'exec "$real" /nowhere'])
    def test_everything_when_find_fails(self, mount: Path, shell: str, why: str) -> None:
        make(mount / "miniwdl_run/old", 5000)
        shim(mount.parent / "shim", "find", why, shell)
        expire(mount, shell=shell, path=mount.parent / "shim")
        assert left(mount) == ["old"]

    def test_a_run_that_is_resumed_between_the_two_looks(self, mount: Path, shell: str) -> None:
        run = make(mount / "miniwdl_run/resumed", 5000)
        resume = f'"$real" "$@" && rm -f "{run.parent}/.expired-resumed/outputs.json"'
        shim(
            mount.parent / "shim",
            "mv",
            f'case "$*" in *.expired-resumed) {resume} ;; *) exec "$real" "$@" ;; esac',
            shell,
        )
        result = expire(mount, shell=shell, path=mount.parent / "shim")
        assert "in use again" in result.stdout
        assert left(mount) == ["resumed"]

    def test_a_run_that_another_begins_to_use_between_the_two_looks(self, mount: Path, shell: str) -> None:
        run = make(mount / "miniwdl_run/old", 5000)
        shim(mount.parent / "shim", "mv", f'mkdir -p "{run.parent}/new"; exec "$real" "$@"', shell)
        expire(mount, shell=shell, path=mount.parent / "shim")
        assert left(mount) == ["new", "old"]


def shim(folder: Path, command: str, script: str, shell: str) -> None:
    """A command that does something else first; `$real` is what it stands for."""
    folder.mkdir(exist_ok=True)
    real = f"{folder.parent}/tools-busybox/{command}" if shell == "busybox" else shutil.which(command)
    (folder / command).write_text(f'#!/bin/sh\nreal="{real}"\n{script}\n')
    (folder / command).chmod(0o755)


class TestRunsThatKeepApart:
    """Those of Nextflow and Snakemake: no run uses files of another."""

    def test_one_that_ended_goes_while_another_is_going(self, mount: Path, shell: str) -> None:
        make(mount / "nextflow/runs/ended", 30, ended=END_MARK)
        make(mount / "nextflow/runs/going", 0, ended="")
        assert expire(mount, shell=shell, runs=NEXTFLOW).returncode == 0
        assert [run.name for run in (mount / "nextflow/runs").iterdir()] == ["going"]

    @pytest.mark.parametrize("runs", [NEXTFLOW, SNAKEMAKE], ids=lambda runs: runs.directory)
    @pytest.mark.parametrize("place", ["conda/env", "cache", "front-end/run", "work", "refs/hg38"])
    def test_what_lies_beside_them_stays(self, mount: Path, shell: str, runs: RunDirectories, place: str) -> None:
        root = mount / runs.directory
        make(root.parent / place, 5000, ended=END_MARK)
        make(root / "old", 5000, ended=END_MARK)
        assert expire(mount, shell=shell, runs=runs).returncode == 0
        assert (root.parent / place / "call-one/work/big.bam").exists()
        assert list(root.iterdir()) == []

    def test_a_task_that_writes_after_the_mark_keeps_its_run(self, mount: Path, shell: str) -> None:
        run = make(mount / "nextflow/runs/ended", 30, ended=END_MARK)
        (run / "call-one/work/late.bam").write_text("late")
        assert expire(mount, shell=shell, runs=NEXTFLOW).returncode == 0
        assert run.exists()


class TestHeadJobs:
    """`enter_run` of the head jobs of Nextflow and Snakemake, as it is."""

    def enter(self, run: Path, then: str = "pwd", before: str = "") -> subprocess.CompletedProcess[str]:
        functions = SCRIPT.with_name("front_end.sh").read_text()
        return subprocess.run(
            ["bash", "-c", f'{functions}\n{before}\nenter_run "$1"\n{then}', "head", str(run)],
            capture_output=True,
            text=True,
        )

    def test_one_that_goes_on_with_a_run_takes_the_mark_away(self, mount: Path) -> None:
        run = make(mount / "nextflow/runs/old", 5000, ended=END_MARK)
        assert self.enter(run).returncode == 0
        expire(mount, runs=NEXTFLOW)
        assert (run / "call-one/work/big.bam").exists()

    def test_one_whose_run_is_just_being_deleted_says_so_and_ends(self, mount: Path) -> None:
        run = make(mount / "nextflow/runs/old", 5000, ended=END_MARK)
        moved = f'rm() {{ command rm "$@"; mv "{run}" "{run.parent}/.expired-old"; }}'
        result = self.enter(run, before=moved)
        assert result.returncode == 1
        assert "is just being deleted" in result.stderr
        assert result.stdout == ""

    @pytest.mark.parametrize("code", [0, 3])
    def test_the_mark_is_written_when_every_job_is_gone(self, mount: Path, code: int) -> None:
        run = mount / "nextflow/runs/new"
        result = self.enter(run, f"run_engine bash -c 'exit {code}'", "qdel() { [ ! -e .workflow-ended ]; }")
        assert result.returncode == code
        assert (run / END_MARK).read_text() == f"{code}\n"

    def test_no_mark_is_written_when_jobs_may_be_left(self, mount: Path) -> None:
        run = mount / "nextflow/runs/new"
        result = self.enter(run, "run_engine true", "qdel() { return 1; }")
        assert result.returncode == 0
        assert not (run / END_MARK).exists()


RUNS = st.dictionaries(
    st.sampled_from(["a", "b", "c d", "-e", "_CACHE"]),
    st.tuples(st.sampled_from([1, 30, 200, 500]), st.booleans()),
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS, stop=st.integers(1, 12), shell=st.sampled_from(SHELLS), engine=st.sampled_from((MINIWDL, NEXTFLOW)))
def test_wherever_it_is_stopped_what_may_not_be_deleted_is_there_after_the_next_pass(
    runs: Mapping[str, tuple[int, bool]],
    stop: int,
    shell: str,
    engine: RunDirectories,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    mount = tmp_path_factory.mktemp("crash") / "mnt"
    root = mount / engine.directory
    root.mkdir(parents=True)
    for name, (hours, ended) in runs.items():
        make(root / name, hours, ended=engine.end_markers[-1] if ended else "")
    counter = mount.parent / "count"
    counter.write_text("0")
    count = f'n=$(($(cat "{counter}") + 1)); echo $n >"{counter}"; [ $n -ge {stop} ] && kill -9 $PPID && exit 1'
    for command in ("find", "mv", "rm"):
        shim(mount.parent / "shim", command, f'{count}\nexec "$real" "$@"', shell)
    expire(mount, shell=shell, runs=engine, path=mount.parent / "shim")
    expire(mount, shell=shell, runs=engine)
    going = engine.reused and any(
        not ended and hours < 14 * 24 for name, (hours, ended) in runs.items() if name[0] != "_"
    )
    for name, (hours, ended) in runs.items():
        stays = name.startswith("_") or not ended or hours < 8
        run = root / name
        if stays:
            assert (run / "call-one/work/big.bam").read_text() == name
        elif not going:
            assert not run.exists()
