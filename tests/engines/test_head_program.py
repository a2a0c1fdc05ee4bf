"""The program of head jobs: the object they fetch, and the start that fetches it."""

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import aws_cdk as cdk
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template as Assertions
from policies import may
from rendered import environment, head_container
from templates import Templates

from workflow_context.engines.jobs import _BASH_ENV
from workflow_context.program import HeadProgram, archive, head_files
from workflow_context.scripts import read_script

ENTRY_POINT = """\
#!/bin/bash
# As entry.sh of the image nextflow/nextflow does it: each argument in single quotes, read again by a shell.
cli=''; for x in "$@"; do cli+="'$x' "; done
exec bash -c "$cli"
"""
HEAD = 'printf "<%s>" "$@"; echo "${folder:?} ${python:?} ${BASH_ENV:-}${WORKFLOW_PROGRAM:-}"\n'
HOSTILE = ["it's", "x'; touch PWNED; echo '", "$(touch PWNED)", 'two "words"', "line\nbreak", "", "*"]
ENTRIES = [
    pytest.param((), id="no entry point"),
    pytest.param(("bash", "{}"), id="entry point of nextflow/nextflow"),
]


class Bucket(http.server.ThreadingHTTPServer):
    """S3 on loopback: objects, how often it is busy first, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.objects: dict[str, bytes] = {}
        self.busy = 0
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Bucket

    def do_GET(self) -> None:
        if self.path == "/credentials":
            status, body = 200, b'{"AccessKeyId": "ROLE", "SecretAccessKey": "secret", "Token": "token"}'
        elif self.server.busy:
            self.server.busy -= 1
            status, body = 503, b"<Error><Code>SlowDown</Code></Error>"
        else:
            body = self.server.objects.get(self.path, b"<Error><Code>NoSuchKey</Code></Error>")
            status = 200 if self.path in self.server.objects else 404
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def start(bucket: Bucket, tmp_path: Path) -> Run:
    """Start a head job as a container does: an entry point, or none, and the command with its parameters."""
    content = archive({"head.sh": HEAD, "pbs/one.py": "x = 1\n"})
    key = f"/assets/workflow-program-{hashlib.sha256(content).hexdigest()}.zip"
    bucket.objects[key] = content
    entry_point = tmp_path / "entry.sh"
    entry_point.write_text(ENTRY_POINT)
    python = os.environ.get("OLDEST_PYTHON") or sys.executable
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(shutil.which(python) or python)

    def run(*parameters: str, entry: tuple[str, ...] = (), **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*(one.format(entry_point) for one in entry), "bash", "-c", ":", "head", *parameters],
            cwd=tmp_path,
            env={
                "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
                "TMPDIR": str(tmp_path),
                "AWS_ENDPOINT_URL": bucket.endpoint,
                "AWS_ACCESS_KEY_ID": "AKID",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "BASH_ENV": _BASH_ENV.replace("/tmp", str(tmp_path)),
                "FETCH_PROGRAM": read_script("fetch_program.py"),
                "START_HEAD": read_script("start_head.sh"),
                "WORKFLOW_PROGRAM": f"https://s3.us-east-1.amazonaws.com{key}",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize("entry", ENTRIES)
class TestStart:
    def test_parameters_arrive_as_they_are_and_no_shell_reads_them(
        self, start: Run, tmp_path: Path, entry: tuple[str, ...]
    ) -> None:
        """LIF-20: an apostrophe broke the run, and more of them ran commands."""
        done = start(*HOSTILE, entry=entry)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("".join(f"<{one}>" for one in HOSTILE))
        assert not list(tmp_path.rglob("PWNED"))

    def test_the_program_is_unpacked_and_nothing_of_the_start_is_left_in_the_environment(
        self, start: Run, entry: tuple[str, ...]
    ) -> None:
        folder, _, rest = start(entry=entry).stdout.removeprefix("<>").strip().partition(" ")
        assert Path(folder, "pbs", "one.py").read_text() == "x = 1\n"
        assert rest.endswith("python3")


class TestFetch:
    def test_it_waits_for_a_busy_bucket(self, start: Run, bucket: Bucket) -> None:
        bucket.busy = 1
        done = start("a")
        assert (done.returncode, done.stdout[:3]) == (0, "<a>")
        assert "SlowDown" in done.stderr

    @pytest.mark.parametrize("entry", ENTRIES)
    def test_a_program_that_is_another_one_is_not_run(self, start: Run, bucket: Bucket, entry: tuple[str, ...]) -> None:
        [key] = bucket.objects
        bucket.objects[key] = archive({"head.sh": "echo changed"})
        done = start("a", entry=entry)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "is not what this head job was deployed with" in done.stderr

    def test_an_image_without_python_is_named_as_the_reason(self, start: Run, tmp_path: Path) -> None:
        bare = tmp_path / "bare"
        bare.mkdir()
        for name in ("bash", "mktemp"):
            (bare / name).symlink_to(shutil.which(name) or name)
        done = start("a", PATH=str(bare))
        assert done.returncode == 3
        assert "has no python3" in done.stderr

    def test_credentials_are_those_of_the_role_of_the_job(self, start: Run, bucket: Bucket) -> None:
        done = start(
            "a",
            AWS_ACCESS_KEY_ID="",
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{bucket.endpoint}/credentials",
            AWS_CONTAINER_AUTHORIZATION_TOKEN="of the agent",
        )
        assert done.returncode == 0, done.stderr
        (path, headers), (_, request) = bucket.asked
        assert (path, headers["Authorization"]) == ("/credentials", "of the agent")
        assert "Credential=ROLE/" in request["Authorization"]
        assert request["X-Amz-Security-Token"] == "token"

    @pytest.mark.parametrize("token", ["", "a/token+="])
    def test_requests_are_signed_as_botocore_signs_them(self, start: Run, bucket: Bucket, token: str) -> None:
        start("a", AWS_SESSION_TOKEN=token)
        [(path, headers)] = bucket.asked
        sent = {name.lower(): value for name, value in headers.items()}
        request = botocore.awsrequest.AWSRequest("GET", f"{bucket.endpoint}{path}")
        signer = botocore.auth.S3SigV4Auth(
            botocore.credentials.Credentials("AKID", "secret", token or None), "s3", "us-east-1"
        )
        request.context["timestamp"] = sent["x-amz-date"]
        for name in ("x-amz-date", "x-amz-content-sha256", *(["x-amz-security-token"] if token else [])):
            request.headers[name] = sent[name]
        request.headers["host"] = urlsplit(bucket.endpoint).netloc
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        assert sent["authorization"].endswith(f"Signature={signature}")


class TestAsset:
    def test_it_is_the_same_bytes_whatever_the_order_and_the_time(self) -> None:
        """Other machines must make the same templates."""
        one = archive({"b": "2", "a/c": "1"})
        assert one == archive({"a/c": "1", "b": "2"})
        assert hashlib.sha256(one).hexdigest() == "0467a03be1045abedafeb5bb8fa36a71d582977ab9b5e4c90c5097805b93176e"
        with zipfile.ZipFile(BytesIO(one)) as zipped:
            assert {entry.date_time for entry in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}

    def test_it_is_published_by_the_cdk_and_named_after_its_content(self, tmp_path: Path) -> None:
        app = cdk.App(outdir=str(tmp_path))
        stack = cdk.Stack(app, "S")
        program = HeadProgram(stack, "Program", files={"head.sh": "echo"})
        content = archive({"head.sh": "echo"})
        cdk.CfnOutput(stack, "Url", value=program.url)
        assembly = app.synth()
        name = f"workflow-program-{hashlib.sha256(content).hexdigest()}"
        assert next(tmp_path.glob("asset.*.zip")).read_bytes() == content
        manifest = (tmp_path / "S.assets.json").read_text()
        assert f'"objectKey": "{name}.zip"' in manifest
        assert name in str(assembly.get_stack_by_name("S").template["Outputs"])

    def test_head_jobs_read_programs_and_nothing_else_of_the_bucket(self) -> None:
        stack = cdk.Stack()
        role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        HeadProgram(stack, "Program", files={"head.sh": "echo"}).grant_read(role)
        Assertions.from_stack(stack).has_resource_properties(
            "AWS::IAM::Policy",
            {
                "PolicyDocument": {
                    "Statement": [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": Match.any_value()}]
                }
            },
        )

    def test_a_program_deployed_before_can_still_be_read(self, engine_templates: Templates) -> None:
        """A job that waits was submitted with the definition of its day."""
        template = engine_templates["nextflowEfs"]
        bucket = "arn:aws:s3:::cdk-hnb659fds-assets-123456789012-us-east-1"
        assert may(template, "HeadRole", "s3:GetObject", f"{bucket}/workflow-program-{'0' * 64}.zip")
        assert not may(template, "HeadRole", "s3:GetObject", f"{bucket}/{'0' * 64}.zip")
        assert not may(template, "TaskRole", "s3:GetObject", f"{bucket}/workflow-program-{'0' * 64}.zip")


def test_head_jobs_of_nextflow_start_with_their_program(engine_templates: Templates) -> None:
    scripts = {
        "nextflow": ["fetched.sh", "nextflow_head.sh"],
        "nextflowEfs": ["front_end.sh", "fetched.sh", "nextflow_shared_head.sh"],
    }
    for name, parts in scripts.items():
        program = archive(head_files(parts))
        assert hashlib.sha256(program).hexdigest() in environment(engine_templates[name])["WORKFLOW_PROGRAM"]
        assert head_container(engine_templates[name])["Command"][:4] == ["bash", "-c", ":", "head"]
