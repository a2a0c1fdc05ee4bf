"""AWS's Service Authorization Reference: the actions of a service, their resource types and condition keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from .patterns import Context

_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
_TAG_KEY = re.compile(r"(\$\{TagKey\}|<key>)$")

# The reference that was read does not have the service yet.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-files-security-iam.html
_S3_FILES = {
    "actions": {
        name: {"file-system": [], "": ["s3files:AccessPointArn"]}
        for name in ("ClientMount", "ClientWrite", "ClientRootAccess")
    },
    "resources": {"file-system": {"arn": "arn:${Partition}:s3files:${Region}:${Account}:file-system/${FileSystemId}"}},
}

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigateway.html
_EXECUTE_API = {
    "actions": {"Invoke": {"execute-api-general": []}},
    "resources": {
        "execute-api-general": {
            "arn": "arn:${Partition}:execute-api:${Region}:${Account}:${ApiId}/${Stage}/${Method}/${ResourcePath}"
        }
    },
}


# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
_LAMBDA = {
    "actions": {
        "InvokeFunctionUrl": {"function": [], "": ["lambda:FunctionUrlAuthType"]},
        "InvokeFunction": {"function": [], "": ["lambda:InvokedViaFunctionUrl"]},
    },
    "resources": {"function": {"arn": "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}"}},
}


@cache
def services() -> dict[str, Any]:
    """The services of the reference, by their prefix: actions with their resource types, and the resource types."""
    text = files(__package__).joinpath("data/service_authorization.json").read_text()
    return {**json.loads(text)["services"], "execute-api": _EXECUTE_API, "lambda": _LAMBDA, "s3files": _S3_FILES}


def exists(action: str) -> bool:
    """Whether there is an action such as `s3:GetObject`."""
    prefix, _, name = action.partition(":")
    return name in services().get(prefix, {"actions": ()})["actions"]


@cache
def resource_types(action: str) -> tuple[str, ...]:
    """The types of resources that an action is about; none for an action on `*` only."""
    prefix, _, name = action.partition(":")
    return tuple(kind for kind in services()[prefix]["actions"][name] if kind)


@cache
def _pattern(prefix: str, kind: str) -> re.Pattern[str]:
    arn = services()[prefix]["resources"][kind]["arn"]
    # What stands between placeholders is literal; a placeholder is anything but a colon, the last one also that.
    *parts, end = _PLACEHOLDER.split(arn)
    last = ".+" if arn.endswith("}") else "[^:]*"
    text = "[^:]*".join(re.escape(part) for part in parts) + (last + re.escape(end) if parts else "")
    return re.compile(text if parts else re.escape(end))


def names_resource(action: str, arn: str) -> bool:
    """Whether an ARN is of a type that the action is about."""
    prefix = action.partition(":")[0]
    return any(_pattern(prefix, kind).fullmatch(arn) for kind in resource_types(action))


@cache
def _keys(action: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The condition keys of an action on any of its resources: whole keys, and beginnings of those with a tag key."""
    prefix, _, name = action.partition(":")
    service = services()[prefix]
    kinds = service["actions"][name]
    keys = [key for more in kinds.values() for key in more]
    keys += [key for kind in kinds if kind for key in service["resources"][kind].get("conditionKeys", [])]
    whole = {key.lower() for key in keys if not _TAG_KEY.search(key)}
    return frozenset(whole), tuple({_TAG_KEY.sub("", key).lower() for key in keys if _TAG_KEY.search(key)})


# Present in every request; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# Not among them: aws:RequestTag, aws:TagKeys and aws:ResourceTag, which each action supports or not.
_PER_ACTION = ("aws:requesttag/", "aws:tagkeys", "aws:resourcetag/")


def supported(action: str, context: Context) -> Context:
    """The condition keys of a context that an action supports: AWS leaves the others out of its evaluation."""
    whole, beginnings = _keys(action)
    return {
        key: values
        for key, values in context.items()
        if key in whole or key.startswith(beginnings) or (key.startswith("aws:") and not key.startswith(_PER_ACTION))
    }
