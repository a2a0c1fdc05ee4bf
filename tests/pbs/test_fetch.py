"""A workflow in S3, copied by `fetch` from an S3 on loopback that gives its lists in pages."""

import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from workflow_context.pbs import fetch as module
from workflow_context.pbs.fetch import fetch
from workflow_context.pbs.script import PbsError

Put = Callable[..., None]
PAGE = 2


class S3(ThreadingHTTPServer):
    """One bucket `lab`; refuses what botocore would have signed otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}


class _Handler(BaseHTTPRequestHandler):
    server: S3

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if not self._is_signed():
            self.send_error(403)
        elif path == "/lab":
            self._answer(self._list(dict(urllib.parse.parse_qsl(query))))
        elif (key := urllib.parse.unquote(path).removeprefix("/lab/")) in self.server.objects:
            self._answer(self.server.objects[key])
        else:
            self.send_error(404)

    def _is_signed(self) -> bool:
        request = botocore.awsrequest.AWSRequest("GET", f"http://{self.headers['Host']}{self.path}", headers={})
        for name in ("X-Amz-Date", "X-Amz-Content-SHA256"):
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        request.context["client_config"] = None
        credentials = botocore.credentials.Credentials("AKIDEXAMPLE", "secret")
        theirs = botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1")
        signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
        return bool(self.headers["Authorization"].endswith(f"Signature={signature}"))

    def _list(self, asked: dict[str, str]) -> bytes:
        assert asked["list-type"] == "2"
        names = sorted(key for key in self.server.objects if key.startswith(asked.get("prefix", "")))
        start = int(asked.get("continuation-token", "0"))
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-01T10:00:00.000Z</LastModified>"
            f"<Size>{len(self.server.objects[key])}</Size></Contents>"
            for key in names[start : start + PAGE]
        )
        more = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if names[start + PAGE :] else ""
        return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{found}{more}</ListBucketResult>'.encode()

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """Put objects into the bucket: their content is their key."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with S3() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield lambda *keys: server.objects.update({key: key.encode() for key in keys})
        server.shutdown()
        thread.join()


def test_what_lies_beside_comes_along(put: Put, tmp_path: Path) -> None:
    put("flow/Snakefile", "flow/rules/a.smk", "flow/b & c+d/\u00e4 e.yaml", "flow/empty/", "other/b")
    assert fetch("s3://lab/flow/Snakefile", tmp_path, "us-east-1") == "Snakefile"
    found = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {"Snakefile", "rules/a.smk", "b & c+d/\u00e4 e.yaml"}
    assert (tmp_path / "rules/a.smk").read_text() == "flow/rules/a.smk"


def test_so_does_what_lies_beside_the_folder_workflow(put: Put, tmp_path: Path) -> None:
    put("flow/workflow/Snakefile", "flow/config/config.yaml")
    assert fetch("s3://lab/flow/workflow/Snakefile", tmp_path, "us-east-1") == "workflow/Snakefile"
    assert (tmp_path / "config/config.yaml").is_file()


def test_a_bucket_may_be_a_workflow(put: Put, tmp_path: Path) -> None:
    put("Snakefile", "envs/a.yaml")
    assert fetch("s3://lab/Snakefile", tmp_path, "us-east-1") == "Snakefile"
    assert (tmp_path / "envs/a.yaml").is_file()


@pytest.mark.parametrize("named", ["flow.cwl", "flow.cwl#main", "a#b.cwl", "a#b.cwl#main"])
def test_what_stands_behind_a_document_is_kept(named: str, put: Put, tmp_path: Path) -> None:
    put("lab/flow.cwl", "lab/a#b.cwl")
    assert fetch(f"s3://lab/lab/{named}", tmp_path, "us-east-1") == named
    assert {file.name for file in tmp_path.iterdir()} == {"flow.cwl", "a#b.cwl"}


@pytest.mark.parametrize("named", ["flows/align/flow.cwl", "flows/align/flow.cwl#main", "flows/#old/flow.cwl"])
def test_a_folder_is_brought_whole_for_a_path_in_it(named: str, put: Put, tmp_path: Path) -> None:
    put("lab/flows/align/flow.cwl", "lab/flows/#old/flow.cwl", "lab/tools/sort.cwl")
    assert fetch(f"s3://lab/lab/#{named}", tmp_path, "us-east-1") == named
    assert (tmp_path / "tools/sort.cwl").is_file()


def test_a_file_is_as_old_as_its_object(put: Put, tmp_path: Path) -> None:
    """Else all that is made of it would be made again, each time."""
    put("flow/Snakefile")
    fetch("s3://lab/flow/Snakefile", tmp_path, "us-east-1")
    assert (tmp_path / "Snakefile").stat().st_mtime == 1793527200


def test_nothing_is_written_elsewhere(put: Put, tmp_path: Path) -> None:
    put("flow/Snakefile", "flow/../../out", "flow//etc/passwd")
    (tmp_path / "in" / "run").mkdir(parents=True)
    fetch("s3://lab/flow/Snakefile", tmp_path / "in" / "run", "us-east-1")
    found = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {"in/run/Snakefile"}


@pytest.mark.parametrize("most", ["MAX_FILES", "MAX_BYTES"])
def test_a_folder_of_data_is_refused(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: str) -> None:
    monkeypatch.setattr(module, most, 3)
    put("Snakefile", *(f"reads/{number}" for number in range(9)))
    with pytest.raises(PbsError, match="give the workflow a folder of its own"):
        fetch("s3://lab/Snakefile", tmp_path, "us-east-1")
    assert not list(tmp_path.iterdir())


def test_one_that_is_not_there_is_said(put: Put, tmp_path: Path) -> None:
    put("flow/other")
    with pytest.raises(PbsError, match="there is no object s3://lab/flow/Snakefile"):
        fetch("s3://lab/flow/Snakefile", tmp_path, "us-east-1")


def test_a_bucket_that_cannot_be_read_is_said(put: Put, tmp_path: Path) -> None:
    del put
    with pytest.raises(PbsError, match="s3://none/ cannot be read: HTTP Error 404"):
        fetch("s3://none/flow/Snakefile", tmp_path, "us-east-1")
