"""What the service takes and what it refuses, without any cloud."""

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from workflow_stacks.runs.record import RunEnd, RunState
from workflow_stacks.runs.staging import Stage, WorkflowInputError
from workflow_stacks.wes import function
from workflow_stacks.wes.access import check_access
from workflow_stacks.wes.languages import takes_version
from workflow_stacks.wes.model import WesError
from workflow_stacks.wes.request import Form, workflow_in
from workflow_stacks.wes.states import STATES, wes_state

TOKEN = "secret-token-0123"
GOOD = {"host": "127.0.0.1:8080", "authorization": f"Bearer {TOKEN}"}


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"wes:{password}".encode()).decode()


class TestAccess:
    @pytest.mark.parametrize(
        "headers", [GOOD, {**GOOD, "host": "localhost"}, {**GOOD, "authorization": basic(TOKEN)}], ids=str
    )
    def test_is_given_to_the_holder_of_the_token(self, headers: Mapping[str, str]) -> None:
        check_access(headers, TOKEN)

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"host": "attacker.example:8080"}, 403),
            ({"host": "127.0.0.1.attacker.example"}, 403),
            ({"host": "[::1"}, 403),
            ({"host": ""}, 403),
            ({"origin": "https://attacker.example"}, 403),
            ({"origin": "null"}, 403),
            ({"origin": "http://127.0.0.1:8080"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"authorization": ""}, 401),
            ({"authorization": TOKEN}, 401),
            ({"authorization": f"Bearer {TOKEN}x"}, 401),
            ({"authorization": basic("other")}, 401),
            ({"authorization": "Basic %%%"}, 401),
            ({"authorization": "Bearer é"}, 401),
        ],
        ids=str,
    )
    def test_is_refused_to_pages_other_hosts_and_all_others(self, changed: Mapping[str, str], status: int) -> None:
        with pytest.raises(WesError) as refused:
            check_access({**GOOD, **changed}, TOKEN)
        assert refused.value.status == status


class TestAttachments:
    def test_may_lie_in_folders(self, tmp_path: Path) -> None:
        form = Form({}, [("main.wdl", io.BytesIO(b"a")), ("tasks/one.wdl", io.BytesIO(b"b"))])
        assert form.save(tmp_path) == ["main.wdl", "tasks/one.wdl"]
        assert (tmp_path / "tasks" / "one.wdl").read_bytes() == b"b"

    @pytest.mark.parametrize(
        "name",
        [
            "../escaped",
            "a/../../escaped",
            "/escaped",
            "",
            ".",
            ".hidden",
            "a/.git/config",
            "a\\b",
            "a\0b",
            "a\nb",
            "x" * 300,
        ],
    )
    def test_never_leave_their_folder(self, name: str, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        with pytest.raises(WesError, match="workflow_attachment") as refused:
            Form({}, [(name, io.BytesIO(b"a"))]).save(folder)
        assert refused.value.status == 400
        assert [one.name for one in tmp_path.iterdir()] == ["folder"]
        assert not list(folder.iterdir())

    def test_have_names_of_their_own(self, tmp_path: Path) -> None:
        with pytest.raises(WesError, match="two files are named"):
            Form({}, [("a", io.BytesIO(b"1")), ("a", io.BytesIO(b"2"))]).save(tmp_path)
        assert (tmp_path / "a").read_bytes() == b"1"

    @pytest.mark.parametrize(
        "url", ["https://example.org/main.wdl", "s3://bucket/main.wdl", "git+https://example.org/x"]
    )
    def test_are_not_needed_for_an_address(self, url: str, tmp_path: Path) -> None:
        assert workflow_in(url, tmp_path) == url

    def test_may_be_one_process_of_a_document(self, tmp_path: Path) -> None:
        (tmp_path / "main.cwl").touch()
        assert workflow_in("main.cwl#align", tmp_path) == str(tmp_path / "main.cwl#align")

    @pytest.mark.parametrize(
        "url",
        [
            "/etc/passwd",
            "file:///etc/passwd",
            "../main.wdl",
            "http://169.254.169.254/x.zip",
            "git@host:x",
            "gone.wdl",
            "gone.cwl#main",
        ],
    )
    def test_or_an_address_are_the_only_workflows(self, url: str, tmp_path: Path) -> None:
        with pytest.raises(WesError, match="workflow_url"):
            workflow_in(url, tmp_path)

    def test_alone_are_uploaded(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "link").symlink_to(secret)
        stage = Stage(None, "s3://lab/sources/", folder)
        for file in (secret, folder / "link", folder / ".." / "secret"):
            with pytest.raises(WorkflowInputError, match="is a file of the server"):
                stage.put_file(file)
            with pytest.raises(WorkflowInputError, match="is a file of the server"):
                stage.put_folder({"x": file})

    def test_have_directories_of_which_no_link_leads_to_what_is_the_servers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder := tmp_path / "folder").mkdir()
        (folder / "all").symlink_to("/")
        stage = Stage(None, "s3://lab/sources/", folder)
        walked: list[Path] = []
        monkeypatch.setattr(Stage, "put_folder", lambda _self, files: walked.extend(files.values()))
        stage.put_directory(folder)
        for outside in (Path("/"), folder / "all", tmp_path):
            with pytest.raises(WorkflowInputError, match="is a file of the server"):
                stage.put_directory(outside)
        assert walked == []


