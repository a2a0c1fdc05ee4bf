"""What an engine says of its jobs on storage of a single run, in place of the file system of the context."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_batch as batch

from workflow_context.storage.run_volumes import VOLUME_TAG

from .task_rights import Ownership

OWN_VOLUME = f"${{aws:PrincipalTag/{VOLUME_TAG}}}"
"""In a policy: the name of the storage whose jobs a role is for.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""


@dataclass(frozen=True, kw_only=True)
class VolumeJobs:
    """How the jobs of an engine use storage of a single run.

    Attributes:
        ownership: How what its head jobs make is told from others in the account.
        environment: What head jobs find set otherwise: variable to value, in which `{names}` stands for the beginning
            of the names of job definitions, before a hyphen, `{accessPoint}` for the id of the access point, and
            `{tasks}` for the ARN of the definition of task jobs.
        memory_variables: The variables with how many MiB the file system takes of a machine for each task.
        task_definition: The job definition of task jobs; None where the engine registers them by itself.
    """

    ownership: Ownership
    environment: Mapping[str, str]
    memory_variables: tuple[str, ...] = field(default=())
    task_definition: batch.EcsJobDefinition | None = None


def volume_names(context: str, volume: str = OWN_VOLUME) -> str:
    """How the names of the job definitions of one storage begin, before a hyphen.

    Those that other jobs of a context may use begin with its name and a hyphen, so none of these is among them.

    Args:
        context: The name of the context.
        volume: The name of the storage. Default: that of whoever a policy is about.
    """
    return f"{context}_{volume}"
