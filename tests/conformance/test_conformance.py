"""The conformance command: it reads each suite's format, runs cases, goes on after an interruption, and tells whose."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from local_runs import needs_sandbox
from typer.testing import CliRunner

from conformance import runner
from conformance.cases import (
    ENGINE,
    ENVIRONMENT,
    OURS,
    PASSED,
    Case,
    NotEndedError,
    Outcome,
    Suite,
    class_of,
    run_alone,
    what_was_missing,
)
from conformance.command import app
from conformance.runner import Plan, read_results, run
from conformance.suites import SUITES
from conformance.suites.wdl import equal
from conformance.table import END, START, table, write_into

SPECIFICATION = """
<details>
  <summary>
  Example: hello.wdl

  ```wdl
  version 1.1
  task hello {
    input { File infile }
    command <<< cat '~{infile}' >>>
    output { String said = read_string(stdout()) }
  }
  ```
  </summary>
  <p>
  Example input:

  ```json
  {"hello.infile": "greetings.txt"}
  ```

  Example output:

  ```json
  {"hello.said": "hello world"}
  ```
  </p>
</details>
<details>
<summary>
Example: wrong_task.wdl

```wdl
version 1.1
task wrong {
  command <<< echo 1 >>>
  output { Int found = read_int(stdout()) }
}
```
</summary>
<p>
Example output:

```json
{"wrong.found": 2}
```
</p>
</details>
<details>
<summary>
Example: refused.wdl

```wdl
version 1.1
workflow refused { output { Object one = object {} } }
```
</summary>
<p>
Test config:

```json
{"fail": true}
```
</p>
</details>
"""
SNAKEMAKE = """
@skip_on_windows
def test_copy():
    run(dpath("test_copy"), targets=["out.txt"], config={"text": 1})


def test_other():
    run(dpath("test_copy"), shouldfail=True)


@apptainer
def test_image():
    run(dpath("test_image"))


def test_program():
    tmpdir = run(dpath("test_copy"), cleanup=False)
    assert tmpdir
"""
VALIDATION = r"""
$NXF_CMD run own.nf -c awsbatch-own.config || true
[[ -f .nextflow.log ]] || false

$NXF_CMD run paths.nf -c awsbatch.config
[[ -d foo ]] || false

rm -rf foo
$NXF_CMD run paths.nf -resume -c awsbatch.config
[[ -d foo ]] || false

