"""Every engine on every file system that it works on: two runs of one workflow, and the second one resumed.

Not collected by `make test`, which runs each engine and each kind of file system; `make matrix` runs all of it, on Spot
and on demand, and holds what each role did against `rights.json`. Cromwell is a stand-in for its jar, which is in no
package registry.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cromwell_runtime
import nextflow_runtime
import pytest
from local_runs import LocalCommands, deploy, file_system, needs_sandbox
from rights import assert_nothing_new, assert_rights

from workflow_context.catalog import ENGINES
from workflow_stacks.runs.engines import ENGINES as RUN_ENGINES
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.stores import store_for

pytestmark = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Sample:
    """A workflow for an engine.

    Attributes:
        file: The name of its file.
        text: What stands in it.
        input: The name of its input.
        result: The name of the file that it makes.
        tasks: How many tasks it has.
        is_cached: Whether a resumed run finds what the one before did.
    """

    file: str
    text: str
    input: str = "who"
    result: str = "said.txt"
    tasks: int = 2
    is_cached: bool = True


STEPS = Sample(
    "steps.wdl",
    """\
version 1.0
workflow steps {
  input { String who }
  call write { input: who = who }
  call read { input: written = write.written }
  output { File said = read.said }
}
task write {
  input { String who }
  command <<< echo "hello ~{who}" >written.txt >>>
  output { File written = "written.txt" }
  runtime { docker: "debian:12-slim" cpu: 1 memory: "512M" }
}
task read {
  input { File written }
  command <<< tr a-z A-Z <~{written} >said.txt >>>
  output { File said = "said.txt" }
  runtime { docker: "debian:12-slim" cpu: 1 memory: "512M" }
}
""",
)
SAMPLES = {
    "miniwdl": STEPS,
    "toil": STEPS,
    "snakemake": Sample(
        "Snakefile",
        """\
rule all:
    input: "said.txt"
rule write:
    output: "written.txt"
    shell: "echo hello {config[who]} > {output}"
rule read:
    input: "written.txt"
    output: "said.txt"
    shell: "tr a-z A-Z < {input} > {output}"
""",
    ),
    "nextflow": Sample(
        "main.nf",
        """\
process WRITE {
    output: path "written.txt"
    script: "echo hello ${params.who} > written.txt"
}
process READ {
    publishDir params.outdir, mode: 'copy'
    input: path "written.txt"
    output: path "said.txt"
    script: "tr a-z A-Z < written.txt > said.txt"
}
workflow { READ(WRITE()) }
""",
    ),
    "cromwell": Sample(  # all that its stand-in does
        "hello.wdl",
        """\
version 1.0
workflow hello {
  input { String name }
  call greet { input: name = name }
  output { File out = greet.out }
}
task greet {
  input { String name }
  command <<< echo "hello ~{name}" >out >>>
  output { File out = "out" }
  runtime { docker: "debian:12-slim" }
}
""",
        input="name",
        result="out",
        tasks=1,
        is_cached=False,
    ),
}
"""The workflow of each engine."""


@dataclass(frozen=True)
class Pair:
    """An engine on a file system."""

    engine: str
    storage: str

    @property
    def name(self) -> str:
        """The name of its context."""
        return f"{self.engine}{self.storage}"

    @property
    def sample(self) -> Sample:
        return SAMPLES[self.engine]

    def context(self, *, spot: bool) -> dict[str, Any]:
        """What stands in the project file. With three queues each they would be more than the 50 of an account."""
        engine = {"type": ENGINES[self.engine].languages[0], "engine": self.engine}
        fallback = {"fallbackToOnDemand": self.storage == "EFS"} if spot else {}
        return {
            "requestSpotInstances": spot,
            **fallback,
            "engines": [{**engine, "filesystem": file_system(self.storage)}],
        }


NOT_HERE = {"nextflowS3": "tests/local/test_run_nextflow_s3.py runs it, where its plugins were made"}
"""Pairs that do not run here, and why."""

PAIRS = [Pair(name, storage) for name, entry in ENGINES.items() for storage in sorted(entry.storages)]


@pytest.fixture(scope="module", params=[False, True], ids=["on demand", "Spot"])
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCommands]:
    """A project with a context for each pair, deployed."""
    needs_sandbox()
    folder = tmp_path_factory.mktemp("pairs")
    programs = {
        "cromwell": [cromwell_runtime.as_program(folder / "cromwell")],
        "nextflow": nextflow_runtime.as_program(folder / "nextflow"),
    }
    contexts = {pair.name: pair.context(spot=request.param) for pair in PAIRS}
    command = LocalCommands.of(
        folder,
        {"name": "Pairs", "schemaVersion": 1, "contexts": contexts},
        {sample.file: sample.text for sample in SAMPLES.values()},
        {pair.name: programs[pair.engine] for pair in PAIRS if pair.engine in programs},
    )
    with command.cloud:
        deploy(command.cloud, command.project_file)
        yield command


def results(command: LocalCommands, run_id: str) -> Mapping[str, str]:
    """The files of a run's outputs, each with what it holds."""
    target, record = Runs(command.project_file, local=True).find(run_id)
    store = store_for(target, record.outputs)
    found = {name: store.read(address) or b"" for name, address in store.files(record.outputs, 0).items()}
    return {
        name: hashlib.sha256(text).hexdigest() for name, text in found.items() if not name.lstrip("/").startswith(".")
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_second_run_leaves_the_first_one_alone_and_a_resumed_one_does_nothing_again(
    pair: Pair, command: LocalCommands
) -> None:
    if pair.name in NOT_HERE:
        pytest.skip(NOT_HERE[pair.name])
    sample, workflow = pair.sample, command.path(pair.sample.file)

    first = command.succeeded(pair.name, workflow, f"{sample.input}=one")
    assert sum(first["tasks"].values()) == sample.tasks
    kept = results(command, first["runId"])
    assert any(name.endswith(sample.result) for name in kept), kept

    second = command.succeeded(pair.name, workflow, f"{sample.input}=two")
    assert second["outputs"] != first["outputs"]
    assert results(command, first["runId"]) == kept

    if RUN_ENGINES[pair.engine].keeps_finished_runs:
        code, resumed = command("resume", second["runId"], "--follow")
        assert (code, resumed["state"]) == (0, "SUCCEEDED")
        if sample.is_cached:
            assert sum(resumed["tasks"].values()) <= sum(second["tasks"].values())
        assert results(command, first["runId"]) == kept


def test_no_call_of_any_pair_was_denied_and_each_role_did_what_the_table_says(command: LocalCommands) -> None:
    assert_rights(command.cloud, command.project_file)
    assert_nothing_new(command.cloud, command.project_file)
