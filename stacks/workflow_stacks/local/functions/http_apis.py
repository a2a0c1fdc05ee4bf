"""HTTP APIs of API Gateway, whose routes integrate functions.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from typing_extensions import override

from workflow_stacks.local.iam.request import Call

from .door import Door, Target
from .exchange import Record, of
from .types import API, FUNCTION, INTEGRATION, PERMISSION, PLACE, ROUTE

_STAGE = "$default"


class HttpApis(Door):
    """Answers requests to the APIs of stacks."""

    place = PLACE
    service = "execute-api"
    max_body = 10 * 1024 * 1024  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    failed = 500
    bodies_are_bytes = False

    @override
    def find(self, found: Sequence[Record], method: str, rest: str) -> Target | None:
        api, _, path = rest.partition("/")
        key = f"{method} /{path}"
        routes = [
            one["Properties"]
            for one in of(found, ROUTE)
            if (one["Properties"]["ApiId"], one["Properties"]["RouteKey"]) == (api, key)
        ]
        if not routes or not any(one["PhysicalResourceId"] == api for one in of(found, API)):
            return None
        arn = self.callers.arn("execute-api", f"{api}/{_STAGE}/{method}/{path}")
        return Target(
            [Call("execute-api:Invoke", arn)],
            f"/{path}",
            _function(found, routes[0], arn),
            {"apiId": api, "routeKey": key, "stage": _STAGE},
            {"routeKey": key},
        )


def _function(found: Sequence[Record], route: Record, arn: str) -> Record | None:
    """The function of a route, if it lets API Gateway call it."""
    target = str(route["Target"]).removeprefix("integrations/")
    uri = next(
        one["Properties"]["IntegrationUri"] for one in of(found, INTEGRATION) if one["PhysicalResourceId"] == target
    )
    name = str(uri).rpartition(":")[2]
    permitted = any(
        one["Properties"]["FunctionName"] == uri
        and one["Properties"]["Principal"] == "apigateway.amazonaws.com"
        and fnmatchcase(arn, one["Properties"].get("SourceArn", "*"))
        for one in of(found, PERMISSION)
    )
    function = next((one for one in of(found, FUNCTION) if one["PhysicalResourceId"] == name), None)
    return function if permitted else None
