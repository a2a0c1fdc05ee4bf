"""The CloudFormation types of functions and of HTTP APIs: checked, and kept in the stack that made them.

No function runs when it is deployed: one runs when its API or its URL is called, see `http_apis` and `urls`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

import secrets
import string
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Handlers = dict[str, Callable[..., Any] | bool]
Arn = Callable[[str, str], str]

FUNCTION, URL, PERMISSION = (f"AWS::Lambda::{name}" for name in ("Function", "Url", "Permission"))
API, INTEGRATION, ROUTE, STAGE = (f"AWS::ApiGatewayV2::{name}" for name in ("Api", "Integration", "Route", "Stage"))
PLACE = "/_execute-api/"
"""Where the local cloud has the APIs; on AWS each has a host name of its own."""
URL_PLACE = "/_lambda-url/"
"""Where the local cloud has the URLs of functions; on AWS each has a host name of its own."""
MAX_INLINE = 4 * 1024 * 1024
"""Characters of code in a template: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_LETTERS = string.ascii_lowercase + string.digits


def handlers(port: int, arn: Arn, has_role: Callable[[str], bool]) -> dict[str, Handlers]:
    """The handlers.

    Args:
        port: Where the local cloud listens.
        arn: Gives an ARN of a service in the account and region of the request.
        has_role: Whether there is a role, by its name.
    """

    def api(name: str) -> Record:
        return {"ApiId": name, "ApiEndpoint": f"http://127.0.0.1:{port}{PLACE}{name}"}

    return {
        FUNCTION: _function(arn, has_role),
        URL: _url(port, arn),
        PERMISSION: _kept(lambda _: None, lambda name: {"Id": name}),
        API: _kept(_check_api, api),
        ROUTE: _kept(_check_route, lambda name: {"RouteId": name}),
        INTEGRATION: _kept(_check_integration, lambda name: {"IntegrationId": name}),
        STAGE: _kept(lambda _: None, lambda _: {}),
    }


def _function(arn: Arn, has_role: Callable[[str], bool]) -> Handlers:
    def made(name: str, properties: Record) -> tuple[str, Record]:
        role = str(properties["Role"])
        if not has_role(role.rpartition("/")[2]):
            raise ValueError(f"The role defined for the function cannot be assumed by Lambda: {role} does not exist")
        if len(str(properties.get("Code", {}).get("ZipFile", ""))) > MAX_INLINE:
            raise ValueError(f"ZipFile must have at most {MAX_INLINE} characters")
        return name, {"Arn": arn("lambda", f"function:{name}")}

    def create(logical_id: str, properties: Record, stack: str) -> tuple[str, Record]:
        return made(str(properties.get("FunctionName") or f"{stack}-{logical_id}"[:64]), properties)

    def update(name: str, _old: Record, new: Record, _stack: str) -> tuple[str, Record]:
        return made(name, new)

    return {"create": create, "update": update, "delete": _forget}


def _url(port: int, arn: Arn) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
        target = str(properties["TargetFunctionArn"])
        function = target if target.startswith("arn:") else arn("lambda", f"function:{target}")
        if properties.get("AuthType") != "AWS_IAM":
            raise ValueError("The local cloud has URLs of functions with AWS_IAM authorization only")
        address = f"http://127.0.0.1:{port}{URL_PLACE}{function.rpartition(':')[2]}/"
        return function, {"FunctionArn": function, "FunctionUrl": address}

    def update(_name: str, _old: Record, new: Record, stack: str) -> tuple[str, Record]:
        return create("", new, stack)

    return {"create": create, "update": update, "delete": _forget}


def _kept(check: Callable[[Record], None], attributes: Callable[[str], Record]) -> Handlers:
    def create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
        check(properties)
        name = properties.get("StageName") or "".join(secrets.choice(_LETTERS) for _ in range(10))
        return name, attributes(name)

    def update(name: str, _old: Record, new: Record, _stack: str) -> tuple[str, Record]:
        check(new)
        return name, attributes(name)

    return {"create": create, "update": update, "delete": _forget}


def _check_api(properties: Record) -> None:
    if properties.get("ProtocolType") != "HTTP":
        raise ValueError("The local cloud has HTTP APIs only")


def _check_route(properties: Record) -> None:
    if properties.get("AuthorizationType") != "AWS_IAM":
        raise ValueError("The local cloud has routes with AWS_IAM authorization only")


def _check_integration(properties: Record) -> None:
    if (properties.get("IntegrationType"), properties.get("PayloadFormatVersion")) != ("AWS_PROXY", "2.0"):
        raise ValueError("The local cloud has integrations of functions only, with payload format 2.0")


def _forget(_name: str, _properties: Record) -> None:
    """The stack that made it forgets it."""
