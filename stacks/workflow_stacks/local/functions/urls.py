"""URLs of functions.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from typing_extensions import override

from workflow_stacks.local.iam.request import Call

from .door import Door, Target
from .exchange import Record, of
from .types import FUNCTION, URL, URL_PLACE


class FunctionUrls(Door):
    """Answers requests to the URLs of functions."""

    place = URL_PLACE
    service = "lambda"
    max_body = 6 * 1024 * 1024  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    failed = 502
    bodies_are_bytes = True

    @override
    def find(self, found: Sequence[Record], method: str, rest: str) -> Target | None:
        name, _, path = rest.partition("/")
        urls = [one["Properties"] for one in of(found, URL) if str(one["PhysicalResourceId"]).endswith(f":{name}")]
        function = next((one for one in of(found, FUNCTION) if one["PhysicalResourceId"] == name), None)
        if not urls or function is None:
            return None
        arn = self.callers.arn("lambda", f"function:{name}")
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        calls = [
            Call("lambda:InvokeFunctionUrl", arn, {"lambda:functionurlauthtype": (urls[0]["AuthType"],)}),
            Call("lambda:InvokeFunction", arn, {"lambda:invokedviafunctionurl": ("true",)}),
        ]
        return Target(calls, unquote(f"/{path}"), function)