NXF_CLOUDCACHE_PATH=s3://bucket/cache \
$NXF_CMD run nextflow-io/hello \
    -plugins nf-cloudcache
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a tiny suite of each format."""
    files = {
        "COMMIT": "abc\n",
        "SPEC.md": SPECIFICATION,
        "conformance_tests.yaml": "- {id: one, tool: tests/a.cwl, job: tests/a.json, output: {n: 1}}\n"
        "- $import: tests/more.yaml\n",
        "tests/a.cwl": "",
        "tests/checks/.IGNORE-DOCKER": "image.nf\n",
        "tests/checks/hello.nf/.checks": "$NXF_RUN\n",
        "tests/data/greetings.txt": "hello world\n",
        "tests/hello.nf": "",
        "tests/image.nf": "",
        "tests/more.yaml": "- {id: two, tool: b.cwl, should_fail: true}\n",
        "tests/test_copy/Snakefile": "rule copy:\n    output: 'out.txt'\n    shell: 'echo {config[text]} >{output}'\n",
        "tests/test_copy/expected-results/out.txt": "1\n",
        "tests/tests.py": SNAKEMAKE,
        "validation/awsbatch-own.config": "process.container = 'made:1'\n",
        "validation/awsbatch.sh": VALIDATION,
    }
    for name, text in files.items():
        file = tmp_path / "checkout" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "checkout"


@pytest.mark.parametrize(
    ("suite", "names"),
    {
        "cwl-1.2": ["one", "two"],
        "nextflow-awsbatch": ["own.nf", "paths.nf", "hello"],
        "nextflow-checks": ["hello.nf", "image.nf"],
        "snakemake": ["test_copy", "test_other", "test_image", "test_program"],
        "wdl-1.1": ["hello.wdl", "wrong_task.wdl", "refused.wdl"],
        "wdl-1.2": ["hello.wdl", "wrong_task.wdl", "refused.wdl"],
    }.items(),
)
def test_every_case_of_a_suite_is_read(checkout: Path, suite: str, names: list[str]) -> None:
    assert [case.name for case in SUITES[suite](checkout).cases()] == names


def test_what_a_case_asks_for_that_is_not_here_is_read_from_the_suite(checkout: Path) -> None:
    found = {case.name: case.needs for name in SUITES for case in SUITES[name](checkout).cases() if case.needs}

    assert found == {
        "own.nf": "the image made:1, made for it",
        "hello": "the network: it fetches nextflow-io/hello and plugins",
        "image.nf": "Docker: the suite says so",
        "test_image": "its decorator says apptainer",
        "test_program": "it is a program, not one workflow that runs",
    }


def test_a_run_that_goes_on_with_another_is_in_its_case(checkout: Path) -> None:
    [case] = [case for case in SUITES["nextflow-awsbatch"](checkout).cases() if case.name == "paths.nf"]

    assert case.content.text.count("$NXF_CMD run paths.nf") == 2
    assert "-c aws" not in case.content.text


def test_snakemake_alone_is_judged_by_the_expected_results(checkout: Path, tmp_path: Path) -> None:
    suite = SUITES["snakemake"](checkout)
    case = suite.cases()[0]
    assert list(case.content.words) == ["out.txt", "--config", "text=1"]

    assert suite.alone(case, tmp_path / "one") == Outcome(True)

    (checkout / "tests/test_copy/expected-results/out.txt").write_text("2\n")
    assert suite.alone(case, tmp_path / "two") == Outcome(False, r"expected out.txt to be b'2\n', got b'1\n'")


def test_snakemake_alone_runs_its_jobs_as_a_cluster_would(checkout: Path, tmp_path: Path) -> None:
    """A temporary output that nobody needs is gone when Snakemake looks for it: so it is in every context."""
    text = "rule one:\n    output: 'out.txt', temp('other')\n    shell: 'echo 1 | tee {output}'\n"
    (checkout / "tests/test_copy/Snakefile").write_text(text)
    case = SUITES["snakemake"](checkout).cases()[0]

    alone = SUITES["snakemake"](checkout).alone(case, tmp_path)

    assert not alone.passed
    assert "At least one job did not complete successfully" in alone.message


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [
        ("a.txt", "s3://bucket/x/a.txt", True),
        ("a.txt", "s3://bucket/x/b.txt", False),
        ([1.0, 2], [1.0000000001, 2], True),
        ({"a": ["x"]}, {"a": ["x"], "b": None}, False),
        (None, "a", False),
    ],
)
def test_outputs_of_wdl_are_compared_by_their_values(wanted: object, got: object, same: bool) -> None:
    assert equal(wanted, got) is same


@pytest.mark.parametrize(
    ("cloud", "alone", "class_"),
    [
        (Outcome(True), None, PASSED),
        (Outcome(False, "expected 1"), Outcome(True), OURS),
        (Outcome(False, "expected 1"), Outcome(False, "expected 1"), ENGINE),
        (Outcome(False, "bash: line 1: samtools: command not found"), Outcome(False), ENVIRONMENT),
        (Outcome(False, "bash: line 1: samtools: command not found"), Outcome(True), OURS),
    ],
)
def test_a_failure_is_ours_when_the_engine_alone_passes(cloud: Outcome, alone: Outcome | None, class_: str) -> None:
    assert class_of(cloud, alone) == class_


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("bash: line 1: samtools: command not found", "samtools"),
        ("ModuleNotFoundError: No module named 'cutadapt'", "cutadapt"),
        ("ModuleNotFoundError in file \"Snakefile\", line 1:\nNo module named 'pandas'\n  File", "pandas"),
        (
            "Error loading Snakemake plugin http: The package snakemake-storage-plugin-http is not installed.",
            "snakemake-storage-plugin-http",
        ),
        ("For PEP support, please install peppy.", "peppy"),
        ("For PEP schema support, please install eido.", "eido"),
        ("ERROR ~ Missing plugin 'nf-amazon' required to read file: s3://lab/README.txt", "nf-amazon"),
        (
            "Unknown project `nextflow-io/hello` -- NOTE: automatic download from remote repositories is disabled",
            "nextflow-io/hello",
        ),
        ('  "message": "unable to download https://example.org/a.fasta",', "https://example.org/a.fasta"),
        ("Unknown project 'nextflow-io/hello'", ""),
        ('ModuleNotFoundError in file "Snakefile", line 1:\nsomething else', ""),
        ("MissingOutputException in rule a in file Snakefile, line 4:", ""),
    ],
)
def test_what_a_program_did_not_find_is_read_from_its_words(message: str, missing: str) -> None:
    assert what_was_missing(message) == missing


class Three(Suite):
    """Cases that end without a cloud: b passes nowhere, c is not tried."""

    title, engine, language = "Three", "miniwdl", "wdl"

    def version(self) -> str:
        return "none"

    def cases(self) -> Sequence[Case]:
        return [Case("a"), Case("b"), Case("c", needs="a GPU")]

    def software(self, folder: Path) -> Sequence[Path]:
        del folder
        return ()

    def on_cloud(self, cases: Sequence[Case], cloud: object, folder: Path) -> Mapping[str, Outcome]:
        del cloud
        (folder / "ran").touch()
        return {case.name: Outcome(case.name == "a", "expected | more") for case in cases}

    def alone(self, case: Case, folder: Path) -> Outcome:
        del case
        return Outcome(not list(folder.iterdir()), "")


class NoCloud:
    """In place of a local cloud, for suites that need none."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def stop(self) -> None:
        pass


