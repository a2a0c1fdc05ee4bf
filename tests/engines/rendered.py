"""Parts of a template as they may read once deployed, for parsers of what is rendered."""

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from templates import Template, resources

AWS = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}


def deployed(value: Any) -> str:
    """A value of a template as it may read once deployed; references become ARNs and names that parsers accept."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(map(deployed, argument[1]))
    if function == "Ref":
        return AWS.get(argument, argument)
    if function == "Fn::Select":
        separator, text = argument[1]["Fn::Split"]
        return deployed(text).split(separator)[int(argument[0])]
    if function == "Fn::GetAtt":
        return f"arn:aws:iam::123456789012:role/{argument[0]}"
    if function == "Fn::GetStackOutput":
        return "project-bucket"
    if function == "Fn::ImportValue":
        return "arn:aws:s3:::project-bucket" if "GetAttBucket" in argument else "project-bucket"
    if function == "Fn::Sub":
        return re.sub(r"\${([\w:]+)}", lambda found: AWS[found[1]], argument)
    raise AssertionError(f"no deployed value is known for {json.dumps(value)}")


def output(template: Template, name: str) -> str:
    """The value of a stack output, as it may read once deployed."""
    return deployed(template["Outputs"][name]["Value"])


def head_container(template: Template) -> dict[str, Any]:
    """The container of the head job."""
    [definition] = [
        one["Properties"]["ContainerProperties"]
        for name, one in resources(template, "AWS::Batch::JobDefinition").items()
        if "HeadJob" in name
    ]
    return dict(definition)


def environment(template: Template) -> dict[str, str]:
    """The environment of the head job, as it may read once deployed."""
    return {one["Name"]: deployed(one["Value"]) for one in head_container(template)["Environment"]}


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """The statements of the inline policies of one role, by a part of its logical id."""
    return [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        if any(role in attached["Ref"] for attached in policy["Properties"]["Roles"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def allowed(template: Template, role: str, action: str) -> list[str]:
    """The resources on which a role may do something, as they may read once deployed."""
    found: list[str] = []
    for statement in statements(template, role):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if action in actions:
            resource = statement["Resource"]
            found += map(deployed, resource if isinstance(resource, list) else [resource])
    return found


def submission(template: Template) -> dict[str, str]:
    """The options of the command that a client is told to start a workflow by."""
    told = output(template, "ClientConfiguration").replace("// ", "")
    command = told[told.index("aws batch submit-job") :].partition("'\n")[0]
    words = shlex.split(command.replace("\\\n", " ").rstrip("'") + "'")
    return dict(zip(words[3::2], words[4::2], strict=True))


def user_data(template: Template) -> str:
    """What instances run at boot, as text."""
    return _user_data(template, lambda script: script)


def user_data_size(template: Template) -> int:
    """The size of what EC2 keeps, in bytes: the scripts in it are encoded one by one."""
    return len(_user_data(template, lambda script: b64encode(script.encode()).decode()))


def _user_data(template: Template, encode: Callable[[str], str]) -> str:
    [launch_template] = resources(template, "AWS::EC2::LaunchTemplate").values()
    archive = launch_template["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    separator, parts = archive["Fn::Join"]
    return str(separator).join(
        encode(deployed(part["Fn::Base64"])) if "Fn::Base64" in part else deployed(part) for part in parts
    )
