"""define_stacks: the stacks of a project file, in an app or a stage of one's own."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from .context import ContextStack
from .core import CoreStack
from .errors import WorkflowContextError
from .project import Project, find_context, validate_project
from .roles import bound_roles, place_roles
from .settings import Settings
from .stack_tags import CONTEXT_TAG, PROJECT_TAG, UNTAGGED, USER_TAG

DEFAULT_PROJECT_FILE = "agc-project.yaml"


@dataclass(frozen=True)
class ProjectStacks:
    """The stacks of a project.

    Attributes:
        project: What stands in the project file.
        core: The stack that the contexts share.
        contexts: Those of the contexts, by the name of the context.
    """

    project: Project
    core: CoreStack
    contexts: Mapping[str, ContextStack]


def define_stacks(
    scope: Construct,
    project_file: str | Path | None = None,
    *,
    contexts: Sequence[str] | None = None,
    env: cdk.Environment | None = None,
    warn: bool = True,
) -> ProjectStacks:
    """Define the stacks of a project file in an app, or in a stage of a pipeline.

    ```python
    class Genomics(cdk.Stage):
        def __init__(self, scope, id, **options):
            super().__init__(scope, id, **options)
            stacks = define_stacks(self, "agc-project.yaml")
            stacks.contexts["joint"].workflow_context.grant_submit(my_role)
    ```

    What is not given here is read from the CDK context, as `build_app` says. Where the stacks and the app have other
    feature flags than this package pins, the templates are the same but for what the flags name.

    Args:
        scope: The app or the stage.
        project_file: The project file. Default: the `project` of the CDK context, else `agc-project.yaml` in the
            working directory.
        contexts: Names of the contexts to define. Default: the `context` of the CDK context, else all.
        env: Account and region. Default: those of the stage, else what the CDK CLI says they are, and any when it does
            not.
        warn: Whether what `workflow-context validate` warns of becomes warnings of the CDK.

    Raises:
        WorkflowContextError: The project file is wrong, or names are asked for that it does not have.
    """
    settings = Settings(scope)
    chosen = contexts if contexts is not None else settings.names("context")
    file = project_file or settings.text("project") or DEFAULT_PROJECT_FILE
    project, warnings = validate_project(file, chosen or None)
    for warning in warnings if warn else ():
        cdk.Validations.of(scope).add_warning(f"workflow-context:{warning.check}", str(warning))
    names = list(chosen) or list(project.contexts)
    user = settings.namespace()
    stage = cdk.Stage.of(scope)
    known = stage is not None and stage.account is not None and stage.region is not None
    env = env or (None if known else default_environment())
    vpc_id, subnet_ids = settings.text("vpcId"), settings.names("subnetIds")
    if vpc_id and not subnet_ids and env is None and not known:
        raise WorkflowContextError(
            f"vpcId is {vpc_id!r}, but to look up its subnets the account and the region must be known. "
            "Give the subnets too (-c subnetIds=subnet-…,subnet-…), or set CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION."
        )
    if subnet_ids and not vpc_id:
        raise WorkflowContextError("subnetIds are given without the VPC they are in. Add -c vpcId=vpc-….")
    shared = project.shared_queues
    if vpc_id is None and settings.nat_gateways() == 0 and shared is not None and not shared.use_public_subnets:
        raise WorkflowContextError(
            "sharedQueues are in private subnets, and -c natGateways=0 leaves only public ones. Use -c natGateways=1 "
            "or -c vpcId=vpc-… -c subnetIds=subnet-…, or write 'usePublicSubnets: true' in sharedQueues."
        )
    try:
        core = CoreStack(
            scope,
            f"{project.name}-core",
            vpc_id=vpc_id,
            subnet_ids=subnet_ids or (),
            nat_gateways=settings.nat_gateways(),
            bucket_removal_policy=settings.bucket_removal_policy(),
            bucket_name=settings.bucket_name(),
            kms_key_arn=project.kms_key_arn,
            shared_queues=project.shared_queues,
            termination_protection=settings.flag("terminationProtection", default=True),
            tags={PROJECT_TAG: project.name},
            env=env,
        )
    except ValueError as error:
        raise WorkflowContextError(f"{project.name}-core: {error}") from error
    _refuse_what_health_data_forbids(project, names, settings)
    boundary = settings.text("permissionsBoundaryArn")
    stacks: dict[str, ContextStack] = {}
    may_lose = settings.names("allowDataLoss")
    for name in may_lose:
        find_context(project, name)
    if boundary:
        bound_roles(core, boundary)
    only_public = vpc_id is None and settings.nat_gateways() == 0
    for name in names:
        if only_public and not project.contexts[name].use_public_subnets:
            raise WorkflowContextError(
                f"context {name!r} runs in private subnets, and -c natGateways=0 leaves only public ones. Use "
                "-c natGateways=1 or -c vpcId=vpc-… -c subnetIds=subnet-…, or write 'usePublicSubnets: true'."
            )
        try:
            stack = ContextStack(
                scope,
                project.stack_name(name, user),
                name=name,
                context=project.contexts[name],
                data=project.data,
                network=core.network,
                outputs=core.location(project.bucket_prefix(name, user)),
                shared_queues=core.shared_queues,
                project=project.name,
                user=user,
                kms_key_arn=project.kms_key_arn,
                tags={PROJECT_TAG: project.name, CONTEXT_TAG: name, **({USER_TAG: user} if user else {})},
                content_tags={**project.tags, **project.contexts[name].tags},
                allow_data_loss=name in may_lose,
                env=env,
            )
        except ValueError as error:
            raise WorkflowContextError(f"context {name!r}: {error}") from error
        if boundary and not project.contexts[name].permissions_boundary_arn:
            bound_roles(stack, boundary)
        stacks[name] = stack
    for key, value in project.tags.items():
        cdk.Tags.of(core).add(key, value, exclude_resource_types=list(UNTAGGED))
    role_path = settings.role_path()
    if role_path:
        for one in (core, *stacks.values()):
            place_roles(one, role_path)
    return ProjectStacks(project, core, stacks)


def _refuse_what_health_data_forbids(project: Project, names: Sequence[str], settings: Settings) -> None:
    """Refuse settings of the core stack that do not go with a context of health data, which has its outputs there."""
    bound = [name for name in names if project.contexts[name].compliance]
    if not bound:
        return
    if settings.bucket_removal_policy() != cdk.RemovalPolicy.RETAIN:
        raise WorkflowContextError(
            f"context {bound[0]!r} says compliance: hipaa, and -c bucketRemovalPolicy=destroy would let its outputs go "
            "with the core stack. Leave it out, or write 'retain'."
        )
    if not settings.flag("terminationProtection", default=True):
        raise WorkflowContextError(
            f"context {bound[0]!r} says compliance: hipaa, and -c terminationProtection=false would let the core stack "
            "be deleted by mistake. Leave it out, or write 'true'."
        )


def default_environment() -> cdk.Environment | None:
    """Account and region that the CDK CLI says, if it does."""
    account, region = os.environ.get("CDK_DEFAULT_ACCOUNT"), os.environ.get("CDK_DEFAULT_REGION")
    return cdk.Environment(account=account, region=region) if account and region else None
