"""Every engine on every file system that it works on: two runs of one workflow, and the second one resumed.

Not collected by `make test`, which runs each engine and each kind of file system; `make matrix` runs all of it, on Spot
and on demand, and holds what each role did against `rights.json`. Cromwell is a stand-in for its jar, which is in no
package registry.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cromwell_runtime
import nextflow_runtime
import pytest
from local_runs import MOUNTED_BY_MACHINES, needs_sandbox
from rights import assert_rights
from typer.testing import CliRunner

from workflow_context.catalog import ENGINES
from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.deployment import LocalDeployment
from workflow_stacks.runs.engines import ENGINES as RUN_ENGINES
from workflow_stacks.runs.service import Runs
from workflow_stacks.runs.stores import store_for

pytestmark = pytest.mark.timeout(1200)

WORKFLOWS = {
    "cromwell": (  # all that its stand-in does
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
    ),
    "wdl": (
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
    ),
    "snakemake": (
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
    "nextflow": (
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
}


@dataclass(frozen=True)
class Pair:
    """An engine on a file system."""

    engine: str
    storage: str

    @property
    def language(self) -> str:
        return ENGINES[self.engine].languages[0]

    @property
    def context(self) -> str:
        return f"{self.engine}{self.storage}"

    @property
    def workflow(self) -> str:
        return WORKFLOWS.get(self.engine, WORKFLOWS[self.language])[0]

    @property
    def input(self) -> str:
        return "name" if self.engine == "cromwell" else "who"

    @property
    def result(self) -> str:
        return "out" if self.engine == "cromwell" else "said.txt"

    @property
    def tasks(self) -> int:
        return 1 if self.engine == "cromwell" else 2


NOT_HERE = {
    "nextflowS3": "Nextflow gets its plugins for S3 from a registry of its own; its core alone runs without",
}
"""Pairs of which a part cannot be had by tests, and why. Their templates and policies are tested elsewhere."""

PAIRS = [Pair(name, storage) for name, entry in ENGINES.items() for storage in sorted(entry.storages)]


@pytest.fixture(scope="module", params=[False, True], ids=["on demand", "Spot"])
def project_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a context for each pair, deployed."""
    needs_sandbox()
    folder = tmp_path_factory.mktemp("pairs")
    contexts = {
        pair.context: {
            "requestSpotInstances": request.param,
            # Contexts with three queues each would be more than the 50 of an account.
            **({"fallbackToOnDemand": pair.storage == "EFS"} if request.param else {}),
            "engines": [
                {
                    "type": pair.language,
                    "engine": pair.engine,
                    "filesystem": {
                        "fsType": pair.storage,
                        **(
                            {"configuration": MOUNTED_BY_MACHINES[pair.storage]}
                            if MOUNTED_BY_MACHINES.get(pair.storage)
                            else {}
                        ),
                    },
                }
            ],
        }
        for pair in PAIRS
    }
    file = folder / "agc-project.yaml"
    file.write_text(json.dumps({"name": "Pairs", "schemaVersion": 1, "contexts": contexts}))
    for name, text in WORKFLOWS.values():
        (folder / name).write_text(text)
    cloud = LocalCloud.of_project(file)
    cloud.start()
    LocalDeployment(cloud, file).deploy(list(contexts))
    yield file
    cloud.stop()


@pytest.fixture(scope="module")
def software(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What `run` is given for the programs of an engine that are in no package."""
    folder = tmp_path_factory.mktemp("software")
    folders = {
        "nextflow": nextflow_runtime.as_program(folder / "nextflow"),
        "cromwell": [cromwell_runtime.as_program(folder / "cromwell")],
    }
    return {engine: [word for one in found for word in ("--software", str(one))] for engine, found in folders.items()}


Command = Callable[..., Any]


@pytest.fixture(scope="module")
def command(project_file: Path, software: Mapping[str, list[str]]) -> Command:
    def run(name: str, *arguments: str) -> Any:
        engine = next((one for one in software if name == "run" and arguments[0].startswith(one)), "")
        more = software.get(engine, [])
        words = [name, *arguments, *more, "--local", "--project", str(project_file), "--json"]
        outcome = CliRunner().invoke(app, words)
        found = json.loads(outcome.stdout) if outcome.stdout.startswith("{") else outcome.output
        if outcome.exit_code and "runId" in found:
            told = CliRunner().invoke(app, ["logs", found["runId"], "--local", "--project", str(project_file)])
            pytest.fail(told.output)
        assert outcome.exit_code == 0, found
        return found

    return run


def results(project_file: Path, run_id: str) -> Mapping[str, str]:
    """The files of a run's outputs, each with what it holds."""
    runs = Runs(project_file, local=True)
    target, record = runs.find(run_id)
    store = store_for(target, record.outputs)
    found = {name: store.read(address) or b"" for name, address in store.files(record.outputs, 0).items()}
    return {
        name: hashlib.sha256(text).hexdigest() for name, text in found.items() if not name.lstrip("/").startswith(".")
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.context)
def test_a_second_run_leaves_the_first_one_alone_and_a_resumed_one_does_nothing_again(
    pair: Pair, project_file: Path, command: Command
) -> None:
    if pair.context in NOT_HERE:
        pytest.skip(NOT_HERE[pair.context])
    workflow = str(project_file.parent / pair.workflow)

    first = command("run", pair.context, workflow, f"{pair.input}=one", "--follow")
    assert first["state"] == "SUCCEEDED"
    assert sum(first["tasks"].values()) == pair.tasks
    kept = results(project_file, first["runId"])
    assert any(name.endswith(pair.result) for name in kept), kept

    second = command("run", pair.context, workflow, f"{pair.input}=two", "--follow")
    assert second["state"] == "SUCCEEDED"
    assert second["outputs"] != first["outputs"]
    assert results(project_file, first["runId"]) == kept

    if RUN_ENGINES[pair.engine].keeps_finished_runs:
        resumed = command("resume", second["runId"], "--follow")
        assert resumed["state"] == "SUCCEEDED"
        if pair.engine != "cromwell":  # its stand-in has no call cache
            assert sum(resumed["tasks"].values()) <= sum(second["tasks"].values())
        assert results(project_file, first["runId"]) == kept


def test_no_call_of_any_pair_was_denied_and_each_role_did_what_the_table_says(project_file: Path) -> None:
    assert_rights(project_file)
