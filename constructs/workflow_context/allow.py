"""Statements are added to a policy together: each call to Node.js takes time, and a context has forty of them."""

from weakref import WeakKeyDictionary

from aws_cdk import aws_iam as iam

_MANY = 5
"""From so many statements on, looking for the policy of a role is worth its two calls."""

_policies: "WeakKeyDictionary[iam.Role, iam.Policy]" = WeakKeyDictionary()


def allow(grantee: iam.IGrantable, *statements: iam.PolicyStatement) -> None:
    """Add statements to the policy of somebody, in their order.

    Args:
        grantee: Who may.
        *statements: The statements. Others may have them too: the CDK changes none that is in a policy.
    """
    if not isinstance(grantee, iam.Role):
        for statement in statements:
            grantee.grant_principal.add_to_principal_policy(statement)
        return
    if grantee not in _policies:
        if len(statements) < _MANY:
            _one_by_one(grantee, *statements)
            return
        # The first one makes the policy, unless the app has its roles made by others: then there is none.
        grantee.add_to_policy(statements[0])
        statements = statements[1:]
        policy = grantee.node.try_find_child("DefaultPolicy")
        if not isinstance(policy, iam.Policy):
            _one_by_one(grantee, *statements)
            return
        _policies[grantee] = policy
    _policies[grantee].add_statements(*statements)


def _one_by_one(role: iam.Role, *statements: iam.PolicyStatement) -> None:
    for statement in statements:
        role.add_to_policy(statement)  # its answer is a plain one; that of the other is fetched by two more calls
