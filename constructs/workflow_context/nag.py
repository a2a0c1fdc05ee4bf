"""Acknowledged findings of cdk-nag: each with the reason that a reviewer is given."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import IConstruct, IValidation

COMPLIANCE_PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
"""The packs of cdk-nag that share rules: the id of a rule is that of the pack, a dash and the name of the rule."""

_INLINE_REASON = "The policy is for this one role and goes with it; a managed policy could be attached to others."
_OF_CDK = "Annotation::@aws-cdk/"
"""What ids of warnings of the CDK itself begin with."""


@dataclass(frozen=True)
class Acknowledgement:
    """A finding that is right as it is.

    Attributes:
        path: Path of the construct that it stands on; it is true of everything in that construct.
        rule: Id of the rule, as cdk-nag writes it.
        reason: Why.
    """

    path: str
    rule: str
    reason: str


_record: ContextVar[list[Acknowledgement] | None] = ContextVar("acknowledgements", default=None)


@contextmanager
def recorded_acknowledgements() -> Iterator[list[Acknowledgement]]:
    """Collect acknowledgements instead of making them: cdk-nag then finds what it would find without them."""
    record: list[Acknowledgement] = []
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)


def in_compliance_packs(*rules: str) -> tuple[str, ...]:
    """The ids of rules in every pack of `COMPLIANCE_PACKS`.

    Args:
        *rules: Names of rules without the pack, such as `S3BucketReplicationEnabled`.
    """
    return tuple(f"{pack}-{rule}" for rule in rules for pack in COMPLIANCE_PACKS)


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Acknowledge findings of security rules on one construct and what it holds, with a reason.

    The reason is recorded in the construct tree and stands in the validation report. cdk-nag need not be installed.

    Args:
        construct: The resource the findings are about.
        reason: Why the finding is right as it is, in words that a reviewer accepts.
        *rules: Rule ids, such as `AwsSolutions-S1`.
    """
    _acknowledge_each(construct, dict.fromkeys(rules, reason))


def _acknowledge_each(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge each rule with its reason, in one call: thousands of calls to Node.js cost seconds."""
    record = _record.get()
    if record is not None:
        record.extend(Acknowledgement(construct.node.path, rule, reason) for rule, reason in reasons.items())
        # No pack has CDK's own warnings: nobody asks for them again.
        reasons = {rule: reason for rule, reason in reasons.items() if rule.startswith(_OF_CDK)}
    if reasons:
        rules = (cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items())
        cdk.Validations.of(construct).acknowledge(*rules)


def acknowledge_policies(
    construct: IConstruct, reasons: Mapping[str, str], resources: Mapping[str, str] | None = None
) -> None:
    """Acknowledge the inline policies of a construct's roles, and the wildcards in them for which there is a reason.

    A wildcard in a statement with an action that no reason is given for stays a finding.

    Args:
        construct: The construct that holds the roles.
        reasons: Beginning of an action, such as `s3:` or `batch:Describe`, to the reason for wildcards in the
            resources of the statements that allow it.
        resources: Text in a resource to the reason for it, whatever the action. Default: none.
    """
    acknowledge(construct, _INLINE_REASON, *in_compliance_packs("IAMNoInlinePolicy"))
    construct.node.add_validation(_WildcardAcknowledgement(construct, reasons, resources or {}))


@jsii.implements(IValidation)
class _WildcardAcknowledgement:
    """Acknowledges while the tree is validated: cdk-nag names a wildcard by its ARN, known once all is resolved."""

    def __init__(self, construct: IConstruct, reasons: Mapping[str, str], resources: Mapping[str, str]) -> None:
        self._construct = construct
        self._reasons = reasons
        self._resources = resources

    def validate(self) -> list[str]:
        everything = self._construct.node.find_all()
        policies = [child for child in everything if isinstance(child, iam.CfnPolicy | iam.CfnManagedPolicy)]
        documents = cdk.Stack.of(self._construct).resolve([policy.policy_document for policy in policies])
        for policy, document in zip(policies, documents, strict=True):
            self._acknowledge(policy, document["Statement"])
        return []

    def _acknowledge(self, policy: IConstruct, statements: Iterable[Mapping[str, Any]]) -> None:
        """Give each wildcard the reasons of all statements it stands in: to cdk-nag they are one finding."""
        found: dict[str, list[str | None]] = {}
        for statement in statements:
            reason = self._reason(_listed(statement["Action"]))
            for resource in map(_flat, _listed(statement["Resource"])):
                if "*" in resource:
                    of_it = next((why for text, why in self._resources.items() if text in resource), reason)
                    found.setdefault(resource, []).append(of_it)
        complete: dict[str, str] = {}
        for resource, reasons in found.items():
            known = [reason for reason in reasons if reason is not None]
            if len(known) == len(reasons):
                complete[f"AwsSolutions-IAM5[Resource::{resource}]"] = _without_repetition(known)
        _acknowledge_each(policy, complete)

    def _reason(self, actions: Iterable[str]) -> str | None:
        reasons = {
            next((reason for start, reason in self._reasons.items() if action.startswith(start)), None)
            for action in actions
        }
        return None if None in reasons else " ".join(sorted(reason for reason in reasons if reason))


def _without_repetition(reasons: Iterable[str]) -> str:
    """The sentences of reasons, each once."""
    return " ".join(dict.fromkeys(sentence for reason in reasons for sentence in re.split(r"(?<=\.) ", reason)))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _flat(value: Any) -> str:
    """A reference as cdk-nag writes it in the id of a finding."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    (function, argument), *_ = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(map(_flat, argument[1]))
    if function == "Fn::GetAtt":
        return f"<{argument[0]}.{argument[1]}>"
    if function == "Ref":
        return f"<{argument}>"
    if function in ("Fn::Sub", "Fn::ImportValue"):
        return _flat(argument)
    return json.dumps(value, separators=(",", ":"))
