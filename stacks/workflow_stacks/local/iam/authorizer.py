"""Decides about calls: by the policies of the caller's role and of the resource, as they are deployed at the moment."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from .deployed import Deployed, Role
from .evaluation import Decision, Policies, Statements, evaluate
from .policy import parse_policy
from .principals import Principal
from .reference import exists, supported
from .request import Call
from .usage import Usage

NO_ROLE = Decision(allowed=False, because="because the role does not exist")


@dataclass
class Authorizer:
    """Decides about calls, and counts them.

    Attributes:
        deployed: What is deployed.
        region: The region of the local cloud.
        usage: The counts.
    """

    deployed: Deployed
    region: str
    usage: Usage = field(default_factory=Usage)

    def decide(self, principal: Principal, call: Call) -> Decision:
        """Whether a role may make a call."""
        decision = self.evaluate(principal, call)
        self.usage.record(principal.role_arn, call.action, call.resource, allowed=decision.allowed)
        return decision

    def evaluate(self, principal: Principal, call: Call) -> Decision:
        """The same, without counting it."""
        role = self.deployed.role(principal.role_name)
        if role is None:
            return NO_ROLE
        if not exists(call.action):
            return Decision(allowed=False, because=f"because no identity-based policy allows the {call.action} action")
        return evaluate(
            call.action,
            call.resource,
            supported(call.action, {**self._common(principal), **call.context}),
            policies_of(role),
            resource_policy=self._resource_policy(call),
            principals=principal.names,
            delegates=principal.delegates,
            resource_policy_required=call.action.startswith("kms:"),
        )

    def anonymous(self, call: Call) -> Decision:
        """Whether anybody at all may make a call: only a resource-based policy can say so."""
        return evaluate(
            call.action,
            call.resource,
            supported(call.action, {**_now(), **call.context}),
            Policies(()),
            resource_policy=self._resource_policy(call),
        )

    def report(self) -> list[dict[str, Any]]:
        """What each role used, was denied, and never used."""
        rows: list[dict[str, Any]] = []
        for arn in self.usage.roles():
            role = self.deployed.role(arn.rpartition("/")[2])
            identity: Statements = policies_of(role).identity if role else ()
            rows.append({"role": arn, "calls": self.usage.of(arn), "neverUsed": self.usage.unused(arn, identity)})
        return rows

    def _resource_policy(self, call: Call) -> Statements:
        service, name = call.resource.split(":")[2:6:3] if call.resource.startswith("arn:") else ("", "")
        if service == "s3":
            document = self.deployed.bucket_policy(name.partition("/")[0])
        elif service == "kms":
            document = self.deployed.key_policy(call.resource)
        elif service in ("elasticfilesystem", "s3files"):
            document = self.deployed.file_system_policy(name.rpartition("/")[2])
        else:
            document = ""
        return parse_policy(document) if document else ()

    def _common(self, principal: Principal) -> Mapping[str, tuple[str, ...]]:
        """The condition keys of every request. The plain loopback connection stands for AWS's TLS."""
        return {
            **_now(),
            "aws:principalarn": (principal.role_arn,),
            "aws:principalaccount": (principal.account,),
            "aws:principaltype": ("AssumedRole",),
            "aws:userid": (f"{principal.role_name}:{principal.session}",),
            "aws:principalisawsservice": ("false",),
            "aws:viaawsservice": ("false",),
            "aws:requestedregion": (self.region,),
            "aws:resourceaccount": (principal.account,),
            **{f"aws:principaltag/{name}".lower(): (value,) for name, value in principal.tags.items()},
        }


def policies_of(role: Role) -> Policies:
    """The parsed policies of a role."""
    identity = tuple(statement for document in role.policies for statement in parse_policy(document))
    return Policies(identity, None if role.boundary is None else parse_policy(role.boundary))


@cache
def managed_policies() -> Mapping[str, str]:
    """AWS's managed policies that the templates use, by their ARN; the data says of which version and date."""
    text = files(__package__).joinpath("data/managed_policies.json").read_text()
    return {arn: json.dumps(one["document"]) for arn, one in json.loads(text)["policies"].items()}


def _now() -> dict[str, tuple[str, ...]]:
    seconds = time.time()
    return {
        "aws:currenttime": (datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds"),),
        "aws:epochtime": (str(int(seconds)),),
        "aws:securetransport": ("true",),
    }
