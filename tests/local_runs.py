"""What tests share that run real workflows on the local cloud."""

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from direct_stacks import DirectStacks
from typer.testing import CliRunner

from workflow_stacks.cli import app
from workflow_stacks.local import CdkCli, LocalCloud
from workflow_stacks.local.cloud.process import ACCOUNT
from workflow_stacks.local.sandboxes import CannotRunError, find_sandbox

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs-AbCdEf"
MOUNTED_BY_MACHINES: dict[str, dict[str, Any]] = {
    "OFS": {"expectedSizeTb": 1, "licenseSecretArn": SECRET, "packageUri": "s3://lab-software/objectivefs-7.2-1.rpm"},
    "FSxLustre": {},
    "S3Files": {},
}
"""Configurations of the file systems that machines mount at boot."""


def needs_sandbox() -> None:
    """Skip the test on a machine that cannot run jobs, and say why."""
    try:
        find_sandbox()
    except CannotRunError as error:
        pytest.skip(str(error))


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    """Wait until something holds; the test fails when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.3)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files of which the paths are below a folder; a text may begin with an empty line."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip("\n"))


def file_system(kind: str) -> dict[str, Any]:
    """What a context says of a file system of a kind."""
    configuration = MOUNTED_BY_MACHINES.get(kind)
    return {"fsType": kind, **({"configuration": configuration} if configuration else {})}


@dataclass(frozen=True)
class LocalCommands:
    """Runs commands on the local cloud of a project.

    Attributes:
        project_file: The project file.
        software: Folders with programs that are not on this machine, for runs in a context of that name.
    """

    project_file: Path
    software: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        folder: Path,
        project: Mapping[str, Any] | str,
        files: Mapping[str, str],
        software: Mapping[str, Sequence[Path]] | None = None,
    ) -> Self:
        """Write a project and its files into a folder."""
        file = folder / "agc-project.yaml"
        file.write_text(project if isinstance(project, str) else json.dumps(project))
        write_files(folder, files)
        return cls(file, software or {})

    @property
    def cloud(self) -> LocalCloud:
        return LocalCloud.of_project(self.project_file)

    def __call__(self, name: str, *arguments: str, json_: bool = True) -> tuple[int, Any]:
        """Run a command: its exit code, and what it printed for programs, or else its message."""
        software = self.software.get(arguments[0], ()) if name == "run" else ()
        more = [word for one in software for word in ("--software", str(one))]
        where = ["--local", "--project", str(self.project_file), *(["--json"] if json_ else [])]
        outcome = CliRunner().invoke(app, [name, *arguments, *more, *where])
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        try:
            return outcome.exit_code, json.loads(outcome.stdout)
        except json.JSONDecodeError:
            return outcome.exit_code, outcome.stdout + outcome.stderr

    def succeeded(self, *arguments: str) -> dict[str, Any]:
        """A run that was followed to its end, and succeeded; the test fails with its logs when it did not."""
        code, run = self("run", *arguments, "--follow")
        assert isinstance(run, dict), run
        assert (code, run["state"]) == (0, "SUCCEEDED"), self._logs(run["runId"])
        return run

    def _logs(self, run_id: str) -> str:
        return json.dumps([self("logs", run_id, which)[1] for which in ("--failed", "--head")], indent=1)

    def path(self, name: str) -> str:
        """The path of a file of the project."""
        return str(self.project_file.parent / name)


def synthesized(cloud: LocalCloud, project_file: Path, contexts: Sequence[str] = (), **keys: str) -> Path:
    """The folder with what this process, where the CDK is at work already, synthesizes for a local cloud.

    Args:
        cloud: The local cloud.
        project_file: The project file, as it stands.
        contexts: Names of contexts. Default: all.
        keys: Keys of the CDK context, as `-c` gives them.
    """
    import aws_cdk as cdk

    from workflow_stacks import build_app

    zones = f"availability-zones:account={ACCOUNT}:region={cloud.region}"
    app = build_app(
        project_file,
        contexts=contexts or None,
        context={zones: [f"{cloud.region}{zone}" for zone in "abc"], **keys},
        env=cdk.Environment(account=ACCOUNT, region=cloud.region),
        outdir=tempfile.mkdtemp(prefix="synthesized-", dir=project_file.parent),
    )
    return Path(app.synth().directory)


def cdk_cli(cloud: LocalCloud, project_file: Path, contexts: Sequence[str] = (), **keys: str) -> CdkCli:
    """The real CDK CLI, with a local cloud, on contexts of a project as it stands in its file, or on all.

    This process synthesizes what it deploys: `workflow-context local deploy`, which other tests run, starts Python and
    Node.js anew.
    """
    folder = synthesized(cloud, project_file, contexts, **keys)
    return CdkCli(cloud, app=[str(folder)], search=[Path(__file__).parents[1]])


def deploy(cloud: LocalCloud, project_file: Path, contexts: Sequence[str] = ()) -> None:
    """Start a local cloud and deploy contexts of a project to it, or all, by CloudFormation.

    The CDK CLI would take ten seconds more; what it makes of an app is for `test_cycle.py` and others to show.
    """
    cloud.start()
    DirectStacks(cloud).deploy(synthesized(cloud, project_file, contexts, terminationProtection="false"))


@contextmanager
def deployed(cloud: LocalCloud, project_file: Path, contexts: Sequence[str] = ()) -> Iterator[LocalCloud]:
    """A local cloud with contexts of a project deployed to it, or all; it is stopped at the end."""
    try:
        deploy(cloud, project_file, contexts)
        yield cloud
    finally:
        cloud.stop()


def project_on(file_systems: Iterable[str], *, engine: str, language: str) -> str:
    """A project file with a context of an engine on each file system, which gives the context its name."""
    contexts = {
        kind: {
            "requestSpotInstances": True,
            "engines": [{"type": language, "engine": engine, "filesystem": file_system(kind)}],
        }
        for kind in file_systems
    }
    return json.dumps({"name": "Mounts", "schemaVersion": 1, "contexts": contexts})


def denied_calls(cloud: LocalCloud) -> list[tuple[str, str, str]]:
    """Role, action and resource of the calls that IAM denied on a local cloud since it started."""
    if cloud.status() is None:
        pytest.skip("nothing ran before")
    report = cloud.iam_report()
    assert report, "no role made a call"
    return [
        (one["role"], call["action"], call["resource"]) for one in report for call in one["calls"] if call["denied"]
    ]
