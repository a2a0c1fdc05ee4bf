"""ContextStack: one context of a project file."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_kms as kms, aws_logs as logs, aws_s3 as s3
from constructs import Construct

from workflow_context.catalog import ENGINES
from workflow_context.context import ComputeFactory, WorkflowContext
from workflow_context.identity_guard import FileSystemGuard
from workflow_context.network import Network
from workflow_context.references import Reference
from workflow_context.s3_location import S3Location
from workflow_context.storage.base import WorkflowFileSystem
from workflow_context.storage.efs import EfsFileSystem

from .build.compute import compute_of, gibibytes
from .build.on_request import OnRequest
from .project import Context, DataLocation
from .project.references import ReferenceMount
from .project.retention import RETENTION
from .roles import bound_roles
from .stack_tags import UNTAGGED

if TYPE_CHECKING:
    from workflow_context.shared_queues import SharedQueues

_UNNAMED = "Default"


class ContextStack(cdk.Stack):
    """A context: its file system, queues, roles and engine, on the network and in the bucket of the project.

    Args:
        scope: The app.
        id: Its name there.
        name: The context's name in the project file. It begins the names that AWS gives the queues.
        context: What the project file says of it.
        data: The project's data locations.
        network: The network, usually `CoreStack.network`.
        outputs: Where its workflows write to in S3. The key of the bucket is that of what else the context keeps in S3.
        shared_queues: The queues that contexts share, usually `CoreStack.shared_queues`, for a context that uses them.
        project: The name of the project, for the records of runs that its WES starts. Default: that of the stack.
        user: The `user` of the deployment, likewise. Default: none.
        kms_key_arn: Key for logs, volumes and alarms. Default: AWS's own keys.
        stack_name: Name of the stack in CloudFormation.
        tags: Tags of the stack itself. Each must stay what it is as long as the stack lives: CloudFormation passes them
            on to what is in it, also to queues, which cannot be tagged anew. Default: none.
        content_tags: Tags of what is in the stack, queues and environments apart. Default: the context's own.
        termination_protection: Whether AWS refuses to delete the stack. Default: no.
        allow_data_loss: Whether an update may replace or remove the file system. Default: only where the project file
            says so.
        env: Account and region. Default: any.

    Attributes:
        workflow_context: The construct.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        context: Context,
        data: Sequence[DataLocation],
        network: Network,
        outputs: S3Location,
        shared_queues: "SharedQueues | None" = None,
        project: str | None = None,
        user: str = "",
        kms_key_arn: str | None = None,
        stack_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        content_tags: Mapping[str, str] | None = None,
        termination_protection: bool = False,
        allow_data_loss: bool = False,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            stack_name=stack_name,
            env=env,
            tags=dict(tags or {}),
            termination_protection=termination_protection or context.termination_protection,
            description=f"Genomics workflow context: {context.engine.engine} on {context.kind.name}",
        )
        own_key = kms.Key.from_key_arn(self, "Key", kms_key_arn) if kms_key_arn else None
        engine, image = ENGINES[context.engine.engine], context.engine.head_image
        options: dict[str, Any] = {
            **({"image": image} if image else {}),
            **({"tasks_per_job": context.engine.tasks_per_job} if context.engine.tasks_per_job > 1 else {}),
        }
        file_system = context.kind.builder_for(context.filesystem)
        placement = file_system.placement(network.placement(public=context.use_public_subnets))
        storage = file_system.build(
            self,
            "Storage",
            placement=placement,
            place=outputs,
            host_mounted=context.kind.name in engine.host_mounts,
        )
        self.workflow_context = WorkflowContext(
            self,
            _construct_id(name),
            engine=engine.factory(**options),
            placement=placement,
            storage=storage,
            references=[_reference(self, storage, one) for one in context.references],
            outputs=outputs,
            data=self._data(data),
            compute=self._compute(context, shared_queues, own_key),
            head_vcpus=context.engine.head_vcpus,
            head_memory=gibibytes(context.engine.head_memory),
            log_retention=logs.RetentionDays[RETENTION[context.log_retention_days]],
            log_encryption_key=own_key,
        )
        expiry = file_system.expiry()
        if expiry:
            from workflow_context.expiry import StorageExpiry

            StorageExpiry(self.workflow_context, "Expiry", context=self.workflow_context, after=expiry)
        on_request = OnRequest(
            self.workflow_context, context, name=name, project=project, user=user, encryption_key=own_key
        )
        shown = self.workflow_context.outputs() | on_request.build()
        # Not in the stack, where a context of that name may be beside them; the CDK leaves this id out of their names.
        holder = Construct(self, _UNNAMED) if name != _UNNAMED else self.workflow_context
        for key, value in shown.items():
            cdk.CfnOutput(holder, key, value=value)
        for key, value in (context.tags if content_tags is None else content_tags).items():
            # Instances and volumes get them by the launch template, jobs by their definition.
            cdk.Tags.of(self).add(key, value, exclude_resource_types=list(UNTAGGED))
        if not (allow_data_loss or context.allow_data_loss):
            remedy = f"To see what goes: workflow-context plan {name}. To go ahead: -c allowDataLoss={name}."
            FileSystemGuard(self, "Guard", storage=self.workflow_context.storage, remedy=remedy)
        if context.permissions_boundary_arn:
            bound_roles(self, context.permissions_boundary_arn)

    @staticmethod
    def _compute(context: Context, shared: "SharedQueues | None", key: kms.IKey | None) -> ComputeFactory:
        if not context.use_shared_queues:
            return compute_of(
                context,
                head_max_vcpus=context.engine.max_workflows * context.engine.head_vcpus,
                encryption_key=key,
                heads_on_fargate=context.heads_on_fargate,
                io_mibps=context.io_mibps,
            )
        if shared is None:
            raise ValueError("it says useSharedQueues, and no shared_queues are given")
        return shared.for_context

    def _data(self, data: Sequence[DataLocation]) -> list[S3Location]:
        buckets: dict[tuple[str, str | None], s3.IBucket] = {}
        for written in data:
            name, key = place = (written.bucket, written.kms_key_arn)
            if place not in buckets:
                id = f"Data-{name}{'-' + key.rpartition('/')[2] if key else ''}"
                buckets[place] = s3.Bucket.from_bucket_attributes(
                    self,
                    id,
                    bucket_name=name,
                    encryption_key=kms.Key.from_key_arn(self, f"{id}-Key", key) if key else None,
                )
        return [
            S3Location(
                buckets[written.bucket, written.kms_key_arn],
                written.prefix,
                read_only=written.read_only,
                may_be_object=written.may_be_object,
            )
            for written in data
        ]


def _construct_id(name: str) -> str:
    """The name of the context, unless the file system beside it, and what belongs to that, may be called so."""
    return f"{name}Context" if name.startswith("Storage") else name


def _reference(scope: Construct, storage: WorkflowFileSystem, written: ReferenceMount) -> Reference:
    # Named after what it is, not where it is mounted: at another path it keeps its access point and its rule.
    if written.directory:
        id = "Reference" + re.sub(r"[^A-Za-z0-9]", "", written.directory.title())
        return Reference(storage.directory(id, written.directory), written.path)
    group = str(written.security_group_id)
    known = [
        cast("ec2.ISecurityGroup", one) for one in scope.node.children if getattr(one, "security_group_id", "") == group
    ]
    found = EfsFileSystem.from_efs_attributes(
        scope,
        f"Reference-{written.access_point_id}",
        file_system_id=str(written.file_system_id),
        access_point_id=written.access_point_id,
        # One for all that it guards: AWS refuses a second rule that lets the same machines in.
        security_group=known[0]
        if known
        else ec2.SecurityGroup.from_security_group_id(scope, f"ReferenceGroup-{group}", group),
    )
    return Reference(found, written.path)
