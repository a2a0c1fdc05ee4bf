"""What a context has beside its queues only when the project file asks for it.

Each part is imported where it is built: most contexts have none, and the parts of the CDK that they need take longer to
import than all that the others do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_kms as kms, aws_logs as logs

from workflow_context.context import WorkflowContext
from workflow_stacks.project import Context
from workflow_stacks.project.retention import RETENTION

if TYPE_CHECKING:
    from workflow_context.debug_instance import DebugInstance
    from workflow_context.dispatcher import StorageDispatcher
    from workflow_context.file_browser import FileBrowser
    from workflow_stacks.wes.endpoint import WesEndpoint


class OnRequest:
    """Builds what a context of a project file asks for beside its queues, each part in the context.

    Args:
        context: The context.
        written: What the project file says of it.
        name: Its name there.
        project: The name of the project, for the records of runs. Default: that of the stack.
        user: The `user` of the deployment, likewise.
        encryption_key: Key for logs, volumes and alarms. Default: AWS's own keys.
    """

    def __init__(
        self,
        context: WorkflowContext,
        written: Context,
        *,
        name: str,
        project: str | None,
        user: str,
        encryption_key: kms.IKey | None,
    ) -> None:
        self._context = context
        self._written = written
        self._name = name
        self._project = project
        self._user = user
        self._key = encryption_key

    def build(self) -> dict[str, str]:
        """Build them, and return what a user wants to know of them: name to value, for stack outputs."""
        self._monitoring()
        parts: list[WesEndpoint | DebugInstance | StorageDispatcher | FileBrowser] = [
            *self._wes(),
            *self._debug_instance(),
            *self._dispatcher(),
            *self._browser(),
        ]
        return {name: value for part in parts for name, value in part.outputs().items()}

    def _monitoring(self) -> None:
        asked = self._written.monitoring
        if asked:
            from workflow_context.monitoring import Monitoring

            Monitoring(
                self._context,
                "Monitoring",
                context=self._context,
                alarm_email=asked.alarm_email,
                burst_credit_alarm_hours=asked.burst_credit_alarm_hours,
                encryption_key=self._key,
            )

    def _wes(self) -> Iterator[WesEndpoint]:
        if self._written.wes:
            from workflow_stacks.wes.endpoint import WesEndpoint

            yield WesEndpoint(
                self._context,
                "Wes",
                context=self._context,
                name=self._name,
                project=self._project,
                user=self._user,
                language=self._written.engine.type,
                log_retention=logs.RetentionDays[RETENTION[self._written.log_retention_days]],
                encryption_key=self._key,
            )

    def _debug_instance(self) -> Iterator[DebugInstance]:
        asked = self._written.debug_instance
        if asked:
            from workflow_context.debug_instance import DebugInstance

            yield DebugInstance(
                self._context,
                "Debug",
                context=self._context,
                idle=cdk.Duration.hours(asked.idle_hours),
                write=asked.write,
                instance_type=ec2.InstanceType(asked.instance_type) if asked.instance_type else None,
                encryption_key=self._key,
            )

    def _dispatcher(self) -> Iterator[StorageDispatcher]:
        if self._written.storage_dispatcher:
            from workflow_context.dispatcher import StorageDispatcher

            yield StorageDispatcher(self._context, "Dispatcher", context=self._context, encryption_key=self._key)

    def _browser(self) -> Iterator[FileBrowser]:
        if self._written.browse and self._context.storage.mount_path is not None:
            from workflow_context.file_browser import FileBrowser

            yield FileBrowser(self._context, "Browser", context=self._context)
