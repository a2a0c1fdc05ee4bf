"""LocalCloud: starts, finds and stops the server of the local cloud, and gives the way to speak with it.

One state folder is one cloud. Its server holds a lock on `server.lock` for as long as it lives, and its process id
stands there, so that the id which a dead one left is never taken for it. Runs on Linux and macOS.
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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.local.iam.credentials import read_administrator
from workflow_stacks.local.sandboxes import CHOICE

from .clients import client, endpoint, environment, get, signed_get

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
MAX_PORT = 65535


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
        return endpoint(self.port)


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
        self._clients: dict[tuple[str, tuple[str, str]], Any] = {}

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
        needed = ("ministack", "boto3", "cfnlint", "jsonschema", "packaging", "regex")
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
        return environment(self.server().port, self.region, read_administrator(self.state_dir))

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, whatever AWS settings the caller has."""
        address = self.server().endpoint
        keys = read_administrator(self.state_dir)  # new with each start of the server
        if (service, keys) not in self._clients:
            self._clients[service, keys] = client(service, address, self.region, keys)
        return self._clients[service, keys]

    def credentials(self) -> Any:
        """The keys of the administrator, as botocore signs with them."""
        import botocore.credentials

        return botocore.credentials.Credentials(*read_administrator(self.state_dir))

    def iam_report(self) -> list[dict[str, Any]]:
        """What each role of jobs used, was denied, and has never used; see `Authorizer.report`."""
        keys = read_administrator(self.state_dir)
        found: list[dict[str, Any]] = signed_get(f"{self.server().endpoint}{IAM_REPORT}", "iam", self.region, keys)
        return found

    def _make_state_dir(self) -> None:
        """Make the state folder, and close it to other users of this machine."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            self.state_dir.chmod(0o700)
        except OSError as error:
            raise LocalCloudError(f"The local cloud cannot keep its state in {self.state_dir}: {error}") from error

    def _launch(self) -> Server:
        listener = self._listen()
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)  # others hold it for the moment in which they look whether the server lives
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
        wanted = [self.port] if self.port else [self._recorded_port() or 0, 0]
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
        port = self._recorded_port()
        return self._ask(port, timeout) if port else None

    def _ask(self, port: int, timeout: float) -> Server | None:
        try:
            with get(f"http://127.0.0.1:{port}/_local", timeout) as response:
                answer = json.load(response)
        except (OSError, ValueError):
            return None
        return Server(answer["pid"], port) if answer.get("state") == str(self.state_dir) else None

    def _end(self) -> None:
        """End the living server: kindly, then not."""
        patience = STOP_SECONDS if self._answering(timeout=2.0) else 1.0
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            deadline = time.monotonic() + seconds
            if pid := self._server_pid():
                with suppress(ProcessLookupError):  # it ended by itself
                    os.kill(pid, number)
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
        """The process that holds the lock; None while it starts."""
        return int(self._lock_file.read_text() or 0) or None

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One start at a time; a second one waits and then finds the server of the first."""
        with (self.state_dir / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _recorded_port(self) -> int | None:
        """The port in server.json; None when the file is not there, or is not what the server writes."""
        try:
            found = json.loads(self._record.read_text())["port"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return found if type(found) is int and 0 < found <= MAX_PORT else None

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
