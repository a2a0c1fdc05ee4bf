"""IAM: who calls, and who decides what he may."""

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from workflow_stacks.local.batch.control_plane import Batch
from workflow_stacks.local.iam.authorizer import Authorizer
from workflow_stacks.local.iam.credentials import Credentials, write_administrator

from .deployed import deployed_with
from .settings import REGION, STATE

ACCOUNT: str = get_account_id()
CREDENTIALS = Credentials(write_administrator(STATE))


def authorizer(batch: Batch, jobs: Mapping[str, Any]) -> Authorizer:
    """What decides, by what is deployed.

    Args:
        batch: The control plane of AWS Batch.
        jobs: Its jobs by their id.
    """
    return Authorizer(deployed_with(batch, jobs), REGION)


def known_session(access_key: str) -> bool:
    """Whether the administrator assumed a role, as the CDK CLI does, or made a user, that has an access key."""
    return access_key in sts._sessions or access_key in iam._access_keys


def session_role(access_key: str) -> tuple[str, str] | None:
    """The ARN of the role that the administrator assumed, and the name of the session."""
    session = sts._sessions.get(access_key)
    arn = str((session or {}).get("Arn", ""))
    if ":assumed-role/" not in arn:
        return None
    role, _, name = arn.rpartition(":assumed-role/")[2].rpartition("/")
    found = iam._roles.get(role)
    return (str(found["Arn"]), name) if found else None
