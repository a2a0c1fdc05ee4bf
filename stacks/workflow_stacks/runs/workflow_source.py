"""Workflows as people have them: a file, a folder, an archive, an address, or a name of the project file.

Whatever it is, it becomes a folder with a main file in it, or an address that the engine reads by itself.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .fetching import WorkflowSourceError, clone, copy_from_s3, download, unzip

if TYPE_CHECKING:
    from workflow_stacks.project import Project

MANIFEST = "MANIFEST.json"
MAIN_FILES: Mapping[str, tuple[str, ...]] = {
    "wdl": ("main.wdl",),
    "cwl": ("main.cwl",),
    "nextflow": ("main.nf",),
    "snakemake": ("Snakefile", "workflow/Snakefile", "main.smk"),
}
"""What the main file of a folder is called, by the language of the workflow."""
SUFFIXES: Mapping[str, str] = {"wdl": ".wdl", "cwl": ".cwl", "nextflow": ".nf", "snakemake": ".smk"}
"""How files of a language end."""

_GIT = re.compile(r"^(?:git\+|git@|ssh://git@)|\.git(?:[@#].*)?$")


@dataclass(frozen=True)
class Manifest:
    """The `MANIFEST.json` of a workflow's folder, as Amazon Genomics CLI reads it.

    https://aws.github.io/amazon-genomics-cli/docs/concepts/workflows/

    Attributes:
        main_workflow_url: `mainWorkflowURL`: the main file, or the address of the workflow.
        input_file_urls: `inputFileURLs`: files of inputs.
        option_file_url: `optionFileURL`: a file of options.
        engine_options: `engineOptions`: options of the engine's command line.
    """

    main_workflow_url: str
    input_file_urls: tuple[str, ...] = ()
    option_file_url: str | None = None
    engine_options: str = ""


@dataclass(frozen=True)
class WorkflowSource:
    """A workflow that was found.

    Attributes:
        name: What to call it: its name in the project file, or that of its file or folder.
        main: Its main file, as a path in `folder`; or, without a folder, an address that the engine reads by itself.
        process: The process of the main file that is run, for CWL documents with several; empty when none was named.
        folder: The folder that holds it with everything beside it; None when the engine reads an address.
        inputs: Files of inputs that its manifest names.
        options: The file of options that its manifest names.
        engine_options: Options of the engine's command line that its manifest gives.
        warnings: What is odd about it, and was passed over.
        checked: Whether the workflow and the types of its inputs are checked on this machine, where the engine can.
    """

    name: str
    main: str
    folder: Path | None = None
    process: str = ""
    inputs: Sequence[Path] = ()
    options: Path | None = None
    engine_options: str = ""
    warnings: Sequence[str] = ()
    checked: bool = True

    @property
    def file(self) -> Path | None:
        """The main file on this machine; None when the engine reads an address."""
        return self.folder / self.main if self.folder is not None else None


@dataclass(frozen=True)
class WorkflowFinder:
    """Finds workflows.

    Attributes:
        language: The language of the context's engine.
        scratch: A folder for what must be fetched; it must live as long as what was found is used.
        project: The project whose workflows may be named. Default: none.
        beside: The folder of the project file, from which its paths count. Default: the working directory.
    """

    language: str
    scratch: Path
    project: Project | None = None
    beside: Path = Path()

    def find(self, written: str) -> WorkflowSource:
        """Find a workflow.

        Args:
            written: What the user named: a workflow of the project, a path, or an address (`https://`, `s3://`, or of a
                git repository, which may end in `@revision` and `#path/in/it`). Behind it may stand `#process`, for one
                process of a CWL document that has several.

        Raises:
            WorkflowSourceError: There is no such workflow; the message says what was looked for, and where.
        """
        workflows = self.project.workflows if self.project is not None else {}
        name, process = document_and_process(written, lambda one: one in workflows)
        if (named := workflows.get(name)) is not None:
            if named.type.language != self.language:
                raise WorkflowSourceError(
                    f"the workflow '{name}' is written in {named.type.language}, and the engine of this context "
                    f"runs {self.language}. Choose a context whose engine runs {named.type.language}"
                )
            source = replace(self._resolve(named.source_url, self.beside), name=name)
            return self._checked(_of_process(source, process), written)
        if not _is_address(written) and not _is_path(document_and_process(written, _is_path)[0]):
            raise WorkflowSourceError(
                f"there is no workflow '{written}'. Looked for a workflow of this name in the project file (it has "
                f"{', '.join(workflows) or 'none'}), and for the path {Path(written).absolute()}"
            )
        return self._checked(self._resolve(written, Path()), written)

    def _checked(self, source: WorkflowSource, written: str) -> WorkflowSource:
        if source.process and self.language != "cwl":
            raise WorkflowSourceError(
                f"{written}: '#{source.process}' names a process of a CWL document, and the engine of this context "
                f"runs {self.language}. Name the file alone"
            )
        return source

    def _resolve(self, written: str, beside: Path) -> WorkflowSource:
        if _GIT.search(written):
            return self._from_git(written)
        if written.startswith("s3://"):
            return self._from_s3(written)
        if written.startswith(("http://", "https://")):
            return self._from_web(written)
        if "://" in written and not written.startswith("file://"):
            scheme = written.partition("://")[0]
            allowed = "https://, s3:// or git+https://"
            raise WorkflowSourceError(f"{written}: addresses begin with {allowed}, not {scheme}://")
        full = str(beside / Path(written.removeprefix("file://")).expanduser())
        document, process = document_and_process(full, _is_path)
        path = Path(document)
        if not path.exists():
            raise WorkflowSourceError(f"the workflow {written} is not there: looked for {path.absolute()}")
        if path.is_dir():
            found = self._in_folder(path, path.resolve().name)
        elif path.suffix == ".zip":
            found = self._from_archive(path)
        else:
            found = WorkflowSource(path.stem, path.name, path.absolute().parent)
        return _of_process(found, process)

    def _in_folder(self, folder: Path, name: str) -> WorkflowSource:
        """The workflow in a folder: what its manifest names, else a main file, else the only file of the language."""
        manifest = folder / MANIFEST
        if manifest.is_file():
            return self._by_manifest(manifest, name)
        return self._by_main_file(folder, name, looked_for=[MANIFEST])

    def _by_main_file(self, folder: Path, name: str, looked_for: Sequence[str] = ()) -> WorkflowSource:
        mains = MAIN_FILES.get(self.language, (f"main.{self.language}",))
        suffix = SUFFIXES.get(self.language, f".{self.language}")
        others = [one.name for one in sorted(folder.iterdir()) if one.suffix == suffix and one.is_file()]
        found = next((main for main in mains if (folder / main).is_file()), others[0] if len(others) == 1 else None)
        if found is None:
            looked = ", ".join((*looked_for, *mains))
            also = f"; it has {', '.join(others)}: name one of them" if others else f", and it has no file *{suffix}"
            raise WorkflowSourceError(f"the folder {folder.absolute()} has no main file: looked for {looked}{also}")
        return WorkflowSource(name, found, folder.absolute())

    def _by_manifest(self, file: Path, name: str) -> WorkflowSource:
        manifest = _read_manifest(file)
        main, process = document_and_process(
            manifest.main_workflow_url, lambda one: _is_address(one) or (file.parent / one).exists()
        )
        if _is_address(main):
            source = self._resolve(main, file.parent)
        elif (file.parent / main).is_dir():
            source = self._by_main_file(file.parent / main, name)
        elif (file.parent / main).is_file():
            source = WorkflowSource(name, str(Path(main)), file.parent.absolute())
        else:
            raise WorkflowSourceError(f"{file}: mainWorkflowURL: there is no file {(file.parent / main).absolute()}")
        inputs = [file.parent / one for one in manifest.input_file_urls]
        for one in inputs:
            if not one.is_file():
                raise WorkflowSourceError(f"{file}: inputFileURLs: there is no file {one.absolute()}")
        options = file.parent / manifest.option_file_url if manifest.option_file_url else None
        # Published projects name files of options that they do not have, and their workflows need none.
        missing = options is not None and not options.is_file()
        return replace(
            _of_process(source, process),
            name=name,
            inputs=inputs,
            options=None if missing else options,
            engine_options=manifest.engine_options,
            warnings=[f"{file}: optionFileURL: there is no file {options}; it is left out"] if missing else [],
        )

    def _from_archive(self, archive: Path) -> WorkflowSource:
        folder = self._new_folder()
        unzip(archive, folder)
        return self._fetched(folder, archive.stem)

    def _from_web(self, address: str) -> WorkflowSource:
        """An archive is fetched and unpacked; any other address is read by the engine."""
        location, _, process = address.partition("#")
        name = location.partition("?")[0].rstrip("/").rsplit("/", 1)[-1]
        if not name.endswith(".zip"):
            return WorkflowSource(Path(name).stem, location, process=process)
        archive = self._new_folder() / name
        download(location, archive)
        return _of_process(self._from_archive(archive), process)

    def _from_s3(self, address: str) -> WorkflowSource:
        """An archive or a folder is fetched; a file is fetched with what lies beside it."""
        document, _, process = address.rpartition("#")
        if document.endswith((".zip", "/")):
            return _of_process(self._from_s3(document), process)
        folder = self._new_folder()
        copy_from_s3(address, folder)
        bucket, _, key = address.removeprefix("s3://").partition("/")
        if key.endswith(".zip"):
            return self._from_archive(folder / Path(key).name)
        if key.endswith("/") or not key:
            return self._fetched(folder, Path(key).name or bucket)
        name, process = document_and_process(Path(key).name, lambda one: (folder / one).is_file())
        if not (folder / name).is_file():
            raise WorkflowSourceError(f"there is no object {address}")
        return WorkflowSource(Path(name).stem, name, folder, process)

    def _from_git(self, written: str) -> WorkflowSource:
        """A repository is cloned, at the revision behind `@`; behind `#` stands the path of the workflow in it."""
        address, _, path = written.partition("#")
        address, revision = address.removeprefix("git+"), ""
        if "@" in address.rpartition("/")[2]:
            address, _, revision = address.rpartition("@")
        folder = self._new_folder()
        clone(address, revision, folder)
        path, process = document_and_process(path, lambda one: (folder / one).exists())
        name = Path(path).stem if path else Path(address.rstrip("/")).name.removesuffix(".git")
        if path and (folder / path).is_file():
            return WorkflowSource(name, path, folder, process)
        if not (folder / path).is_dir():
            raise WorkflowSourceError(f"there is no {path} in {address}")
        return _of_process(self._in_folder(folder / path, name), process)

    def _fetched(self, folder: Path, name: str) -> WorkflowSource:
        """The workflow in what was unpacked: archives often hold one folder with everything in it."""
        entries = [one for one in folder.iterdir() if not one.name.startswith((".", "__MACOSX"))]
        return self._in_folder(entries[0] if len(entries) == 1 and entries[0].is_dir() else folder, name)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.scratch))


def document_and_process(written: str, is_there: Callable[[str], bool]) -> tuple[str, str]:
    """What stands before the last `#` and the process behind it; names of files may have a `#` of their own.

    Args:
        written: What the user named.
        is_there: Whether there is a document of some name.

    Returns:
        The document, and the process; all that was written, and no process, where that is there itself, or where there
        is no such document either.

    Raises:
        WorkflowSourceError: Nothing stands behind the `#`.
    """
    document, sign, process = written.rpartition("#")
    if not sign or is_there(written) or not is_there(document):
        return written, ""
    if not process:
        raise WorkflowSourceError(f"{written}: no process is named behind the '#'. Name one, or leave the '#' out")
    return document, process


def _of_process(source: WorkflowSource, process: str) -> WorkflowSource:
    return replace(source, process=process) if process else source


def _is_path(written: str) -> bool:
    return Path(written).expanduser().exists()


def _is_address(written: str) -> bool:
    return "://" in written or written.startswith("git@")


def _read_manifest(file: Path) -> Manifest:
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WorkflowSourceError(f"{file} is not a JSON file that can be read: {error}") from error
    if not isinstance(written, dict):
        raise WorkflowSourceError(f"{file} must hold an object with mainWorkflowURL")
    # Published projects write it in these ways.
    options = [written[key] for key in ("optionFileURL", "optionsFileURL", "optionFileURLs") if key in written]
    return Manifest(
        _text(file, "mainWorkflowURL", written.get("mainWorkflowURL")),
        tuple(_text(file, "inputFileURLs", one) for one in _list(file, "inputFileURLs", written.get("inputFileURLs"))),
        _text(file, "optionFileURL", options[0]) if options and options[0] is not None else None,
        _text(file, "engineOptions", written.get("engineOptions", "")),
    )


def _text(file: Path, key: str, value: Any) -> str:
    if value is None:
        raise WorkflowSourceError(f"{file}: {key} is missing")
    if not isinstance(value, str):
        raise WorkflowSourceError(f"{file}: {key} must be a text, and is {json.dumps(value)}")
    return value


def _list(file: Path, key: str, value: Any) -> list[Any]:
    if not isinstance(value, list | None):
        raise WorkflowSourceError(f"{file}: {key} must be a list, and is {json.dumps(value)}")
    return value or []
