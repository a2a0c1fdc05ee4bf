"""Somebody with the printed policy and nothing else: every command works; with one right less it fails."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from local_runs import deployed, needs_sandbox
from typer.testing import CliRunner

from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.host import equip_local_context

pytestmark = pytest.mark.cycle

PROJECT = """
name: Rights
schemaVersion: 1
workflows:
  count: {type: {language: wdl, version: 1.0}, sourceURL: count.wdl}
contexts:
  mine: {engines: [{type: wdl, engine: miniwdl}]}
  theirs: {engines: [{type: wdl, engine: miniwdl}]}
"""
COUNT = """
version 1.0
workflow count {
  input { File data  Int seconds = 0 }
  call lines { input: data = data, seconds = seconds }
  output { File found = lines.found }
}
task lines {
  input { File data  Int seconds }
  command <<< sleep ~{seconds}; wc -l < ~{data} | tee found.txt >>>
  output { File found = "found.txt" }
}
""".lstrip()

Policy = Mapping[str, Any]


class Person:
    """Somebody with a role, who knows of AWS nothing but its address.

    Args:
        file: The project file.
        cloud: The local cloud that stands for AWS.
        role: The ARN of the role.
    """

    def __init__(self, file: Path, cloud: LocalCloud, role: str) -> None:
        keys = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="person")["Credentials"]
        self._file = file
        self._environment = {
            "AWS_ENDPOINT_URL": cloud.server().endpoint,
            "AWS_DEFAULT_REGION": cloud.region,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def __call__(self, *words: str) -> tuple[int, Any]:
        """Run a command: exit code, and what it printed for programs, or its message."""
        arguments = [*words, "--project", str(self._file), "--json"]
        outcome = CliRunner().invoke(app, arguments, env=self._environment)
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        try:
            return outcome.exit_code, json.loads(outcome.stdout)
        except json.JSONDecodeError:
            return outcome.exit_code, outcome.stdout + outcome.stderr


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    needs_sandbox()
    file = tmp_path_factory.mktemp("rights") / "agc-project.yaml"
    file.write_text(PROJECT)
    (file.parent / "count.wdl").write_text(COUNT)
    (file.parent / "three.txt").write_text("1\n2\n3\n")
    with deployed(LocalCloud.of_project(file), file):
        equip_local_context(file, "mine")
        yield file


@pytest.fixture(scope="module")
def policy(file: Path) -> Policy:
    """What the command prints."""
    outcome = CliRunner().invoke(app, ["describe", "mine", "--policy", "--local", "--project", str(file)])
    assert outcome.exit_code == 0, outcome.output
    printed: Policy = json.loads(outcome.stdout)
    return printed


@pytest.fixture(scope="module")
def person_with(file: Path) -> Callable[[str, Policy], Any]:
    cloud = LocalCloud.of_project(file)
    iam = cloud.client("iam")

    @contextmanager
    def person(name: str, policy: Policy) -> Iterator[Person]:
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="runs", PolicyDocument=json.dumps(policy))
        yield Person(file, cloud, role)

    return person


@pytest.fixture(scope="module")
def person(person_with: Callable[[str, Policy], Any], policy: Policy) -> Iterator[Person]:
    with person_with("Person", policy) as person:
        yield person


@pytest.fixture(scope="module")
def done(person: Person, file: Path) -> dict[str, Any]:
    code, run = person("run", "mine", "count", f"data={file.parent / 'three.txt'}", "--tag", "study=S1", "--follow")
    assert code == 0, run
    assert isinstance(run, dict)
    assert run["submittedBy"].endswith(":assumed-role/Person/person")
    return run


class TestWithThePrintedPolicy:
    def test_the_runs_of_the_context_are_listed_and_those_of_the_other_left_out(
        self, person: Person, done: dict[str, Any]
    ) -> None:
        code, runs = person("runs")
        assert (code, [run["runId"] for run in runs]) == (0, [done["runId"]])
        assert "AccessDenied" in person("runs", "theirs")[1]

    def test_every_command_about_a_run_works(self, person: Person, done: dict[str, Any], tmp_path: Path) -> None:
        run = done["runId"]
        assert person("status", run)[1]["state"] == "SUCCEEDED"
        assert person("logs", run)[1][0]["lines"]
        assert person("logs", run, "--task", "lines")[1][0]["state"] == "SUCCEEDED"
        assert person("why", run)[0] == 0
        assert person("outputs", run)[1]["count.found"].startswith("s3://")
        code, [copy] = person("outputs", run, "--download", str(tmp_path))
        assert (code, Path(copy).read_text()) == (0, "3\n")

    def test_the_contexts_are_told_of_and_the_other_is_not_priced(self, person: Person) -> None:
        code, contexts = person("status")
        found = {one["context"]: one for one in contexts}
        assert (code, found["theirs"]["idleUsdPerMonth"]) == (0, None)
        assert found["mine"]["idleUsdPerMonth"] is not None

    def test_a_run_is_stopped_and_resumed(self, person: Person, file: Path) -> None:
        code, run = person("run", "mine", "count", f"data={file.parent / 'three.txt'}", "seconds=600")
        assert code == 0, run
        assert person("stop", run["runId"])[1]["state"] == "STOPPED"
        code, resumed = person("resume", run["runId"])
        assert (code, len(resumed["headJobs"])) == (0, 2)
        assert person("stop", run["runId"])[1]["state"] == "STOPPED"

    def test_no_call_of_theirs_was_denied_but_to_the_other_context(self, file: Path, done: dict[str, Any]) -> None:
        assert done
        [report] = [one for one in LocalCloud.of_project(file).iam_report() if one["role"].endswith("/Person")]
        denied = [call for call in report["calls"] if call["denied"]]
        assert {call["action"] for call in denied} <= {"s3:ListBucket", "cloudformation:GetTemplate"}


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("SubmitHeadJobs", ("run", "mine", "count", "data=s3://lab/x")),
        ("TagHeadJobs", ("run", "mine", "count", "data=s3://lab/x")),
        ("WriteRuns", ("run", "mine", "count", "data=s3://lab/x")),
        ("FollowJobs", ("status", "RUN")),
        ("ReadLogs", ("logs", "RUN")),
        ("ListRuns", ("runs",)),
        ("ReadRuns", ("outputs", "RUN")),
        ("FindContexts", ("runs",)),
    ],
)
def test_with_one_right_less_a_command_fails_and_says_which(
    person_with: Callable[[str, Policy], Any],
    policy: Policy,
    done: dict[str, Any],
    right: str,
    words: Sequence[str],
) -> None:
    rest = [one for one in policy["Statement"] if one["Sid"] != right]
    assert len(rest) == len(policy["Statement"]) - 1
    with person_with(f"Without{right}", {**policy, "Statement": rest}) as person:
        code, said = person(*(done["runId"] if word == "RUN" else word for word in words))
    assert code == 1, said
    [gone] = [one["Action"] for one in policy["Statement"] if one["Sid"] == right]
    assert any(action in said for action in gone) or "AccessDenied" in said
