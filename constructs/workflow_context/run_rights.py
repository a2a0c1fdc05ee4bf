"""What somebody needs who only runs workflows: the rights of every command about runs, and no other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from aws_cdk import aws_iam as iam

from workflow_context.pbs.settings import TAG

Statement = dict[str, Any]

_DEFAULT_LOG = "/aws/batch/job"
"""Where jobs write whose definitions name no log group."""


@dataclass(frozen=True)
class RunRights:
    """The rights to run workflows in one context, as statements of IAM.

    Attributes:
        place: Partition, region and account: `("aws", "us-east-1", "123456789012")`.
        stack: The name of the context's stack.
        head_queue: The ARN of the queue of head jobs.
        definitions: The ARNs of the head job definition that may be submitted with; `*` stands for any characters.
        bucket: The ARN of the bucket.
        prefix: The prefix of the context in the bucket; empty for all of it.
        log_group: The name of the log group of the context's jobs.
        key: The ARN of the key of the bucket; empty when it has none of its own.
    """

    place: tuple[str, str, str]
    stack: str
    head_queue: str
    definitions: Sequence[str]
    bucket: str
    prefix: str
    log_group: str
    key: str = ""

    def statements(self) -> list[Statement]:
        """All of them: those of runs, and what the commands read to find contexts and to say why a job waits."""
        return [*self.of_runs(), *self._of_looking()]

    def of_runs(self) -> Iterator[Statement]:
        """To submit head jobs, to follow and end them and their tasks, and to read what they wrote."""
        submitted = [self.head_queue, *self.definitions]
        jobs = self._arn("batch", "job/*")
        yield _allow("SubmitHeadJobs", ["batch:SubmitJob"], [*submitted, jobs])
        # Not the tag by which jobs are a context's own.
        not_marked = {"Null": {f"aws:RequestTag/{TAG}": "true"}}
        yield _allow("TagHeadJobs", ["batch:TagResource"], submitted, not_marked)
        # AWS Batch has no resource for the jobs of a queue.
        yield _allow("EndJobs", ["batch:TerminateJob", "batch:CancelJob"], [jobs])
        described = ["Jobs", "JobDefinitions", "JobQueues", "ComputeEnvironments"]
        yield _allow("FollowJobs", ["batch:ListJobs", *(f"batch:Describe{one}" for one in described)], ["*"])
        groups = [self._arn("logs", f"log-group:{name}:*") for name in (self.log_group, _DEFAULT_LOG)]
        yield _allow("ReadLogs", ["logs:GetLogEvents"], groups)
        yield from self._of_s3()

    def _of_s3(self) -> Iterator[Statement]:
        folder = f"{self.prefix}/" if self.prefix else ""
        listed = {"StringLike": {"s3:prefix": [f"{folder}*"]}} if folder else None
        yield _allow("ListRuns", ["s3:ListBucket"], [self.bucket], listed)
        yield _allow("ReadRuns", ["s3:GetObject"], [f"{self.bucket}/{folder}*"])
        written = [f"{self.bucket}/{folder}runs/{one}/*" for one in ("records", "ended", "sources")]
        yield _allow("WriteRuns", ["s3:PutObject", "s3:AbortMultipartUpload"], written)
        yield _allow("ForgetRuns", ["s3:DeleteObject"], written[:2])
        if self.key:
            yield _allow("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [self.key])

    def _of_looking(self) -> Iterator[Statement]:
        # Without a name, DescribeStacks is about all of them.
        yield _allow("FindContexts", ["cloudformation:DescribeStacks", "cloudformation:ListStacks"], ["*"])
        stack = self._arn("cloudformation", f"stack/{self.stack}/*")
        yield _allow("PriceContext", ["cloudformation:GetTemplate"], [stack])
        scaling = ["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"]
        yield _allow("SayWhyJobsWait", [*scaling, "ecs:ListContainerInstances"], ["*"])

    def _arn(self, service: str, resource: str) -> str:
        partition, region, account = self.place
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"


def grant(grantee: iam.IGrantable, statements: Iterable[Statement]) -> iam.Grant:
    """Grant what statements say.

    Args:
        grantee: Who may.
        statements: The statements.
    """
    grants = [
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=one["Action"],
            resource_arns=one["Resource"],
            conditions=one.get("Condition"),
        )
        for one in statements
    ]
    return reduce(lambda all_, one: all_.combine(one), grants)


def _allow(sid: str, actions: list[str], resources: list[str], condition: dict[str, Any] | None = None) -> Statement:
    said = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**said, "Condition": condition} if condition else said
