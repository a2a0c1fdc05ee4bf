"""The project file as typed, frozen objects: the shape, without the meaning across fields (see `checks`)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from .arns import KmsKeyArn
from .context import Context
from .data_location import DataLocation
from .machines import OwnMachines
from .section import Section
from .shared_queues import SharedQueues
from .tags import Tags
from .values import EmptyWhenNothing, Text, Whole
from .workflow import Workflow


def _only_letters_and_digits(written: str) -> str:
    rest = "".join(letter for letter in written if letter.isascii() and letter.isalnum())
    return f"did you mean '{rest}'?" if rest and len(rest) <= 64 else ""


_NAME = Text("letters A-Z, a-z and digits, at most 64", "[A-Za-z0-9]+", 64, hint=_only_letters_and_digits)


class Project(Section):
    """A project file, `agc-project.yaml`: workflows, the data they read, and the contexts they run in."""

    name: Annotated[str, _NAME] = Field(
        description="Name of the project; the stacks are named after it. Letters and digits, beginning with a letter."
    )
    schema_version: Annotated[int, Whole(1, 1)] = Field(description="Version of the file's format: 1.")
    workflows: Annotated[dict[Annotated[str, Text("the name of a workflow")], Workflow], EmptyWhenNothing()] = Field(
        default_factory=dict, description="The workflows by name. Default: none."
    )
    data: Annotated[tuple[DataLocation, ...], EmptyWhenNothing()] = Field(
        default=(),
        description="Places in S3 that workflows read or write. Default: only the project's own bucket.",
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the project's bucket, logs, the volumes of machines, notifications, and the "
        "buckets and secrets of contexts that name no other; its policy must let AWS services use it. EFS and FSx file "
        "systems have a kmsKeyArn of their own. Default: keys of AWS.",
    )
    tags: Tags = Field(
        default_factory=dict,
        description="Tags for everything in every context and in what they share; a context's own tag of the same key "
        "is used instead there. Limits as for the tags of a context. Default: none.",
    )
    shared_queues: SharedQueues | None = Field(
        default=None,
        description="Queues and machines in the stack that contexts share, for contexts that say useSharedQueues: an "
        "account has 50 queues in a Region. Jobs of all are started first come, first served. Default: none; write {} "
        "for the defaults.",
    )
    contexts: Annotated[dict[Annotated[str, _NAME], Context], EmptyWhenNothing()] = Field(
        default_factory=dict,
        description="The contexts by name: letters and digits. Default: none, and nothing can be deployed.",
    )

    @model_validator(mode="after")
    def _machines_are_those_of_the_queues(self) -> Self:
        """Give contexts on the shared queues the machines of these; what a context wrote itself stays known."""
        for name, context in self.contexts.items():
            if self.shared_queues is not None and context.use_shared_queues:
                machines = {field: getattr(self.shared_queues, field) for field in OwnMachines.model_fields}
                written = {field: getattr(context, field) for field in Context.model_fields}
                self.contexts[name] = Context.model_construct(context.model_fields_set, **{**written, **machines})
        return self

    def stack_name(self, context: str, user: str = "") -> str:
        """Return the name of a context's stack; with a user, of that user's own."""
        return "-".join(part for part in (self.name, user, context) if part)

    @staticmethod
    def bucket_prefix(context: str, user: str = "") -> str:
        """Return the prefix of a context in the project's bucket. No user's can be that of a context, nor hold one."""
        return f"users/{user}/{context}" if user else f"contexts/{context}"
