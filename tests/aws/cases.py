"""What the smoke test asks of a deployed project. What a case returns is told; when it raises, it failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from place import Place

from workflow_stacks.checks.check import check
from workflow_stacks.checks.steps import State
from workflow_stacks.stack_outputs import stack_outputs

LONG_SECONDS, LONG_LOCAL_SECONDS = 400, 1
"""How long a task must be that would notice a limit of five minutes; locally the limit is read in the definition."""


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name: What is asked.
        run: Asks it.
    """

    name: str
    run: Callable[[], str]


@dataclass(frozen=True)
class Question:
    """What is asked of contexts.

    Attributes:
        name: What is asked.
        ask: Asks it of a context.
        engine: Of contexts of this engine only; default: of all.
        only_on_aws: Not of a local cloud.
        once: Of the first of these contexts only.
    """

    name: str
    ask: Callable[[Place, str], str]
    engine: str = ""
    only_on_aws: bool = False
    once: bool = False

    def contexts(self, place: Place) -> Sequence[str]:
        """The contexts of which it is asked."""
        if self.only_on_aws and place.local:
            return []
        found = [one for one in place.contexts if self.engine in ("", place.engine(one))]
        return found[:1] if self.once else found


def _outputs(place: Place, context: str) -> Mapping[str, str]:
    return stack_outputs(place.client, f"Smoke-{context}")


def _grants(place: Place, context: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html."""
    outputs, iam = _outputs(place, context), place.client("iam")
    [head] = place.client("batch").describe_job_definitions(jobDefinitions=[outputs["HeadJobDefinition"]])[
        "jobDefinitions"
    ]
    denied = []
    for role, action, resources in (
        (outputs["HeadRole"], "batch:SubmitJob", [outputs["TaskQueue"]]),
        (head["containerProperties"]["executionRoleArn"], "ecr:GetAuthorizationToken", ["*"]),
    ):
        answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=[action], ResourceArns=resources)[
            "EvaluationResults"
        ]
        denied += [f"{one['EvalActionName']} of {role}" for one in answer if one["EvalDecision"] != "allowed"]
    assert not denied, f"denied: {', '.join(denied)}"
    return ""


def _check(place: Place, context: str) -> str:
    steps = check(place.project_file, context, local=place.local).steps
    wrong = [one for one in steps if one.state in (State.FAILED, State.NOT_REACHED)]
    assert not wrong, "; ".join(f"{one.name}: {one.message} -> {one.remedy}" for one in wrong)
    return f"{sum(one.state is State.OK for one in steps)} steps ok"


def _two_runs(place: Place, context: str) -> str:
    """One workflow with other inputs, twice: outputs of miniwdl have the same file names in every run."""
    records = [place.start(context, "two", f"sample={name}") for name in ("A", "B")]
    views = [place.wait(context, record) for record in records]
    assert [str(view.state) for view in views] == ["SUCCEEDED", "SUCCEEDED"], views
    found = []
    for view in views:
        bucket, _, prefix = view.record.outputs.removeprefix("s3://").partition("/")
        s3 = place.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
        [greeting] = {key for key in keys if key.endswith("greeting.txt")}
        found.append((greeting, s3.get_object(Bucket=bucket, Key=greeting)["Body"].read()))
    assert [text for _, text in found] == [b"hello A\n", b"hello B\n"], found
    return f"{found[0][0]} and {found[1][0]}"


def _long_rule(place: Place, context: str) -> str:
    seconds = LONG_LOCAL_SECONDS if place.local else LONG_SECONDS
    view = place.wait(context, place.start(context, "long", f"seconds={seconds}"))
    assert str(view.state) == "SUCCEEDED", view.end
    return f"{seconds} s"


def _deploy_meanwhile(place: Place, context: str) -> str:
    """Another launch template and another tag, while a head job and a task run: both must end well."""
    record = place.start(context, "two", "sample=C", f"seconds={20 if place.local else 1200}")
    while place.state(context, record) not in ("RUNNING", "SUCCEEDED", "FAILED"):
        time.sleep(place.pause)
    before = _outputs(place, context)["HeadJobDefinition"]
    place.deploy({"rootVolumeGib": 120, "tags": {"smoke": "again"}})
    view = place.wait(context, record, minutes=90)
    assert str(view.state) == "SUCCEEDED", view.end
    [old] = place.client("batch").describe_job_definitions(jobDefinitions=[before])["jobDefinitions"]
    assert old["status"] == "ACTIVE", f"{before} is {old['status']}: a command printed before would be refused"
    return "the run ended well"


QUESTIONS = (
    # The local cloud decides each call by the same policies, and has no simulator.
    Question("IAM's simulator allows what head jobs do", _grants, only_on_aws=True),
    Question("workflow-context check", _check),
    Question("two runs of a workflow keep apart", _two_runs, engine="miniwdl"),
    Question("a long rule ends, and its temp() file goes", _long_rule, engine="snakemake"),
    # The last one, since it deploys anew.
    Question("a deployment leaves runs at work alone", _deploy_meanwhile, engine="miniwdl", once=True),
)
"""The most doubtful ones first."""


def cases(place: Place) -> Iterator[Case]:
    """Those that the deployed contexts allow."""
    for question in QUESTIONS:
        for context in question.contexts(place):
            yield Case(f"{context}: {question.name}", partial(question.ask, place, context))
