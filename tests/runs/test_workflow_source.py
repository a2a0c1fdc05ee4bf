"""Workflows are found as people have them, and errors say what was looked for, and where."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from workflow_stacks.project import Project, parse_project
from workflow_stacks.runs.workflow_source import WorkflowFinder, WorkflowSource, WorkflowSourceError


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRATCH", str(tmp_path_factory.mktemp("scratch")))


def find_workflow(written: str, language: str, project: Project | None = None, beside: Path = Path()) -> WorkflowSource:
    return WorkflowFinder(language, Path(os.environ["SCRATCH"]), project, beside).find(written)


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def manifest(folder: Path, **keys: object) -> None:
    write(folder / "MANIFEST.json", json.dumps(keys))


def project_with(tmp_path: Path, source: str, language: str = "wdl"):
    text = f"""
name: Lab
schemaVersion: 1
workflows: {{mine: {{type: {{language: {language}, version: 1.0}}, sourceURL: {source}}}}}
contexts: {{dev: {{engines: [{{type: wdl, engine: miniwdl}}]}}}}
"""
    return parse_project(text.encode(), tmp_path / "agc-project.yaml").project


class TestAFile:
    def test_brings_its_folder(self, tmp_path: Path) -> None:
        found = find_workflow(str(write(tmp_path / "align.wdl")), "wdl")
        assert (found.name, found.main, found.folder) == ("align", "align.wdl", tmp_path)

    def test_that_is_not_there_is_told_with_the_path_and_the_names_of_the_project(self, tmp_path: Path) -> None:
        project = project_with(tmp_path, "x.wdl")
        with pytest.raises(WorkflowSourceError) as caught:
            find_workflow("nowhere.wdl", "wdl", project, tmp_path)
        assert "it has mine" in str(caught.value)
        assert str(Path("nowhere.wdl").absolute()) in str(caught.value)


class TestAProcessOfADocument:
    @pytest.mark.parametrize(
        ("written", "main", "process"),
        [
            ("flow.cwl", "flow.cwl", ""),
            ("flow.cwl#align", "flow.cwl", "align"),
            ("run#7.cwl", "run#7.cwl", ""),
            ("run#7.cwl#align", "run#7.cwl", "align"),
            ("folder#align", "main.cwl", "align"),
            ("flow.zip#align", "main.cwl", "align"),
        ],
    )
    def test_stands_behind_its_path_whose_name_may_have_the_sign_too(
        self, written: str, main: str, process: str, tmp_path: Path
    ) -> None:
        for name in ("flow.cwl", "run#7.cwl", "folder/main.cwl"):
            write(tmp_path / name)
        with zipfile.ZipFile(tmp_path / "flow.zip", "w") as zipped:
            zipped.writestr("main.cwl", "")
        found = find_workflow(str(tmp_path / written), "cwl")
        assert (found.main, found.process) == (main, process)
        assert found.file is not None
        assert found.file.is_file()

    def test_may_be_named_in_the_project_file_and_behind_a_name_of_it(self, tmp_path: Path) -> None:
        write(tmp_path / "flow.cwl")
        named = find_workflow("mine", "cwl", project_with(tmp_path, "'flow.cwl#align'", "cwl"), tmp_path)
        behind = find_workflow("mine#sort", "cwl", project_with(tmp_path, "flow.cwl", "cwl"), tmp_path)
        assert [(one.name, one.main, one.process) for one in (named, behind)] == [
            ("mine", "flow.cwl", "align"),
            ("mine", "flow.cwl", "sort"),
        ]

    def test_may_be_named_in_a_manifest(self, tmp_path: Path) -> None:
        write(tmp_path / "flow.cwl")
        manifest(tmp_path, mainWorkflowURL="flow.cwl#align")
        assert find_workflow(str(tmp_path), "cwl").process == "align"

    @pytest.mark.parametrize("address", ["https://example.org/flow.cwl", "https://example.org/flow.cwl?token=1"])
    def test_at_an_address_of_the_web_is_left_to_the_engine(self, address: str) -> None:
        found = find_workflow(f"{address}#align", "cwl")
        assert (found.main, found.process, found.folder) == (address, "align", None)

    def test_of_another_language_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path / "align.wdl")
        with pytest.raises(WorkflowSourceError, match=r"'#main' names a process of a CWL document, and .* runs wdl"):
            find_workflow(f"{tmp_path}/align.wdl#main", "wdl")

    def test_without_a_name_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path / "flow.cwl")
        with pytest.raises(WorkflowSourceError, match="no process is named behind the '#'"):
            find_workflow(f"{tmp_path}/flow.cwl#", "cwl")

    def test_of_a_file_that_is_not_there_is_told_as_it_was_written(self) -> None:
        with pytest.raises(WorkflowSourceError, match=r"there is no workflow 'gone\.cwl#main'"):
            find_workflow("gone.cwl#main", "cwl")


class TestANameOfTheProject:
    def test_is_looked_for_beside_the_project_file(self, tmp_path: Path) -> None:
        write(tmp_path / "workflows" / "a.wdl")
        found = find_workflow("mine", "wdl", project_with(tmp_path, "workflows/a.wdl"), tmp_path)
        assert (found.name, found.file) == ("mine", tmp_path / "workflows" / "a.wdl")

    def test_of_another_language_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WorkflowSourceError, match="written in nextflow"):
            find_workflow("mine", "wdl", project_with(tmp_path, "main.nf", "nextflow"), tmp_path)

    def test_whose_file_is_missing_says_where_it_was_looked_for(self, tmp_path: Path) -> None:
        with pytest.raises(WorkflowSourceError, match=str(tmp_path / "gone.wdl")):
            find_workflow("mine", "wdl", project_with(tmp_path, "gone.wdl"), tmp_path)


class TestAFolder:
    @pytest.mark.parametrize(
        ("language", "main"),
        [
            ("wdl", "main.wdl"),
            ("nextflow", "main.nf"),
            ("snakemake", "Snakefile"),
            ("snakemake", "workflow/Snakefile"),
            ("cwl", "main.cwl"),
        ],
    )
    def test_has_a_main_file(self, language: str, main: str, tmp_path: Path) -> None:
        write(tmp_path / main)
        found = find_workflow(str(tmp_path), language)
        assert (found.name, found.main, found.folder) == (tmp_path.name, main, tmp_path)

    def test_with_one_file_of_the_language_needs_no_other_name(self, tmp_path: Path) -> None:
        write(tmp_path / "hello.wdl")
        write(tmp_path / "README.md")
        assert find_workflow(str(tmp_path), "wdl").main == "hello.wdl"

    def test_with_two_says_that_one_must_be_named(self, tmp_path: Path) -> None:
        write(tmp_path / "a.wdl")
        write(tmp_path / "b.wdl")
        with pytest.raises(WorkflowSourceError, match=r"looked for MANIFEST\.json, main\.wdl; it has a\.wdl, b\.wdl"):
            find_workflow(str(tmp_path), "wdl")

    def test_with_none_says_what_was_looked_for(self, tmp_path: Path) -> None:
        with pytest.raises(WorkflowSourceError, match=r"no file \*\.nf"):
            find_workflow(str(tmp_path), "nextflow")


class TestAManifest:
    def test_names_main_file_inputs_options_and_engine_options(self, tmp_path: Path) -> None:
        for name in ("gatk.wdl", "in.json", "more.json", "options.json"):
            write(tmp_path / name)
        manifest(
            tmp_path,
            mainWorkflowURL="gatk.wdl",
            inputFileURLs=["in.json", "more.json"],
            optionFileURL="options.json",
            engineOptions="-j 10 --use-conda",
        )
        found = find_workflow(str(tmp_path), "wdl")
        assert found.file == tmp_path / "gatk.wdl"
        assert [one.name for one in found.inputs] == ["in.json", "more.json"]
        assert found.options == tmp_path / "options.json"
        assert found.engine_options == "-j 10 --use-conda"

    def test_may_spell_its_options_as_published_projects_do(self, tmp_path: Path) -> None:
        write(tmp_path / "main.cwl")
        write(tmp_path / "options.json")
        manifest(tmp_path, mainWorkflowURL="main.cwl", optionsFileURL="options.json")
        assert find_workflow(str(tmp_path), "cwl").options == tmp_path / "options.json"

    def test_may_name_a_file_of_options_that_is_not_there(self, tmp_path: Path) -> None:
        write(tmp_path / "main.nf")
        manifest(tmp_path, mainWorkflowURL="main.nf", optionFileURL="options.json")
        found = find_workflow(str(tmp_path), "nextflow")
        assert found.options is None
        assert "options.json; it is left out" in found.warnings[0]

    def test_may_name_its_own_folder(self, tmp_path: Path) -> None:
        write(tmp_path / "Snakefile")
        manifest(tmp_path, mainWorkflowURL=".", engineOptions="-j 10")
        found = find_workflow(str(tmp_path), "snakemake")
        assert (found.file, found.engine_options) == (tmp_path / "Snakefile", "-j 10")

    def test_may_name_an_address_that_the_engine_reads(self, tmp_path: Path) -> None:
        manifest(tmp_path, mainWorkflowURL="https://example.org/flows/main.wdl")
        found = find_workflow(str(tmp_path), "wdl")
        assert (found.main, found.folder) == ("https://example.org/flows/main.wdl", None)

    @pytest.mark.parametrize(
        ("keys", "why"),
        [
            ({"mainWorkflowURL": "gone.wdl"}, "mainWorkflowURL: there is no file"),
            ({"mainWorkflowURL": "main.wdl", "inputFileURLs": ["gone.json"]}, "inputFileURLs: there is no file"),
            ({"inputFileURLs": []}, "mainWorkflowURL is missing"),
        ],
    )
    def test_that_is_wrong_is_told_with_its_key(self, keys: dict[str, object], why: str, tmp_path: Path) -> None:
        write(tmp_path / "main.wdl")
        manifest(tmp_path, **keys)
        with pytest.raises(WorkflowSourceError, match=why):
            find_workflow(str(tmp_path), "wdl")

    def test_that_is_no_json_is_told(self, tmp_path: Path) -> None:
        write(tmp_path / "MANIFEST.json", "{")
        with pytest.raises(WorkflowSourceError, match="is not a JSON file"):
            find_workflow(str(tmp_path), "wdl")


class TestAnArchive:
    def test_is_unpacked_and_its_one_folder_is_the_workflow(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "flow.zip", "w") as zipped:
            zipped.writestr("flow-1.0/main.wdl", "version 1.0")
            zipped.writestr("flow-1.0/tasks/align.wdl", "version 1.0")
        found = find_workflow(str(tmp_path / "flow.zip"), "wdl")
        assert found.name == "flow"
        assert found.file is not None
        assert found.file.read_text() == "version 1.0"
        assert (found.file.parent / "tasks" / "align.wdl").is_file()

    def test_cannot_write_outside_of_its_folder(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "flow.zip", "w") as zipped:
            zipped.writestr("main.wdl", "")
            zipped.writestr("../../escaped", "")
        find_workflow(str(tmp_path / "flow.zip"), "wdl")
        assert not list(tmp_path.parent.glob("escaped"))

    def test_that_is_none_is_told(self, tmp_path: Path) -> None:
        write(tmp_path / "flow.zip", "text")
        with pytest.raises(WorkflowSourceError, match="not a zip archive"):
            find_workflow(str(tmp_path / "flow.zip"), "wdl")


class TestARepository:
    @pytest.fixture
    def repository(self, tmp_path: Path) -> Path:
        origin = tmp_path / "origin.git"
        origin.mkdir()
        identity = {
            **os.environ,
            **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

        def git(*words: str) -> None:
            subprocess.run(["git", "-C", str(origin), *words], check=True, capture_output=True, env=identity)

        git("init", "--initial-branch=main")
        write(origin / "main.nf", "first")
        git("add", ".")
        git("commit", "-m", "first")
        git("tag", "v1")
        write(origin / "main.nf", "second")
        write(origin / "flows" / "other.nf", "other")
        git("add", ".")
        git("commit", "-m", "second")
        return origin

    def test_is_cloned_at_its_head(self, repository: Path) -> None:
        found = find_workflow(f"git+file://{repository}", "nextflow")
        assert found.name == "origin"
        assert found.file is not None
        assert found.file.read_text() == "second"

    def test_may_have_a_revision_and_a_path(self, repository: Path) -> None:
        first = find_workflow(f"git+file://{repository}@v1", "nextflow")
        other = find_workflow(f"git+file://{repository}#flows/other.nf", "nextflow")
        assert first.file is not None
        assert first.file.read_text() == "first"
        assert (other.name, other.main) == ("other", "flows/other.nf")

    def test_may_have_a_process_behind_the_path(self, repository: Path) -> None:
        found = find_workflow(f"git+file://{repository}#flows/other.nf#align", "cwl")
        assert (found.main, found.process) == ("flows/other.nf", "align")

    def test_that_is_not_there_is_told_in_the_words_of_git(self, tmp_path: Path) -> None:
        with pytest.raises(WorkflowSourceError, match="cannot be cloned"):
            find_workflow(f"git+file://{tmp_path}/none.git", "nextflow")


class TestAnAddressInS3:
    @pytest.fixture
    def s3(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            client = boto3.client("s3")
            client.create_bucket(Bucket="flows")
            for key, text in {"wgs/main.wdl": "main", "wgs/tasks/a.wdl": "a", "other/main.wdl": "no"}.items():
                client.put_object(Bucket="flows", Key=key, Body=text.encode())
            yield client

    @pytest.mark.parametrize("address", ["s3://flows/wgs/", "s3://flows/wgs/main.wdl"])
    @pytest.mark.usefixtures("s3")
    def test_is_fetched_with_what_lies_beside_it(self, address: str) -> None:
        found = find_workflow(address, "wdl")
        assert found.file is not None
        assert found.file.read_text() == "main"
        assert (found.file.parent / "tasks" / "a.wdl").read_text() == "a"

    @pytest.mark.parametrize(
        ("address", "main", "process"),
        [
            ("s3://flows/wgs/main.wdl#align", "main.wdl", "align"),
            ("s3://flows/wgs/run#7.cwl", "run#7.cwl", ""),
            ("s3://flows/wgs/run#7.cwl#align", "run#7.cwl", "align"),
            ("s3://flows/only/#align", "one.cwl", "align"),
        ],
    )
    def test_may_have_a_process_behind_it(self, s3, address: str, main: str, process: str) -> None:
        for key in ("wgs/run#7.cwl", "only/one.cwl"):
            s3.put_object(Bucket="flows", Key=key, Body=b"")
        found = find_workflow(address, "cwl")
        assert (found.main, found.process) == (main, process)

    @pytest.mark.usefixtures("s3")
    def test_without_an_object_is_told(self) -> None:
        with pytest.raises(WorkflowSourceError, match="there is no object"):
            find_workflow("s3://flows/wgs/gone.wdl", "wdl")


def test_an_address_of_another_kind_is_told_what_is_allowed() -> None:
    with pytest.raises(WorkflowSourceError, match="addresses begin with https://, s3:// or git"):
        find_workflow("ftp://example.org/main.wdl", "wdl")


def test_a_file_on_the_web_is_left_to_the_engine() -> None:
    found = find_workflow("https://raw.example.org/flows/align.wdl?token=1", "wdl")
    assert (found.name, found.main, found.folder) == ("align", "https://raw.example.org/flows/align.wdl?token=1", None)
