"""Functions of AWS Lambda and their URLs in CloudFormation: checked, kept and never run. Only jobs run code here."""

import hashlib
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Handlers = dict[str, Callable[..., Any] | bool]

MAX_INLINE = 4 * 1024 * 1024
"""Characters of code in a template: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def handlers(arn: Callable[[str, str], str], has_role: Callable[[str], bool]) -> dict[str, Handlers]:
    """The handlers.

    Args:
        arn: Gives an ARN of a service in the account and region of the request.
        has_role: Whether there is a role, by its name.
    """

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

    def delete(_name: str, _properties: Record) -> None:
        """Nothing is left of it."""

    def url(_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
        target = str(properties["TargetFunctionArn"])
        function = target if target.startswith("arn:") else arn("lambda", f"function:{target}")
        name = hashlib.sha256(function.encode()).hexdigest()[:32]
        region = function.split(":")[3]
        return function, {"FunctionArn": function, "FunctionUrl": f"https://{name}.lambda-url.{region}.on.aws/"}

    def updated_url(_name: str, _old: Record, new: Record, stack: str) -> tuple[str, Record]:
        return url("", new, stack)

    return {
        "AWS::Lambda::Function": {"create": create, "update": update, "delete": delete},
        "AWS::Lambda::Url": {"create": url, "update": updated_url, "delete": delete},
    }
