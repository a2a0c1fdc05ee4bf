"""What the tests of IAM allow, and how they read what a call answers."""

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

TASKS = "ecs-tasks.amazonaws.com"
"""Whom the roles of jobs trust."""


def allow(action, resource="*", **condition) -> dict:
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    }


def document(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def refused(call, **arguments) -> ClientError:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value


def code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def status_of(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