class TestFields:
    @pytest.mark.parametrize("text", ["[1]", "1", "{", '"a"', "[" * 100_000], ids=lambda text: text[:5])
    def test_that_hold_no_object_are_refused(self, text: str) -> None:
        with pytest.raises(WesError, match="workflow_params must be a JSON object"):
            Form({"workflow_params": text}).mapping("workflow_params")

    @pytest.mark.parametrize(
        "tags",
        [{"aws:x": "1"}, {"workflow-context:run": "1"}, {"a": 1}, {"a": "x" * 257}, {"": "1"}, {"a": "\n"}],
        ids=str,
    )
    def test_with_tags_that_aws_does_not_take_are_refused(self, tags: dict[str, Any]) -> None:
        with pytest.raises(WesError, match="tags: "):
            Form({"tags": json.dumps(tags)}).tags()

    @pytest.mark.parametrize(
        ("language", "version", "is_taken"),
        [
            ("wdl", "1.0", True),
            ("wdl", "draft-2", True),
            ("wdl", "2.0", False),
            ("cwl", "v1.2", True),
            ("cwl", "1.2", True),
            ("cwl", "v1.20", False),
            ("nextflow", "dsl2", True),
            ("snakemake", "9.27.1", True),
            ("other", "x", True),
        ],
    )
    def test_with_versions_of_a_language(self, language: str, version: str, is_taken: bool) -> None:
        assert takes_version(language, version) is is_taken


class TestStates:
    def test_every_state_has_one(self) -> None:
        assert set(STATES) == set(RunState)

    def test_an_end_without_exit_code_is_an_error_of_the_system(self) -> None:
        assert wes_state(RunState.FAILED, RunEnd(state=RunState.FAILED, ended_at=1)) == "SYSTEM_ERROR"
        assert wes_state(RunState.FAILED, RunEnd(state=RunState.FAILED, ended_at=1, exit_code=2)) == "EXECUTOR_ERROR"

    def test_a_head_job_that_was_told_to_end_is_being_cancelled(self) -> None:
        assert wes_state(RunState.RUNNING, None, {"isTerminated": True}) == "CANCELING"
        assert wes_state(RunState.STOPPED, None, {"isTerminated": True}) == "CANCELED"


def event(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {"rawPath": path, "requestContext": {"http": {"method": method}, "domainName": "x.example"}, **more}


class TestTheFunction:
    @pytest.fixture(autouse=True)
    def told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = {"project": "P", "name": "c", "user": "", "engine": "miniwdl", "language": "wdl", "version": "1"}
        monkeypatch.setenv(function.VARIABLE, json.dumps({**told, "outputs": {}}))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            (event("GET", "/"), 404),
            (event("DELETE", "/ga4gh/wes/v1/runs"), 404),
            (event("GET", "/ga4gh/wes/v1/runs", queryStringParameters={"page_size": "x"}), 400),
            (event("POST", "/ga4gh/wes/v1/runs", body="{}", headers={"Content-Type": "application/json"}), 400),
            (event("POST", "/ga4gh/wes/v1/runs", body="", headers={"content-type": "multipart/form-data"}), 400),
        ],
        ids=str,
    )
    def test_answers_what_is_wrong_as_the_specification_says(self, asked: dict[str, Any], status: int) -> None:
        answer = function.handler(asked)
        assert (answer["statusCode"], json.loads(answer["body"])["status_code"]) == (status, status)

    def test_reads_fields_and_files_of_a_form(self) -> None:
        body = (
            '--b\r\nContent-Disposition: form-data; name="workflow_type"\r\n\r\nWDL\r\n'
            '--b\r\nContent-Disposition: form-data; name="workflow_attachment"; filename="tasks/ä.wdl"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode() + b"\x00\xff\r\n\n--c\r\n--b--\r\n"
        asked = event(
            "POST",
            "/ga4gh/wes/v1/runs",
            body=base64.b64encode(body).decode(),
            isBase64Encoded=True,
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
        form = function._form(asked)
        assert form.fields == {"workflow_type": "WDL"}
        [(name, content)] = form.attachments
        assert (name, content.read()) == ("tasks/ä.wdl", b"\x00\xff\r\n\n--c")
