"""Each suite is read in its own format, and what comes out is compared as it says."""

from pathlib import Path

import pytest

from conformance.cases import Outcome
from conformance.suites import SUITES
from conformance.suites.cwl import copy_with_what_it_names
from conformance.suites.wdl import equal


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


def test_outputs_that_a_case_of_cwl_imports_are_in_it(checkout: Path) -> None:
    _, two = SUITES["cwl-1.2"](checkout).cases()

    assert two.content["output"] == {"n": 2}


def test_a_document_of_cwl_comes_with_what_it_names_also_above_it_and_with_what_belongs_to_that(
    checkout: Path, tmp_path: Path
) -> None:
    tests = checkout / "tests"
    for name, text in {
        "deep/main.cwl": "run: tool.cwl\nlocation: ../reads.bam",
        "deep/tool.cwl": "",
        "deep/other.cwl": "",
        "reads.bam": "",
        "reads.bam.bai": "",
        "unnamed.txt": "",
    }.items():
        (tests / name).parent.mkdir(exist_ok=True)
        (tests / name).write_text(text)

    copy_with_what_it_names(tests, tests / "deep/main.cwl", tmp_path / "copy")

    found = {str(one.relative_to(tmp_path / "copy")) for one in (tmp_path / "copy").rglob("*") if one.is_file()}
    assert found == {"deep/main.cwl", "deep/tool.cwl", "reads.bam", "reads.bam.bai"}


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
