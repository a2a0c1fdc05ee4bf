"""What requests to IAM itself ask of it: those that a function makes for the jobs of a context.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

import re
from collections.abc import Iterator, Mapping

from .deployed import Deployed
from .request import Call, Request, UnknownOperationError, request_tags, resource_tags

_OF_A_ROLE = frozenset({"AttachRolePolicy", "CreateRole", "DeleteRole", "DetachRolePolicy", "GetRole", "TagRole"})


def iam_calls(request: Request, deployed: Deployed) -> Iterator[Call]:
    """The calls of a request to IAM about one role."""
    form = request.form
    action, name = form.get("Action", ""), form.get("RoleName", "")
    if action not in _OF_A_ROLE or not name:
        raise UnknownOperationError
    known = deployed.role(name)
    path = form.get("Path", "/") if action == "CreateRole" else "/"
    # A role is asked for by its path too, which only its making names.
    arn = known.arn if known else f"arn:aws:iam::{request.account}:role{path}{name}"
    tags = request_tags(_tags(form))
    context = {
        **resource_tags(known.tags if known and action != "CreateRole" else {}),
        **tags,
        **{f"iam:{key}".lower(): (form[given],) for key, given in _KEYS.items() if form.get(given)},
    }
    yield Call(f"iam:{action}", arn, context)
    if action == "CreateRole" and tags:
        yield Call("iam:TagRole", arn, context)


_KEYS = {"PolicyARN": "PolicyArn", "PermissionsBoundary": "PermissionsBoundary"}


def _tags(form: Mapping[str, str]) -> dict[str, str]:
    keys = [name for name in form if re.fullmatch(r"Tags\.member\.\d+\.Key", name)]
    return {form[name]: form.get(f"{name.removesuffix('Key')}Value", "") for name in keys}
