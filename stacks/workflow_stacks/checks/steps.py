"""The steps of a check: what each is about, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: Its name, for programs.
        title: What it is about.
        state: How it went.
        message: What was found.
        remedy: What to do when it failed.
    """

    name: str
    title: str
    state: State = State.NOT_REACHED
    message: str = ""
    remedy: str = ""


_POLICY = (
    "a bucket policy, a permissions boundary or a service control policy may deny it; else deploy the context again"
)
_MOUNT = (
    "look whether the file system and its mount targets exist, whether its security group admits the context's, and "
    "what its policy denies; deploy the context again"
)
_ENGINE_RIGHTS = (
    "the head role lacks this right: a permissions boundary or a service control policy may deny it; else deploy the "
    "context again"
)

STEPS: Sequence[Step] = (
    Step(
        "credentials",
        "who you are for AWS",
        remedy="set credentials and a region (AWS_PROFILE, AWS_DEFAULT_REGION), or use --local for the local cloud",
    ),
    Step(
        "stack",
        "the stack of the context",
        remedy="deploy it: cdk deploy",
    ),
    Step(
        "queues",
        "the queues",
        remedy="deploy the context again, or enable the queue",
    ),
    Step(
        "environments",
        "the compute environments",
        remedy="the reason names what is missing; deploy the context again",
    ),
    Step(
        "definition",
        "the job definition of head jobs",
        remedy="deploy the context again",
    ),
    Step(
        "head-image",
        "the image of head jobs starts",
        remedy="check the name of the image, that its registry is reachable from the subnets, and its processor",
    ),
    Step(
        "head-start",
        "a head job starts its program",
        remedy="check the image, the way from the subnets to its registry, to S3 and to CloudWatch Logs, and "
        "that the assets bucket of `cdk bootstrap` can be read by the head role",
    ),
    Step(
        "head-mount",
        "the head job has the file system",
        remedy=_MOUNT,
    ),
    Step(
        "head-write",
        "the head job writes and reads a file",
        remedy="the user of the access point must own its directory, and the role must have ClientWrite",
    ),
    Step(
        "head-owner",
        "the head job sets the owner of a file, as `tar x` by root does",
        remedy="containers that run as root need user 0 on the access point: 'posixUser: {uid: 0, gid: 0}', and "
        "ClientRootAccess in the file-system policy",
    ),
    Step(
        "s3-write",
        "the head job writes an object in the context's place",
        remedy=_POLICY,
    ),
    Step(
        "s3-read",
        "the head job reads it",
        remedy=_POLICY,
    ),
    Step(
        "s3-delete",
        "the head job deletes it",
        remedy=_POLICY,
    ),
    Step(
        "s3-outside",
        "the head job is refused outside of the context's place",
        remedy="something grants more than the context does: look at the bucket policy, and at policies "
        "attached by hand",
    ),
    Step(
        "register",
        "the head job registers a job definition of tasks",
        remedy=_ENGINE_RIGHTS,
    ),
    Step(
        "submit",
        "the head job submits tasks, with their tags",
        remedy=_ENGINE_RIGHTS,
    ),
    Step(
        "task-run",
        "a machine joins, pulls the image and runs the task",
        remedy="look at the reason; `workflow-context why` with the id of the task says more",
    ),
    Step(
        "task-mount",
        "the task has the file system",
        remedy=_MOUNT,
    ),
    Step(
        "task-write",
        "the task reads what the head job wrote, and writes",
        remedy="head and task must act as the same user on the file system; deploy the context again",
    ),
    Step(
        "task-owner",
        "the task sets the owner of a file",
        remedy="containers that run as root need user 0 on the access point: 'posixUser: {uid: 0, gid: 0}'",
    ),
    Step(
        "task-s3",
        "the task writes and reads an object with the machine's AWS CLI",
        remedy="machines install the AWS CLI at boot: look at /var/log/cloud-init-output.log of one; "
        f"if it is there, {_POLICY}",
    ),
    Step(
        "task-files",
        "the head job sees what the task wrote",
        remedy=_MOUNT,
    ),
    Step(
        "end",
        "the head job ends a task",
        remedy=_ENGINE_RIGHTS,
    ),
    Step(
        "deregister",
        "the head job deregisters the job definition",
        remedy=_ENGINE_RIGHTS,
    ),
    Step(
        "head-log",
        "the log of the head job can be read",
        remedy="the execution role needs logs:PutLogEvents for the log group, and you logs:GetLogEvents",
    ),
    Step(
        "task-log",
        "the log of the task can be read",
        remedy="the role of the machines, or the execution role, needs logs:PutLogEvents for the log group of "
        "tasks, and you logs:GetLogEvents",
    ),
)
"""All of them, in the order in which they are tried; the logs are read last."""


class Report:
    """The steps of one check, as they become known."""

    def __init__(self) -> None:
        self._steps = {step.name: step for step in STEPS}

    @property
    def steps(self) -> list[Step]:
        """All steps. What to do is said of those that failed only."""
        return [step if step.state is State.FAILED else replace(step, remedy="") for step in self._steps.values()]

    @property
    def failed(self) -> bool:
        """Whether a step failed."""
        return any(step.state is State.FAILED for step in self._steps.values())

    def state(self, name: str) -> State:
        """How a step went."""
        return self._steps[name].state

    def ok(self, name: str, message: str = "") -> None:
        """A step went well."""
        self._set(name, State.OK, message)

    def fail(self, name: str, message: str, remedy: str = "") -> None:
        """A step failed.

        Args:
            name: The step.
            message: What was found.
            remedy: What to do. Default: what is said of the step in general.
        """
        self._set(name, State.FAILED, message, remedy)

    def leave_out(self, message: str, *names: str) -> None:
        """Steps that this context does not have."""
        for name in names:
            self._set(name, State.NOT_APPLICABLE, message)

    def reopen(self, name: str) -> None:
        """A step about which more is going to be said."""
        self._set(name, State.NOT_REACHED, "")

    def fail_next(self, names: Sequence[str], message: str, remedy: str = "") -> None:
        """The first of some steps that was not reached is the one that failed."""
        for name in names:
            if self._steps[name].state is State.NOT_REACHED:
                self.fail(name, message, remedy)
                return

    def _set(self, name: str, state: State, message: str, remedy: str = "") -> None:
        step = self._steps[name]
        self._steps[name] = replace(step, state=state, message=message, remedy=remedy or step.remedy)
