"""Whether policies allow a request: AWS's evaluation within one account, and AWS's words for a refusal.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .patterns import Context
from .policy import Statement

Statements = Sequence[Statement]


@dataclass(frozen=True)
class Policies:
    """The policies that apply to the requests of a principal.

    Attributes:
        identity: Those attached to it.
        boundary: Its permissions boundary; None without one.
    """

    identity: Statements
    boundary: Statements | None = None


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed.

    Attributes:
        allowed: Whether it is.
        because: When it is not: the end of AWS's message, such as
            `because no identity-based policy allows the … action`.
    """

    allowed: bool
    because: str = ""


ALLOWED = Decision(allowed=True)


def evaluate(
    action: str,
    resource: str,
    context: Context,
    policies: Policies,
    *,
    resource_policy: Statements = (),
    principals: frozenset[str] = frozenset(),
    delegates: frozenset[str] = frozenset(),
    resource_policy_required: bool = False,
) -> Decision:
    """Evaluate one action on one resource.

    Args:
        action: Such as `s3:GetObject`.
        resource: The ARN of the resource, or `*` for an action without.
        context: The condition keys of the request.
        policies: Those of the principal.
        resource_policy: That of the resource, when it has one.
        principals: The ARNs that a resource policy may call the principal: its role's and its session's.
        delegates: The names of its account. A statement that allows one of them leaves it to identity policies.
        resource_policy_required: Whether the resource policy must allow the request too, as that of a KMS key.
    """
    layers: list[tuple[str, Iterable[Statement]]] = [
        ("an identity-based policy", policies.identity),
        ("a permissions boundary", policies.boundary or ()),
        ("a resource-based policy", (one for one in resource_policy if one.names(principals | delegates))),
    ]
    for name, statements in layers:
        if _any(statements, "Deny", action, resource, context):
            return Decision(allowed=False, because=f"with an explicit deny in {name}")
    direct = _any((one for one in resource_policy if one.names(principals)), "Allow", action, resource, context)
    delegated = _any((one for one in resource_policy if one.names(delegates)), "Allow", action, resource, context)
    if resource_policy_required and not direct and not delegated:
        return Decision(allowed=False, because=f"because no resource-based policy allows the {action} action")
    if not direct and not _any(policies.identity, "Allow", action, resource, context):
        return Decision(allowed=False, because=f"because no identity-based policy allows the {action} action")
    if policies.boundary is not None and not _any(policies.boundary, "Allow", action, resource, context):
        return Decision(allowed=False, because=f"because no permissions boundary allows the {action} action")
    return ALLOWED


def _any(statements: Iterable[Statement], effect: str, action: str, resource: str, context: Context) -> bool:
    return any(one.effect == effect and one.applies(action, resource, context) for one in statements)
