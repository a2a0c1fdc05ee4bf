"""The program as head jobs have it: its commands, and the Pythons and requests it must do with."""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.message import Message
from pathlib import Path

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from fake_batch import ARN, TEMPLATE, FakeBatch, states

from workflow_context import pbs
from workflow_context.pbs import batch_api, credentials
from workflow_context.pbs.batch_api import sign
from workflow_context.pbs.credentials import Credentials, find_credentials
from workflow_context.program import pbs_files

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, batch: FakeBatch) -> Run:
    """Run a command of the program."""
    program = tmp_path / "program"
    (program / "pbs").mkdir(parents=True)
    for name, text in pbs_files().items():
        (program / name).write_text(text)
    python = os.environ.get("OLDEST_PYTHON") or shutil.which("python3.9") or sys.executable
    if subprocess.run([python, "--version"], capture_output=True, check=False).returncode:
        python = sys.executable

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-S", "-E", program, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={
                "AWS_ENDPOINT_URL": batch.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "WORKFLOW_CONTEXT": "ctx",
                "WORKFLOW_TASK_DEFINITION": TEMPLATE,
                "WORKFLOW_TASK_QUEUE": f"{ARN}:job-queue/TaskQueue-abc",
                "WORKFLOW_STATE": str(tmp_path / "state"),
                **variables,
            },
        )

    return call


def test_it_submits_says_and_ends(run: Run, tmp_path: Path, batch: FakeBatch) -> None:
    (tmp_path / "s.sh").write_text("#PBS -v WORKFLOW_IMAGE=python:3.12\n")
    submitted = run("qsub", "-N", "name", "s.sh")
    assert (submitted.returncode, submitted.stderr) == (0, "")
    id_ = submitted.stdout.strip()
    wait_for(lambda: bool(batch.jobs))
    assert run("qstat", "-f", "-1", "TaskQueue-abc").stdout == f"Job Id: {id_}\n    job_state = Q\n\n"
    assert run("qdel", id_).returncode == 0
    assert "job_state = C" in run("qstat", "-f").stdout
    assert run("qdel", "--run", "--definitions").stdout == "ended 0 jobs\nremoved 1 job definitions\n"


def test_runs_share_one_pace(run: Run, tmp_path: Path, batch: FakeBatch) -> None:
    (tmp_path / "s.sh").write_text("")
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda n: run("qsub", "s.sh", WORKFLOW_SUBMISSIONS_PER_SECOND="4", WORKFLOW_RUN=f"r{n}"), range(8))
        )
    wait_for(lambda: len(batch.jobs) == 8)
    assert max(batch.moments) - min(batch.moments) > 0.8 * 7 / 4


def test_a_burst_of_one_script_is_one_array(run: Run, tmp_path: Path, batch: FakeBatch) -> None:
    (tmp_path / "s.sh").write_text("")
    with ThreadPoolExecutor(8) as pool:
        ids = {one.stdout.strip() for one in pool.map(lambda _: run("qsub", "s.sh"), range(24))}
    assert len(ids) == 24
    wait_for(lambda: len(batch.jobs) == 24)
    assert batch.calls["submitjob"] < 8
    assert len(states(run("qstat", "-f").stdout)) == 24


def test_an_engine_that_waits_for_the_end_of_the_output_goes_on_at_once(run: Run, tmp_path: Path) -> None:
    """The process that submits has left the pipes of qsub: it is still there when their end was seen."""
    (tmp_path / "s.sh").write_text("")
    assert run("qsub", "s.sh").stdout
    assert running(tmp_path / "program")


