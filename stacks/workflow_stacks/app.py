"""build_app: from a project file to a CDK app with its stacks."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from .build import REMOVAL_POLICIES
from .context import ContextStack
from .core import CoreStack
from .errors import WorkflowContextError
from .project import find_context, validate_project
from .roles import bound_roles, place_roles
from .stack_tags import CONTEXT_TAG, PROJECT_TAG, USER_TAG

DEFAULT_PROJECT_FILE = "agc-project.yaml"


def build_app(
    project_file: str | Path | None = None,
    *,
    contexts: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    env: cdk.Environment | None = None,
    outdir: str | None = None,
) -> cdk.App:
    """Define the stacks of a project: `<project>-core`, and `<project>-<context>` for each context.

    What is not given here is read from the CDK context (`cdk deploy -c key=value`): `project`, `context` (names,
    comma-separated), `user` (a namespace: `<project>-<user>-<context>`, and its own prefix in the bucket), `vpcId`,
    `subnetIds` (comma-separated), `natGateways` (0 to 3), `bucketRemovalPolicy` (`retain` or `destroy`),
    `terminationProtection` (of the core stack: `true` or `false`), `permissionsBoundaryArn` and `rolePath` (of every
    role), and `allowDataLoss` (names of contexts whose file system this deployment may give up). The core stack depends
    on these keys and on the name of the project, and on nothing else: it is the same whichever contexts and user are
    chosen.

    Args:
        project_file: The project file. Default: the `project` of the CDK context, else `agc-project.yaml` in the
            working directory.
        contexts: Names of the contexts to define. Default: the `context` of the CDK context, else all.
        context: More CDK context. It adds to the feature flags that this package pins; `cdk.json` and `-c` prevail.
        env: Account and region. Default: what the CDK CLI says they are, and any when it does not.
        outdir: Where the app is synthesized to. Default: as the CDK CLI says, else a temporary folder.

    Raises:
        WorkflowContextError: The project file is wrong, or names are asked for that it does not have.
    """
    app = cdk.App(context={**_feature_flags(), **(context or {})}, outdir=outdir)
    settings = _Settings(app)
    chosen = contexts if contexts is not None else settings.names("context")
    file = project_file or settings.text("project") or DEFAULT_PROJECT_FILE
    project, warnings = validate_project(file, chosen or None)
    for warning in warnings:
        cdk.Validations.of(app).add_warning(f"workflow-context:{warning.check}", str(warning))
    names = list(chosen) or list(project.contexts)
    user = settings.namespace()
    env = env or _environment()
    vpc_id, subnet_ids = settings.text("vpcId"), settings.names("subnetIds")
    if vpc_id and not subnet_ids and env is None:
        raise WorkflowContextError(
            f"vpcId is {vpc_id!r}, but to look up its subnets the account and the region must be known. "
            "Give the subnets too (-c subnetIds=subnet-…,subnet-…), or set CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION."
        )
    if subnet_ids and not vpc_id:
        raise WorkflowContextError("subnetIds are given without the VPC they are in. Add -c vpcId=vpc-….")
    try:
        core = CoreStack(
            app,
            f"{project.name}-core",
            vpc_id=vpc_id,
            subnet_ids=subnet_ids or (),
            nat_gateways=settings.nat_gateways(),
            bucket_removal_policy=settings.bucket_removal_policy(),
            termination_protection=settings.flag("terminationProtection", default=True),
            tags={PROJECT_TAG: project.name},
            env=env,
        )
    except ValueError as error:
        raise WorkflowContextError(f"{project.name}-core: {error}") from error
    boundary = settings.text("permissionsBoundaryArn")
    stacks: list[cdk.Stack] = [core]
    may_lose = settings.names("allowDataLoss")
    for name in may_lose:
        find_context(project, name)
    if boundary:
        bound_roles(core, boundary)
    for name in names:
        try:
            stack = ContextStack(
                app,
                project.stack_name(name, user),
                name=name,
                context=project.contexts[name],
                data=project.data,
                network=core.network,
                outputs=core.bucket.location(project.bucket_prefix(name, user)),
                tags={PROJECT_TAG: project.name, CONTEXT_TAG: name, **({USER_TAG: user} if user else {})},
                allow_data_loss=name in may_lose,
                env=env,
            )
        except ValueError as error:
            raise WorkflowContextError(f"context {name!r}: {error}") from error
        if boundary and not project.contexts[name].permissions_boundary_arn:
            bound_roles(stack, boundary)
        stacks.append(stack)
    role_path = settings.role_path()
    if role_path:
        for one in stacks:
            place_roles(one, role_path)
    return app


def main() -> None:
    """Synthesize the project that the CDK context names: the `app` of `cdk.json`."""
    try:
        build_app().synth()
    except WorkflowContextError as error:
        sys.exit(str(error))


def _feature_flags() -> dict[str, Any]:
    flags: dict[str, Any] = json.loads(files(__package__).joinpath("cdk.json").read_text(encoding="utf-8"))["context"]
    return flags


def _environment() -> cdk.Environment | None:
    account, region = os.environ.get("CDK_DEFAULT_ACCOUNT"), os.environ.get("CDK_DEFAULT_REGION")
    return cdk.Environment(account=account, region=region) if account and region else None


class _Settings:
    """What `cdk -c key=value` says."""

    def __init__(self, app: cdk.App) -> None:
        self._node = app.node

    def text(self, key: str) -> str | None:
        value = self._node.try_get_context(key)
        return str(value) if value not in (None, "") else None

    def names(self, key: str) -> list[str]:
        return [name.strip() for name in (self.text(key) or "").split(",") if name.strip()]

    def namespace(self) -> str:
        user = self.text("user") or ""
        if user and not re.fullmatch(r"[A-Za-z0-9]{1,32}", user):
            raise WorkflowContextError(f"user is {user!r}; it must be 1 to 32 letters and digits, such as 'jdoe'")
        return user

    def flag(self, key: str, *, default: bool) -> bool:
        written = (self.text(key) or str(default)).lower()
        if written not in ("true", "false"):
            raise WorkflowContextError(f"{key} is {written!r}; it must be 'true' or 'false'")
        return written == "true"

    def role_path(self) -> str | None:
        written = self.text("rolePath")
        if written is not None and not re.fullmatch(r"/([!-.0-~]+/){1,16}", written):
            raise WorkflowContextError(
                f"rolePath is {written!r}; it must begin and end with a slash, such as '/genomics/'"
            )
        return written

    def nat_gateways(self) -> int:
        written = self.text("natGateways") or "1"
        if not re.fullmatch(r"[0-3]", written):
            raise WorkflowContextError(f"natGateways is {written!r}; it must be 0, 1, 2 or 3")
        return int(written)

    def bucket_removal_policy(self) -> cdk.RemovalPolicy:
        written = self.text("bucketRemovalPolicy") or "retain"
        if written not in REMOVAL_POLICIES:
            raise WorkflowContextError(f"bucketRemovalPolicy is {written!r}; it must be 'retain' or 'destroy'")
        return REMOVAL_POLICIES[written]


if __name__ == "__main__":
    main()