class Endless(Three):
    """Cases that end nowhere; each waits by the engine alone for a process of its own."""

    def on_cloud(self, cases: Sequence[Case], cloud: object, folder: Path) -> Mapping[str, Outcome]:
        del cases, cloud, folder
        raise NotEndedError

    def alone(self, case: Case, folder: Path) -> Outcome:
        run_alone(["sh", "-c", f"sleep 600 & echo $! >{self.checkout}/{case.name}; wait"], folder)
        return Outcome(True)


def test_a_case_that_does_not_end_has_failed_and_leaves_nothing_running(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "Cloud", NoCloud)
    monkeypatch.setattr("conformance.cases.CASE_SECONDS", 0.5)
    plan = Plan(Endless(checkout), "EFS", tmp_path / "state", pattern="[ab]")
    run(plan)
    found = read_results(plan.results)[1]
    assert {(one["case"], one["class"]) for one in found} == {("a", ENGINE), ("b", ENGINE)}
    assert all(one["message"].startswith("it did not end within") for one in found)
    for name in ("a", "b"):
        state = Path("/proc", (checkout / name).read_text().strip(), "stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_was_interrupted_goes_on_and_the_table_counts_it(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds: list[bool] = []

    class Counted(NoCloud):
        def __init__(self, *_: object, **__: object) -> None:
            clouds.append(True)

    monkeypatch.setattr(runner, "Cloud", Counted)
    plan = Plan(Three(checkout), "EFS", tmp_path / "state", first=1)
    run(plan)
    with plan.results.open("a") as file:
        file.write('{"case": "b", "cla')  # a machine that went
    with plan.results.open("a") as file:
        file.write("\n")
    run(Plan(Three(checkout), "EFS", tmp_path / "state"))
    run(Plan(Three(checkout), "EFS", tmp_path / "state"))

    _, cases = read_results(plan.results)
    assert {case["case"]: case["class"] for case in cases} == {"a": PASSED, "b": OURS, "c": ENVIRONMENT}
    assert len(clouds) == 2
    text = table([plan.results])
    assert "| Three | abc | none | EFS | 3 | 2 | 1 | 1 | 0 | 1 |" in text
    assert r"`expected \| more`" in text


def results(folder: Path, suite: str, *, file_system: str = "EFS", failed: str) -> Path:
    file = folder / f"{suite}-{file_system}.jsonl"
    head = {"suite": suite, "commit": "abc", "engine": "none", "fileSystem": file_system, "cases": 9}
    case = {"case": failed, "class": OURS, "message": "expected a | b"}
    file.write_text(f"{json.dumps({**head, 'date': '2026-01-02'})}\n{json.dumps(case)}\n")
    return file


def test_a_page_keeps_what_it_says_of_suites_that_were_not_run_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{START}old\n{END}After\n")
    first = [
        results(tmp_path, "Two", failed="first"),
        results(tmp_path, "One", failed="first"),
        results(tmp_path, "One", file_system="OFS", failed="first"),
    ]
    write_into(page, first)

    write_into(page, [results(tmp_path, "One", failed="second")])

    text = page.read_text()
    assert text.startswith(f"Before\n{START}")
    assert text.endswith(f"{END}After\n")
    assert "old" not in text
    told = [tuple(line.split(" | ")[:3]) for line in text.splitlines() if line.startswith(("| One", "| Two"))]
    assert told == [
        *(("| One", "abc", "none"), ("| One", "abc", "none"), ("| Two", "abc", "none")),
        *(("| One", "EFS", "second"), ("| One", "OFS", "first"), ("| Two", "EFS", "first")),
    ]
    write_into(page, [])
    assert page.read_text() == text


@pytest.mark.cycle
def test_the_command_runs_a_suite_on_the_local_cloud(checkout: Path, tmp_path: Path) -> None:
    needs_sandbox()
    state = tmp_path / "state"

    done = CliRunner().invoke(app, ["run", "wdl-1.1", str(checkout), "--state", str(state)])

    assert done.exit_code == 0, done.output
    head, cases = read_results(state / "WDL-1.1-EFS.jsonl")
    assert (head["commit"], head["cases"]) == ("abc", 3)
    assert {case["case"]: case["class"] for case in cases} == {
        "hello.wdl": PASSED,
        "wrong_task.wdl": ENGINE,
        "refused.wdl": PASSED,
    }
    [wrong] = [case for case in cases if case["class"] == ENGINE]
    assert json.dumps(wrong).count("expected wrong.found to be 2, got 1") == 2