def running(program: Path) -> list[str]:
    """The processes of a program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if os.fsencode(program) in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_cannot_be_done_is_said_in_one_line(run: Run) -> None:
    for arguments in (("qsub", "nowhere.sh"), ("qdel", "nothing"), ("qstat", "-f", "elsewhere"), ("qsub",)):
        said = run(*arguments)
        assert (said.returncode, said.stdout) == (1, "")
        assert re.fullmatch(rf"{arguments[0]}: .+\n", said.stderr)
    assert run("qhold").returncode == 2
    assert run("qstat", WORKFLOW_MEMORY_OVERHEAD_MIB="much").returncode == 1


def test_it_needs_nothing_but_the_standard_library() -> None:
    for file in Path(pbs.__file__).parent.glob("*.py"):
        if file.name == "apart.py":
            continue  # starts Toil, whose image has boto3
        for node in ast.walk(ast.parse(file.read_text(), feature_version=(3, 9))):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= sys.stdlib_module_names
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("token", ["", "a/token+="])
def test_requests_are_signed_as_botocore_signs_them(token: str) -> None:
    body, moment = b'{"jobs":["\xc3\xa4"]}', time.gmtime()
    ours = sign(Credentials("AKID", "secret", token), "eu-west-1", "host:8000", "/v1/describejobs", body, moment)
    request = botocore.awsrequest.AWSRequest(
        "POST", "http://host:8000/v1/describejobs", data=body, headers={"content-type": "application/json"}
    )
    theirs = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials("AKID", "secret", token or None), "batch", "eu-west-1"
    )
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={signature}")


class TestCredentials:
    @pytest.fixture(autouse=True)
    def nothing_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (
            "AWS_ACCESS_KEY_ID",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        ):
            monkeypatch.delenv(name, raising=False)

    def test_come_from_the_task_role_of_a_container(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def get(address: str, headers: dict[str, str]) -> bytes:
            asked.append((address, headers))
            return b'{"AccessKeyId": "K", "SecretAccessKey": "S", "Token": "T"}'

        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1")
        monkeypatch.setattr(credentials, "_get", get)
        assert find_credentials() == Credentials("K", "S", "T")
        assert asked == [("http://169.254.170.2/v2/credentials/1", {})]

    def test_come_from_a_whole_address_with_its_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def get(address: str, headers: dict[str, str]) -> bytes:
            asked.append((address, headers))
            return b'{"AccessKeyId": "K", "SecretAccessKey": "S", "Token": "T"}'

        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret")
        monkeypatch.setattr(credentials, "_get", get)
        assert find_credentials() == Credentials("K", "S", "T")
        assert asked == [("http://127.0.0.1:1/credentials", {"Authorization": "secret"})]

    def test_come_from_the_machine_with_a_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def get(address: str, headers: dict[str, str], method: str = "GET") -> bytes:
            asked.append((method, address.removeprefix("http://169.254.169.254/latest/"), *headers))
            if method == "PUT":
                return b"token"
            if address.endswith("/"):
                return b"role\n"
            return b'{"AccessKeyId": "K", "SecretAccessKey": "S", "Token": "T"}'

        monkeypatch.setattr(credentials, "_get", get)
        assert find_credentials() == Credentials("K", "S", "T")
        assert asked == [
            ("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds"),
            ("GET", "meta-data/iam/security-credentials/", "X-aws-ec2-metadata-token"),
            ("GET", "meta-data/iam/security-credentials/role", "X-aws-ec2-metadata-token"),
        ]


def test_the_address_of_a_region_is_that_of_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BATCH"):
        monkeypatch.delenv(name, raising=False)
    addresses = [batch_api.BatchApi(region)._endpoint for region in ("us-east-1", "cn-north-1")]
    assert addresses == ["https://batch.us-east-1.amazonaws.com", "https://batch.cn-north-1.amazonaws.com.cn"]


class TestSettings:
    @pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "fast"])
    def test_a_rate_must_be_a_number_greater_than_zero(self, run: Run, value: str) -> None:
        result = run("qstat", "-f", WORKFLOW_SUBMISSIONS_PER_SECOND=value)
        assert result.returncode == 1
        assert re.fullmatch("qstat: .*number.*\n", result.stderr)

    @pytest.mark.parametrize("value", ["nonsense", "ftp://host", "http://", "http://host:x y", "file:///etc"])
    def test_an_endpoint_must_be_an_address(self, run: Run, value: str) -> None:
        result = run("qstat", "-f", AWS_ENDPOINT_URL_BATCH=value)
        assert result.returncode == 1
        assert re.fullmatch("qstat: the endpoint of AWS Batch must be http.*\n", result.stderr)


class TestCredentialsEndpoint:
    """What provides credentials is busy, or answers nonsense."""

    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """What the endpoint answers, one after another: an HTTP status or a body."""
        rest: list[object] = []

        def answer(address: str, _headers: dict[str, str], _method: str) -> bytes:
            found = rest.pop(0)
            if isinstance(found, int):
                raise urllib.error.HTTPError(address, found, "", Message(), None)
            assert isinstance(found, bytes)
            return found

        monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1")
        monkeypatch.setattr(credentials, "_request", answer)
        monkeypatch.setattr(credentials, "_PAUSES", (0.0, 0.0))
        return rest

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_one_that_is_busy_is_asked_again(self, answers: list[object], status: int) -> None:
        answers += [status, status, b'{"AccessKeyId": "K", "SecretAccessKey": "S", "Token": "T"}']
        assert find_credentials() == Credentials("K", "S", "T")

    @pytest.mark.parametrize("answer", [429, 404, b"{}", b"[]", b"null", b"<html>", b'"text"', b'{"AccessKeyId": "K"}'])
    def test_one_that_gives_none_is_an_error_in_words(self, answers: list[object], answer: object) -> None:
        answers += [answer] * 3
        with pytest.raises(OSError, match=r"credentials|HTTP Error"):
            find_credentials()


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"<html>", b'{"jobId": 5}', b'{"jobId": null}'])
def test_a_response_that_is_none_of_aws_batch_is_a_lost_response(
    body: bytes, batch: FakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = batch_api.BatchApi("us-east-1", batch.endpoint)
    parse = batch_api._parse
    monkeypatch.setattr(batch_api, "_parse", lambda operation, _content: parse(operation, body))
    request = {"jobQueue": "q", "jobDefinition": TEMPLATE, "jobName": "n", "containerOverrides": {}}
    with pytest.raises(batch_api.ResponseLostError):
        api.call("SubmitJob", request, once=True)
