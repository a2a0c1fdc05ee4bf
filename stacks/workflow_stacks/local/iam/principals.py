"""Who makes a request: a session of a role."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Principal:
    """A session of a role.

    Attributes:
        role_arn: The ARN of the role.
        session: The name of the session: the task of a job, or the instance.
        job: The id of the job whose programs have its credentials.
        tags: The tags of the role.
    """

    role_arn: str
    session: str
    job: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account of the role."""
        return self.role_arn.split(":")[4]

    @property
    def role_name(self) -> str:
        """The name of the role, without its path."""
        return self.role_arn.rpartition("/")[2]

    @property
    def arn(self) -> str:
        """The ARN of the session, as AWS's messages name it."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role_name}/{self.session}"

    @property
    def names(self) -> frozenset[str]:
        """What a resource-based policy may call it."""
        return frozenset({self.role_arn, self.arn})

    @property
    def delegates(self) -> frozenset[str]:
        """What a resource-based policy may call its account."""
        return frozenset({f"arn:aws:iam::{self.account}:root", self.account})
