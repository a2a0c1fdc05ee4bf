"""The contract that every workflow engine keeps."""

import abc
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Concatenate, ParamSpec, TypeVar

from aws_cdk import aws_batch as batch
from constructs import Construct

from workflow_context.ended_runs import RunDirectories

from .check import HEAD_COMMAND, CheckTask, check_output
from .jobs import EngineJobs
from .parts import ContextParts
from .volume_jobs import VolumeJobs

_Options = ParamSpec("_Options")
_Engine = TypeVar("_Engine")


class WorkflowEngine(EngineJobs):
    """A workflow engine in a context: its roles, its job definitions and what its client must know.

    An engine of one's own is a subclass. Its constructor takes what this one takes, and options of its own by name; it
    makes the head job's container (`head_container`), sets `head_job_definition` (`new_job_definition`), and says
    `client_configuration`. What it lets its roles do, it adds with the `grant_…` methods.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        parts: What the context gives it: queues, file system, places in S3.

    Attributes:
        head_job_definition: The job definition that runs the engine for one workflow; each engine sets it.
        head_role: The role of head jobs.
        execution_role: The role with which ECS fetches images and writes logs for jobs of our definitions.
        log_group: The log of jobs of our definitions.
    """

    head_job_definition: batch.EcsJobDefinition

    @classmethod
    def with_options(
        cls: Callable[Concatenate[Construct, str, ContextParts, _Options], _Engine],
        *args: _Options.args,
        **options: _Options.kwargs,
    ) -> Callable[[Construct, str, ContextParts], _Engine]:
        """This engine with options of its own, for a context to make: `NextflowEngine.with_options(image="…")`.

        Args:
            *args: None: every option has a name.
            **options: What the constructor of the engine takes beside `scope`, `id` and `parts`.
        """
        return lambda scope, id, parts: cls(scope, id, parts, *args, **options)

    @cached_property
    def head_job_definition_arn(self) -> str:
        """The ARN of `head_job_definition`."""
        return self.head_job_definition.job_definition_arn

    @property
    @abc.abstractmethod
    def client_configuration(self) -> str:
        """What a user's client needs to find this context, as text to paste: shell, or the client's own format."""

    def extra_outputs(self) -> dict[str, str]:
        """What this engine adds to the outputs of a context: name to value."""
        return {}

    @property
    def shared_directory(self) -> str:
        """The directory of the file system, for engines that work in a directory.

        Raises:
            ValueError: The file system is not mounted anywhere.
        """
        if self.storage.mount_path is None:
            message = (
                f"{type(self).__name__} works in a directory that all jobs share, and {type(self.storage).__name__} "
                "is not mounted anywhere; give a file system with a mount path, such as EfsFileSystem"
            )
            raise ValueError(message)
        return self.storage.mount_path

    @property
    def s3_work_directory(self) -> str:
        """The work directory of engines that keep it in S3: the file system, or a place beside one that is mounted."""
        if self.storage.mount_path is None:
            return self.storage.work_directory
        return self.outputs.within("work").uri

    @property
    def takes_references(self) -> bool:
        """Whether its head jobs and tasks find file systems to read beside the one that they work on. Default: no."""
        return False

    @property
    def takes_io_shares(self) -> bool:
        """Whether its tasks take their share of the throughput of the file system, where the queues bound it."""
        return False

    @property
    def chooses_machines(self) -> bool:
        """Whether it sends each task to the queue of the machines it needs, where a context has several kinds."""
        return False

    @property
    def takes_shared_queues(self) -> bool:
        """Whether all its jobs have roles and mounts of their own, so that their machines may be those of others too.

        Default: no.
        """
        return False

    @property
    def runs(self) -> RunDirectories | None:
        """Where the engine keeps its runs, and how it marks those that ended; None when it does not mark them."""
        return None

    @property
    def volume_jobs(self) -> VolumeJobs | None:
        """How its jobs use storage of a single run, by `StorageDispatcher`. Default: not said, so that none can."""
        return None

    @property
    def check_task(self) -> CheckTask | None:
        """What a task job of this engine is, for `workflow-context check`. Default: not said, so that none is tried."""
        return None

    @property
    def check_job_definition(self) -> batch.EcsJobDefinition | None:
        """The job definition in which `workflow-context check` runs: it has the program of head jobs, and their role.

        Default: that of head jobs, if it has the program; else none.
        """
        return self.head_job_definition if self._program is not None else None

    @property
    def head_start(self) -> Mapping[str, str]:
        """Environment with which a head job only says that it started, where a check runs in another definition."""
        return {}

    @property
    def check(self) -> str | None:
        """What `workflow-context check` must know of this context, as JSON; None when nothing of it can be checked."""
        definition = self.check_job_definition
        if definition is None:
            return None
        return check_output(
            self.head_job_definition_arn if definition is self.head_job_definition else definition.job_definition_arn,
            self.head_command(HEAD_COMMAND),
            changes_owners=self.storage.changes_owners,
            head_start=self.head_start,
            task=self.check_task,
        )
