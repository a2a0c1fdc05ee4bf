"""What the roles of the app by hand may do: statements of IAM."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

# Each of these is a call to Node.js: once for all contexts.
PARTITION, REGION, ACCOUNT = cdk.Aws.PARTITION, cdk.Aws.REGION, cdk.Aws.ACCOUNT_ID
HERE = f"{REGION}:{ACCOUNT}"

READ_OBJECT = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"]
WRITE_OBJECT = [
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
]
CLIENT = [f"elasticfilesystem:Client{action}" for action in ("Mount", "Write", "RootAccess")]
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
WRITE_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]


def allow(
    actions: Sequence[str], *resources: str, sid: str | None = None, conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources), conditions=conditions)


def pull_rights() -> list[iam.PolicyStatement]:
    return [
        allow(["ecr:GetAuthorizationToken"], "*"),
        allow(PULL, f"arn:{PARTITION}:ecr:{HERE}:repository/*", sid="PullImages"),
    ]


def agent_rights() -> list[iam.PolicyStatement]:
    clusters = f"arn:{PARTITION}:ecs:{HERE}:cluster/AWSBatch-*"
    instances = f"arn:{PARTITION}:ecs:{HERE}:container-instance/AWSBatch-*/*"
    changes = ["SubmitAttachmentStateChanges", "SubmitContainerStateChange", "SubmitTaskStateChange"]
    registration = ["DeregisterContainerInstance", "RegisterContainerInstance"]
    tagged = {"StringEquals": {"ecs:CreateAction": "RegisterContainerInstance"}}
    return [
        allow(["ecs:DiscoverPollEndpoint"], "*", sid="FindAgentEndpoint"),
        allow([f"ecs:{one}" for one in (*registration, *changes)], clusters, sid="JoinCluster"),
        allow(
            ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
            instances,
            sid="RunAgent",
        ),
        allow(["ecs:TagResource"], clusters, instances, sid="TagInstance", conditions=tagged),
        allow(["ecr:GetAuthorizationToken"], "*", sid="SignInToRegistry"),
        allow(PULL, f"arn:{PARTITION}:ecr:*:*:repository/*", sid="PullImages"),
    ]


def resolve_right(access_point_id: str) -> iam.PolicyStatement:
    point = f"arn:{PARTITION}:elasticfilesystem:{HERE}:access-point/{access_point_id}"
    return allow(["elasticfilesystem:DescribeAccessPoints"], point, sid="ResolveAccessPoint")


def default_log_right() -> iam.PolicyStatement:
    return allow(WRITE_LOG, f"arn:{PARTITION}:logs:{HERE}:log-group:/aws/batch/job:*", sid="WriteDefaultLog")


def list_right(bucket: str, prefix: str) -> iam.PolicyStatement:
    below = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
    return allow(["s3:ListBucket"], bucket, conditions=below)


def write_rights(bucket: str, prefix: str) -> list[iam.PolicyStatement]:
    return [
        allow(["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], bucket),
        list_right(bucket, prefix),
        allow([*READ_OBJECT, *WRITE_OBJECT], f"{bucket}/{prefix}/*"),
    ]


def task_rights(
    queue: str,
    names: str,
    revisions: str,
    own: Mapping[str, object] | None,
    tags: Mapping[str, object],
    jobs: Mapping[str, object],
) -> list[iam.PolicyStatement]:
    """To submit tasks, to follow them and to end them."""
    definitions, all_jobs = (
        f"arn:{PARTITION}:batch:{HERE}:job-definition/{names}",
        f"arn:{PARTITION}:batch:{HERE}:job/*",
    )
    register = ["batch:RegisterJobDefinition", "batch:DeregisterJobDefinition"]
    return [
        allow(
            ["batch:SubmitJob"],
            queue,
            f"{definitions}{revisions}",
            all_jobs,
            sid="SubmitTasks",
            conditions=own,
        ),
        allow(register, definitions, sid="RegisterTasks", conditions=own),
        allow(["batch:TagResource"], definitions, queue, sid="TagTasks", conditions=tags),
        allow(["batch:TerminateJob"], all_jobs, sid="EndOwnTasks", conditions=jobs),
        allow(["batch:DescribeJobs"], "*", sid="FollowTasks"),
    ]
