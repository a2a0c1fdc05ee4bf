"""`fsType: OFS`: ObjectiveFS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from workflow_context.models.objectivefs_memory import extra_task_memory_gb
from workflow_stacks.project.arns import KmsKeyArn, SecretArn
from workflow_stacks.project.findings import Problem
from workflow_stacks.project.section import Section
from workflow_stacks.project.values import Choice, Text, Whole

from .kind import FileSystemSettings


class OfsConfiguration(Section):
    """How an ObjectiveFS file system is made."""

    expected_size_tb: Annotated[int, Whole(0, 50, "TB")] = Field(
        description="How much the file system will hold, in TB, 0 to 50: all inputs, twice, is a fair guess. Each task "
        "gets so much more memory: 2 GiB up to 1 TB, 3 up to 10, 4 up to 20, 5 up to 30, 6 up to 40, 7 up to 50."
    )
    license_secret_arn: SecretArn = Field(
        description="Secret of Secrets Manager whose text is the ObjectiveFS licence; machines read it when they start."
    )
    package_uri: Annotated[
        str,
        Text(
            "an rpm in S3, such as s3://my-bucket/objectivefs-7.2-1.{arch}.rpm",
            r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*?]+\.rpm",
        ),
    ] = Field(
        description="The vendor's package for Amazon Linux in a bucket of yours, from which machines install it when "
        "they start. {arch} in it becomes x86_64 or aarch64, as the machine is."
    )
    passphrase_secret_arn: SecretArn | None = Field(
        default=None,
        description="Secret whose text encrypts the data. Default: a new one, with a random text.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key of the bucket and of the secrets, those that exist included. Default: the project's "
        "kmsKeyArn, else keys of AWS.",
    )
    cache_size: Annotated[int, Whole(1, 64, "GiB")] | None = Field(
        default=None,
        description="Memory for the cache on each machine, in GiB, 1 to 64; a larger cache than the default makes each "
        "task ask for more memory. Default: 1 GiB less than the memory that expectedSizeTb adds to each task.",
    )
    expiration_hours: Annotated[int, Whole(1, 87600, "hours")] | None = Field(
        default=None,
        description="Delete the directory of a run that ended this many hours after its last change, 1 to 87600. "
        "Default: runs stay as long as the file system, so that call caching and resuming work.",
    )
    removal_policy: Annotated[Literal["destroy", "retain"], Choice()] = Field(
        default="destroy",
        description="What happens to the file system when the context is destroyed. With destroy its bucket must be "
        "emptied first: AWS refuses to delete one that holds objects. Default: destroy.",
    )


class OfsSettings(FileSystemSettings):
    """ObjectiveFS as the workflow file system: POSIX over S3, mounted by every machine."""

    fs_type: Annotated[Literal["OFS"], Choice()] = Field(description="Kind of the file system.")
    configuration: OfsConfiguration = Field(description="How the file system is made.")

    @property
    def throughput(self) -> str:
        """How throughput is granted, for people."""
        return "as S3 and each machine's cache give it"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to know about the file system, for people: a name and a value each."""
        configuration = self.configuration
        yield "throughput", self.throughput
        yield "expected size", f"{configuration.expected_size_tb} TB"
        yield "memory added to each task", f"{extra_task_memory_gb(configuration.expected_size_tb)} GiB"
        yield "licence", configuration.license_secret_arn
        yield "passphrase", configuration.passphrase_secret_arn or "a new secret"
        yield "encryption key", configuration.kms_key_arn or "the project's, else keys of AWS"
        yield "on destroy", "kept" if configuration.removal_policy == "retain" else "deleted"
        hours = configuration.expiration_hours
        yield "runs are deleted", f"{hours} hours after they ended" if hours else "never (call caching works)"

    def architecture_problems(self, architecture: str) -> Iterator[Problem]:
        """Yield a problem when the package cannot be installed on the machines of head jobs and of tasks alike."""
        if architecture == "arm64" and "{arch}" not in self.configuration.package_uri:
            yield Problem(
                ("configuration", "packageUri"),
                "tasks run on arm64 machines and head jobs on x86_64 ones, but this is one package",
                remedy="name both by writing {arch} where they differ",
            )
