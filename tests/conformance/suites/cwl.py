"""The conformance tests of CWL 1.2 (common-workflow-language/cwl-v1.2), by Toil; cwltest compares the outputs."""

import json
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from cwltest.compare import CompareFail, compare

from conformance.cases import Case, Outcome, Suite, run_alone, tail
from conformance.cloud import Cloud
from workflow_context.pbs.outputs import Store


class Cwl(Suite):
    """A case names a tool and a file of inputs, and what must come out of it."""

    title, engine, language, file_systems = "CWL 1.2", "toil", "cwl", ("S3",)

    def version(self) -> str:
        return f"Toil {version('toil')}"

    def cases(self) -> Sequence[Case]:
        return list(self._read(self.checkout / "conformance_tests.yaml"))

    def _read(self, file: Path) -> list[Case]:
        found: list[Case] = []
        for one in yaml.safe_load(file.read_text()):
            if "$import" in one:
                found += self._read(file.parent / one["$import"])
                continue
            paths = {key: str(file.parent / one[key]) for key in ("tool", "job") if one.get(key)}
            needs = "the network" if "http" in one["tool"].partition(":")[0] else ""
            output = _imported(one.get("output", {}), file.parent)
            found.append(Case(str(one["id"]), {**one, **paths, "output": output}, needs))
        return found

    def software(self, folder: Path) -> Sequence[Path]:
        del folder
        return ()

    def on_cloud(self, cases: Sequence[Case], cloud: Cloud, folder: Path) -> Mapping[str, Outcome]:
        [case] = cases
        tool = case.content["tool"]
        document = Path(tool.partition("#")[0])
        root = document.parent.parent if "../" in document.read_text() else document.parent
        workflow = folder / "workflow"
        copy_with_what_it_names(root, document, workflow)
        manifest = {"mainWorkflowURL": str(Path(tool).relative_to(root))}
        (workflow / "MANIFEST.json").write_text(json.dumps(manifest))
        ended = cloud.run(workflow, _job(case))
        content = ended.store.read(f"{ended.results}outputs.json") if ended.succeeded else None
        outputs = _brought(json.loads(content), ended.store, folder) if content else {}
        return {case.name: _judged(case.content, ended.succeeded, outputs, ended.log)}

    def alone(self, case: Case, folder: Path) -> Outcome:
        places = ["--workDir", str(folder), "--outdir", str(folder / "out"), "--jobStore", str(folder / "store")]
        command = ["toil-cwl-runner", "--no-container", "--enable-dev", *places, case.content["tool"]]
        done = run_alone([*command, *_job(case)], folder)
        outputs = json.loads(done.stdout) if done.returncode == 0 else {}
        return _judged(case.content, done.returncode == 0, _here(outputs), done.stderr)


def _imported(value: Any, folder: Path) -> Any:
    """What must come out, with the documents that it imports in their places."""
    if isinstance(value, list):
        return [_imported(one, folder) for one in value]
    if not isinstance(value, dict):
        return value
    if "$import" in value:
        return yaml.safe_load((folder / value["$import"]).read_text())
    return {key: _imported(one, folder) for key, one in value.items()}


def _job(case: Case) -> list[str]:
    """The file of inputs, which a case may name as nothing."""
    return [case.content["job"]] if case.content.get("job") else []


def copy_with_what_it_names(root: Path, document: Path, folder: Path) -> None:
    """Copy a document and all that it, and what it names, names below a folder: the suite has hundreds of files there.

    What belongs to a file, such as its index, has its name and more.
    """
    beside = [one for one in (*root.iterdir(), *document.parent.iterdir()) if one not in (document, document.parent)]
    left = [document]
    while left:
        source = left.pop()
        target = folder / source.relative_to(root)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        text = source.read_text(errors="replace")
        named = [one for one in beside if one.name in text or one.name.startswith(f"{source.name}.")]
        left += named
        beside = [one for one in beside if one not in named]


def _brought(value: Any, store: Store, folder: Path) -> Any:
    """Outputs with the files that they name in a folder of this machine."""
    if isinstance(value, list):
        return [_brought(one, store, folder) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _brought(one, store, folder) for key, one in value.items() if key != "path"}
    place = value.get("location", "")
    if value.get("class") not in ("File", "Directory") or not str(place).startswith("s3://"):
        return found
    target = folder / str(place).removeprefix("s3://")
    if value["class"] == "Directory":
        target.mkdir(parents=True, exist_ok=True)
    elif (content := store.read(place)) is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return {**found, "location": str(target)}


def _here(value: Any) -> Any:
    """Outputs with paths in place of file addresses."""
    if isinstance(value, list):
        return [_here(one) for one in value]
    if isinstance(value, dict):
        return {key: _here(one) for key, one in value.items() if key != "path"}
    return unquote(value.removeprefix("file://")) if str(value).startswith("file://") else value


def _judged(test: Mapping[str, Any], succeeded: bool, outputs: Mapping[str, Any], log: str) -> Outcome:
    if test.get("should_fail"):
        return Outcome(not succeeded, "" if not succeeded else f"it must fail, and ended with {json.dumps(outputs)}")
    if not succeeded:
        return Outcome(False, tail(log))
    try:
        compare(test.get("output", {}), outputs)
    except CompareFail as difference:
        return Outcome(False, str(difference))
    return Outcome(True)
