"""Acknowledged findings of cdk-nag: each with the reason that a reviewer is given."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import IConstruct, IValidation

INLINE_POLICY = "HIPAA.Security-IAMNoInlinePolicy"
_INLINE_REASON = "The policy is for this one role and goes with it; a managed policy could be attached to others."


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Acknowledge findings of security rules on one construct and what it holds, with a reason.

    The reason is recorded in the construct tree and stands in the validation report. cdk-nag need not be installed.

    Args:
        construct: The resource the findings are about.
        reason: Why the finding is right as it is, in words that a reviewer accepts.
        *rules: Rule ids, such as `AwsSolutions-S1`.
    """
    for rule in rules:
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))


def acknowledge_policies(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge the inline policies of a construct's roles, and the wildcards in them for which there is a reason.

    A wildcard in a statement with an action that no reason is given for stays a finding.

    Args:
        construct: The construct that holds the roles.
        reasons: Beginning of an action, such as `s3:` or `batch:Describe`, to the reason for wildcards in the
            resources of the statements that allow it.
    """
    acknowledge(construct, _INLINE_REASON, INLINE_POLICY)
    construct.node.add_validation(_WildcardAcknowledgement(construct, reasons))


@jsii.implements(IValidation)
class _WildcardAcknowledgement:
    """Acknowledges while the tree is validated: cdk-nag names a wildcard by its ARN, known once all is resolved."""

    def __init__(self, construct: IConstruct, reasons: Mapping[str, str]) -> None:
        self._construct = construct
        self._reasons = reasons

    def validate(self) -> list[str]:
        stack = cdk.Stack.of(self._construct)
        for child in self._construct.node.find_all():
            if isinstance(child, iam.CfnPolicy):
                for statement in stack.resolve(child.policy_document)["Statement"]:
                    self._acknowledge(child, statement)
        return []

    def _acknowledge(self, policy: iam.CfnPolicy, statement: Mapping[str, Any]) -> None:
        reason = self._reason(_listed(statement["Action"]))
        for resource in map(_flat, _listed(statement["Resource"])):
            if "*" in resource and reason:
                acknowledge(policy, reason, f"AwsSolutions-IAM5[Resource::{resource}]")

    def _reason(self, actions: Iterable[str]) -> str | None:
        reasons = {
            next((reason for start, reason in self._reasons.items() if action.startswith(start)), None)
            for action in actions
        }
        return None if None in reasons else " ".join(sorted(reason for reason in reasons if reason))


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
