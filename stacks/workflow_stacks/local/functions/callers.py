"""Who calls a function by an API or a URL of its own, and whether IAM lets him."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workflow_stacks.local.iam.authorizer import Authorizer
from workflow_stacks.local.iam.credentials import Credentials, UnknownKeyError
from workflow_stacks.local.iam.principals import Principal
from workflow_stacks.local.iam.request import Call

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/[^/]+/[^/]+/([^/]+)/")


@dataclass(frozen=True)
class Callers:
    """Knows the callers.

    Attributes:
        authorizer: Decides who may.
        credentials: Knows the keys of jobs and of the administrator.
        session_role: The ARN of the role that the administrator assumed, and the name of the session, by access key.
        account: The account of the local cloud.
        region: Its region.
    """

    authorizer: Authorizer
    credentials: Credentials
    session_role: Callable[[str], tuple[str, str] | None]
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource here."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def who_may(self, headers: Mapping[str, str], service: str, calls: Sequence[Call]) -> str | None:
        """The ARN of who calls, if the request is signed for the service and IAM lets him make all calls."""
        found = _CREDENTIAL.match(headers.get("authorization", ""))
        if found is None or found[2] != service:
            return None
        key = found[1]
        if key == self.credentials.administrator:
            return f"arn:aws:iam::{self.account}:root"
        assumed = self.session_role(key)
        if assumed:
            principal = Principal(*assumed)
        else:
            try:
                principal = self.credentials.principal(key, headers.get("x-amz-security-token", ""))
            except UnknownKeyError:
                return None
        allowed = all(self.authorizer.decide(principal, call).allowed for call in calls)
        return principal.arn if allowed else None
