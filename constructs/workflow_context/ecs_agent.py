"""What the ECS agent on the instances of AWS Batch must be allowed, and no more.

AWS's managed policy for it (AmazonEC2ContainerServiceforEC2Role) allows the same in every cluster of the account, and
logs in every log group: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html.
"""

from functools import cache

from aws_cdk import aws_iam as iam

from .place import Place

_CLUSTERS = "AWSBatch-*"
"""AWS Batch makes a cluster for each environment, and names it `AWSBatch-<environment>-<UUID>`. The environment has no
name before it is there, and must wait for the role: so the role cannot name the one cluster."""

AGENT_WILDCARDS = {
    "ecs:DiscoverPollEndpoint": "Amazon ECS has no resource level for this action.",
    "ecs:": "AWS Batch names its clusters, after the role must be there; no others have such names.",
    "ecr:GetAuthorizationToken": "Amazon ECR has no resource level for this action.",
    "ecr:": "Tasks run in images of any registry; the policy of a repository says which other accounts may pull.",
    "logs:": "Log streams are named by job ids, within one log group.",
}
"""Why statements of these rights name more than one resource: beginning of the action to reason."""


@cache
def agent_rights(place: Place) -> tuple[iam.PolicyStatement, ...]:
    """The statements that the role of an instance needs to run jobs of AWS Batch.

    Without those for logs: whoever defines jobs knows where they go.

    Args:
        place: Where the role is. Those of one place are made once.
    """
    cluster = place.arn("ecs", f"cluster/{_CLUSTERS}")
    instances = place.arn("ecs", f"container-instance/{_CLUSTERS}/*")
    repositories = f"arn:{place.partition}:ecr:*:*:repository/*"
    return (
        iam.PolicyStatement(sid="FindAgentEndpoint", actions=["ecs:DiscoverPollEndpoint"], resources=["*"]),
        iam.PolicyStatement(
            sid="JoinCluster",
            actions=[
                "ecs:DeregisterContainerInstance",
                "ecs:RegisterContainerInstance",
                "ecs:SubmitAttachmentStateChanges",
                "ecs:SubmitContainerStateChange",
                "ecs:SubmitTaskStateChange",
            ],
            resources=[cluster],
        ),
        iam.PolicyStatement(
            sid="RunAgent",
            actions=["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
            resources=[instances],
        ),
        iam.PolicyStatement(
            sid="TagInstance",
            actions=["ecs:TagResource"],
            resources=[cluster, instances],
            conditions={"StringEquals": {"ecs:CreateAction": "RegisterContainerInstance"}},
        ),
        iam.PolicyStatement(sid="SignInToRegistry", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(
            sid="PullImages",
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[repositories],
        ),
    )
