"""LocalCloud: starts, finds and stops the server of the local cloud, and gives the way to speak with it.

One state folder is one cloud. Its server holds a lock on `server.lock` for as long as it lives, so a
process id that a dead one left is never taken for it. Runs on Linux and macOS.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local.iam.credentials import READ, read_administrator, reading_token
from workflow_stacks.local.sandboxes import CHOICE

ACCOUNT = "000000000000"
IAM_REPORT = "/_local/iam"
START_SECONDS = 30.0
STOP_SECONDS = 30.0
# A server that takes longer is not dead: the machine is busy.
ANSWER_SECONDS = 20.0
# What the server may know of the caller's environment: no credentials, no proxy, no setting of its own.
SERVER_ENVIRONMENT = (
    *("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV"),
    CHOICE,
    # How to reach a container engine.
    *("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT"),
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "XDG_RUNTIME_DIR"),
)
MAX_PORT, MAX_PID = 65535, 2**22
PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


class LocalCloudError(WorkflowContextError):
    """The local cloud cannot do what was asked."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        """The address of every service."""
        return f"http://localhost:{self.port}"


class LocalCloud:
    """An AWS on loopback whose whole state is in one folder.

    ```python
    with LocalCloud(Path(".workflow-context/local")) as cloud:
        cloud.client("s3").list_buckets()
    ```

    Args:
        state_dir: The folder of its state; made when it starts.
        port: The port to listen on. Default: the port it had last time if that is free, else any free one.
        region: The region that it plays.
    """

    def __init__(self, state_dir: Path, *, port: int | None = None, region: str = "us-east-1") -> None:
        self.state_dir = state_dir.resolve()
        self.port = port
        self.region = region
        self.log_file = self.state_dir / "server.log"
        self._record = self.state_dir / "server.json"
        self._clients: dict[tuple[str, str], Any] = {}

    @classmethod
    def of_project(cls, project_file: Path, *, port: int | None = None) -> Self:
        """The local cloud of a project: its state is beside the project file, in `.workflow-context/local`."""
        return cls(project_file.resolve().parent / ".workflow-context" / "local", port=port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def status(self) -> Server | None:
        """Find the server, if there is one that answers.

        Raises:
            LocalCloudError: It is alive, and does not answer: it is busy, or hangs.
        """
        if not self._is_alive():
            return None
        server = self._answering(ANSWER_SECONDS)
        if server is None and self._is_alive():
            raise LocalCloudError(self._busy())
        return server

    def server(self) -> Server:
        """Find the server, or fail with the command that starts it."""
        server = self.status()
        if server is None:
            raise LocalCloudError("The local cloud is not running. Start it with: workflow-context local up")
        return server

    def start(self) -> Server:
        """Start the server, unless it runs already, and wait until it answers."""
        needed = ("ministack", "boto3", "cfnlint", "jsonschema", "regex")
        missing = [package for package in needed if find_spec(package) is None]
        if missing:
            raise LocalCloudError(
                f"The local cloud needs {' and '.join(missing)}. "
                "Install what it needs with: pip install 'cdk-workflow-context[local,node]'"
            )
        self._make_state_dir()
        with self._starting():
            if self._is_alive():
                server = self._answering(ANSWER_SECONDS)
                if server and self.port in (None, server.port):
                    return server
                if server:
                    raise LocalCloudError(
                        f"The local cloud already runs on port {server.port}, not {self.port}. "
                        "Stop it first: workflow-context local down"
                    )
                raise LocalCloudError(self._busy())
            return self._launch()

    def stop(self) -> bool:
        """Stop the server; its state stays on disk. Returns whether there was one."""
        was_alive = self._is_alive()
        if was_alive:
            self._end()
        return was_alive

    def delete(self) -> None:
        """Stop the server and delete everything it knows."""
        self.stop()
        if self.state_dir.exists():
            shutil.rmtree(self.state_dir)

    def environment(self) -> dict[str, str]:
        """The environment for the CDK CLI or any AWS tool, so that it speaks with this cloud and nobody else.

        Every setting of the caller for AWS, for the CDK CLI and for a proxy is left out.
        """
        server = self.server()
        access_key, secret = read_administrator(self.state_dir)
        inherited = {
            key: value
            for key, value in os.environ.items()
            if (not key.startswith(("AWS_", "CDK_")) and key.lower() not in PROXIES) or key == "CDK_VALIDATION"
        }
        return inherited | {
            "AWS_ENDPOINT_URL": server.endpoint,
            # By number, so that every SDK puts the bucket in the path: bucket.localhost resolves nowhere.
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.port}",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, whatever AWS settings the caller has."""
        endpoint = self.server().endpoint
        # The key is new with each start of the server.
        access_key, secret = read_administrator(self.state_dir)
        if (service, access_key) not in self._clients:
            self._clients[service, access_key] = self._session.client(
                service,
                endpoint_url=endpoint,
                config=_client_config(),
                region_name=self.region,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret,
            )
        return self._clients[service, access_key]

    def reading_endpoint(self, folder: str) -> str:
        """An address before `bucket/key` by which programs that sign nothing read a folder, `bucket/prefix/`."""
        _, secret = read_administrator(self.state_dir)
        return f"{self.server().endpoint}{READ}{reading_token(secret, folder)}"

    def iam_report(self) -> list[dict[str, Any]]:
        """What each role of jobs used, was denied, and has never used; see `Authorizer.report`."""
        # Signed as any request of the administrator; no service of AWS has this address.
        import botocore.auth
        import botocore.awsrequest
        import botocore.credentials

        keys = botocore.credentials.Credentials(*read_administrator(self.state_dir))
        address = f"{self.server().endpoint}{IAM_REPORT}"
        request = botocore.awsrequest.AWSRequest("GET", address)
        botocore.auth.SigV4Auth(keys, "iam", self.region).add_auth(request)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        prepared = urllib.request.Request(address, headers=dict(request.headers))  # noqa: S310  it is http
        with opener.open(prepared, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    @cached_property
    def _session(self) -> Any:
        import boto3
        import botocore.session

        session = botocore.session.Session(
            {
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
                "ca_bundle": (None, None, None, None),
            }
        )
        return boto3.Session(botocore_session=session)

    def _make_state_dir(self) -> None:
        """Make the state folder, and close it to other users of this machine."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            self.state_dir.chmod(0o700)
        except OSError as error:
            raise LocalCloudError(f"The local cloud cannot keep its state in {self.state_dir}: {error}") from error

    def _launch(self) -> Server:
        listener = self._listen()
        lock = _lock(self._lock_file)
        while lock is None:  # somebody looks whether the server lives, for a moment
            time.sleep(0.01)
            lock = _lock(self._lock_file)
        descriptors = (listener.fileno(), lock)
        with listener, self.log_file.open("w") as log:
            port = listener.getsockname()[1]
            for descriptor in descriptors:
                os.set_inheritable(descriptor, True)
            try:
                subprocess.run(
                    [sys.executable, "-m", "workflow_stacks.local.cloud.server"],
                    env={
                        **{key: os.environ[key] for key in SERVER_ENVIRONMENT if key in os.environ},
                        "LOCAL_CLOUD_STATE": str(self.state_dir),
                        "LOCAL_CLOUD_REGION": self.region,
                        "LOCAL_CLOUD_PORT": str(port),
                        "LOCAL_CLOUD_SOCKET": str(listener.fileno()),
                    },
                    cwd=self.state_dir,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=descriptors,
                    start_new_session=True,
                    check=True,
                )
            finally:
                os.close(lock)
        server = self._ask(port, START_SECONDS)
        if server is None:
            if self._is_alive():
                self._end()
            raise LocalCloudError(f"The local cloud did not start.\n{self._last_words()}")
        return server

    def _listen(self) -> socket.socket:
        wanted = [self.port] if self.port else [self._recorded("port") or 0, 0]
        for port in wanted:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                listener.close()
                continue
            listener.listen(128)
            return listener
        raise LocalCloudError(f"Port {self.port} is in use by another program. Choose another one with --port.")

    def _answering(self, timeout: float) -> Server | None:
        port = self._recorded("port")
        return self._ask(port, timeout) if port else None

    def _ask(self, port: int, timeout: float) -> Server | None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{port}/_local", timeout=timeout) as response:
                answer = json.load(response)
        except (OSError, ValueError, urllib.error.HTTPError):
            return None
        return Server(answer["pid"], port) if answer.get("state") == str(self.state_dir) else None

    def _end(self) -> None:
        """End the living server: kindly, then not."""
        patience = STOP_SECONDS if self._answering(timeout=2.0) else 1.0
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            pid = self._server_pid()
            if pid is None:
                break
            with suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if not self._is_alive():
                    return
                time.sleep(0.02)
        raise LocalCloudError(f"The local cloud does not stop. Its log: {self.log_file}")

    @property
    def _lock_file(self) -> Path:
        return self.state_dir / "server.lock"

    def _is_alive(self) -> bool:
        if not self._lock_file.exists():
            return False
        lock = _lock(self._lock_file)
        if lock is None:
            return True
        os.close(lock)
        return False

    def _server_pid(self) -> int | None:
        """The process that holds the lock, whatever server.json says: no other one is ever ended."""
        recorded = self._recorded("pid")
        if not Path("/proc/self/fd").exists():  # macOS
            return recorded
        processes = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal())
        candidates = chain([recorded] if recorded else [], processes)
        return next((pid for pid in candidates if _has_open(pid, self._lock_file)), None)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One start at a time; a second one waits and then finds the server of the first."""
        with (self.state_dir / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _recorded(self, key: str) -> int | None:
        """A number of server.json; None when the file is not there, or is not what the server writes."""
        try:
            found = json.loads(self._record.read_text())[key]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        limit = MAX_PORT if key == "port" else MAX_PID
        return found if type(found) is int and 0 < found <= limit else None

    def _busy(self) -> str:
        pid = self._server_pid()
        return (
            f"The local cloud runs{f' (process {pid})' if pid else ''}, and did not answer within "
            f"{ANSWER_SECONDS:g} s: it is busy, or hangs. Try again; its jobs go on. To end it, and its jobs with it: "
            "workflow-context local down"
        )

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(["The end of its log:", *lines[-15:], f"The whole log: {self.log_file}"])


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _has_open(pid: int, file: Path) -> bool:
    """Whether a process of this user has a file open; one that ended meanwhile has not."""
    with suppress(OSError):
        return any(os.path.samestat(one.stat(), file.stat()) for one in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _client_config() -> Any:
    from botocore.config import Config

    return Config(proxies={}, retries={"total_max_attempts": 2}, s3={"addressing_style": "path"})
