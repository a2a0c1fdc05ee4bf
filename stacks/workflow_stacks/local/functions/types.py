"""The CloudFormation types of HTTP APIs and of permissions of functions: kept in the stack that made them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

import secrets
import string
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Handlers = dict[str, Callable[..., Any] | bool]

FUNCTION, PERMISSION = "AWS::Lambda::Function", "AWS::Lambda::Permission"
API, INTEGRATION, ROUTE, STAGE = (f"AWS::ApiGatewayV2::{name}" for name in ("Api", "Integration", "Route", "Stage"))
PLACE = "/_execute-api/"
"""Where the local cloud has the APIs; on AWS each has a host name of its own."""

_LETTERS = string.ascii_lowercase + string.digits


def handlers(port: int) -> dict[str, Handlers]:
    """The handlers.

    Args:
        port: Where the local cloud listens.
    """

    def api(name: str) -> Record:
        return {"ApiId": name, "ApiEndpoint": f"http://127.0.0.1:{port}{PLACE}{name}"}

    def checked_api(properties: Record) -> None:
        if properties.get("ProtocolType") != "HTTP":
            raise ValueError("The local cloud has HTTP APIs only")

    def checked_route(properties: Record) -> None:
        if properties.get("AuthorizationType") != "AWS_IAM":
            raise ValueError("The local cloud has routes with AWS_IAM authorization only")

    def checked_integration(properties: Record) -> None:
        if (properties.get("IntegrationType"), properties.get("PayloadFormatVersion")) != ("AWS_PROXY", "2.0"):
            raise ValueError("The local cloud has integrations of functions only, with payload format 2.0")

    return {
        API: _kept(checked_api, api),
        ROUTE: _kept(checked_route, lambda name: {"RouteId": name}),
        INTEGRATION: _kept(checked_integration, lambda name: {"IntegrationId": name}),
        STAGE: _kept(lambda _: None, lambda _: {}),
        PERMISSION: _kept(lambda _: None, lambda name: {"Id": name}),
    }


def _kept(check: Callable[[Record], None], attributes: Callable[[str], Record]) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
        check(properties)
        name = properties.get("StageName") or "".join(secrets.choice(_LETTERS) for _ in range(10))
        return name, attributes(name)

    def update(name: str, _old: Record, new: Record, _stack: str) -> tuple[str, Record]:
        check(new)
        return name, attributes(name)

    def delete(_name: str, _properties: Record) -> None:
        """The stack that made it forgets it."""

    return {"create": create, "update": update, "delete": delete}
