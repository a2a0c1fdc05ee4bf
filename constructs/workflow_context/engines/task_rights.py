"""What the head jobs of a context may do in AWS Batch: with its own queues, job definitions and jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from aws_cdk import aws_iam as iam

from workflow_context.pbs.settings import RUN_TAG, TAG
from workflow_context.place import Place

Conditions = Mapping[str, Mapping[str, str | list[str]]]


@dataclass(frozen=True)
class Ownership:
    """How the job definitions and jobs of a context are told from others in the account.

    Attributes:
        definition_names: What the names of its job definitions look like; `*` stands for any characters.
        definitions: The condition that a job definition must meet beside its name. Default: none.
        tags: The condition on the tags that jobs and job definitions are given.
        jobs: The condition that a job must meet to be ended.
    """

    definition_names: str
    tags: Conditions
    jobs: Conditions
    definitions: Conditions = field(default_factory=dict)

    @property
    def marks_jobs(self) -> bool:
        """Whether jobs bear a tag by which they are the context's own."""
        return self.jobs != UNMARKED_JOBS


def marked(context: str, *, more_keys: Sequence[str] | None = ()) -> tuple[Conditions, Conditions]:
    """The conditions on tags and on jobs of an engine that gives every job the tag of its context.

    Args:
        context: The value of the tag.
        more_keys: Keys of tags that the engine gives beside it and the run's; None when users choose them.
    """
    # Who chooses tags may leave the mark out, but never set another context's.
    operator = "StringEqualsIfExists" if more_keys is None else "StringEquals"
    tags: dict[str, Mapping[str, str | list[str]]] = {operator: {f"aws:RequestTag/{TAG}": context}}
    if more_keys is not None:
        # Also true of a request without any tag; the other condition is not.
        tags["ForAllValues:StringEquals"] = {"aws:TagKeys": [TAG, RUN_TAG, *more_keys]}
    return tags, {"StringEquals": {f"aws:ResourceTag/{TAG}": context}}


UNMARKED_TAGS: Conditions = {"Null": {f"aws:RequestTag/{TAG}": "true"}}
"""The condition on the tags that an engine gives which cannot mark its jobs: never a mark, so none of another."""

UNMARKED_JOBS: Conditions = {"Null": {f"aws:ResourceTag/{TAG}": "true"}}
"""The condition on jobs of an engine that cannot mark them: jobs that bear the mark of a context are never its own."""


def task_rights(
    place: Place, queues: Sequence[str], own: Ownership, consumed: Sequence[str] = ()
) -> tuple[iam.PolicyStatement, ...]:
    """The statements by which head jobs submit tasks, follow them and end them.

    Args:
        place: Where the stack is deployed.
        queues: The ARNs of the queues for tasks.
        own: How what is the context's own is told from others.
        consumed: The ARNs of consumable resources that tasks take. Default: none.
    """
    jobs = place.arn("batch", "job/*")
    definitions = place.arn("batch", f"job-definition/{own.definition_names}")
    # Only a revision has tags:
    # https://docs.aws.amazon.com/batch/latest/userguide/iam-example-restrict-job-submission-by-tags.html
    revisions = f"{definitions}:*" if own.definitions else definitions
    return (
        # The Service Authorization Reference has the job itself among the resources of SubmitJob. No role need be
        # passed to submit, so whoever may submit with a definition acts as its role.
        iam.PolicyStatement(
            sid="SubmitTasks",
            actions=["batch:SubmitJob"],
            resources=[*queues, revisions, jobs, *consumed],
            conditions=own.definitions or None,
        ),
        iam.PolicyStatement(
            sid="RegisterTasks",
            actions=["batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"],
            resources=[definitions],
            conditions=own.definitions or None,
        ),
        # For the tags of a job, AWS Batch asks for this right on what it is submitted with: its definition and its
        # queue. On jobs it would be the right to tag those of others, and then to end them.
        iam.PolicyStatement(
            sid="TagTasks",
            actions=["batch:TagResource"],
            resources=[definitions, *queues],
            conditions=own.tags or None,
        ),
        iam.PolicyStatement(
            sid="EndOwnTasks",
            actions=["batch:TerminateJob"],  # it ends jobs that wait too, so no engine cancels any
            resources=[jobs],
            conditions=own.jobs or None,
        ),
        _follow_tasks(),
    )


@cache
def _follow_tasks() -> iam.PolicyStatement:
    return iam.PolicyStatement(sid="FollowTasks", actions=["batch:DescribeJobs"], resources=["*"])
