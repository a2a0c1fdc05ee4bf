"""Whose a failure is: ours, the engine's, or the environment's."""

import pytest

from conformance.cases import ENGINE, ENVIRONMENT, OURS, PASSED, Outcome, class_of, what_was_missing


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
