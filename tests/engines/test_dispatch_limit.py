"""What AWS Batch hands to Amazon ECS for a job: at most 8,192 characters of command and environment.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html says so of container overrides. AWS Batch
passes the command and the environment of a job definition that way too, parameters replaced and with its own variables.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from templates import PROJECTS, Template, Templates, resources

LIMIT = 8192
ROOM = 1000
"""For parameters of the user, and for what AWS Batch adds that nobody has written down."""
OF_BATCH = {
    "AWS_BATCH_CE_NAME": "c" * 36,
    "AWS_BATCH_JOB_ATTEMPT": "1" * 36,
    "AWS_BATCH_JOB_ID": "j" * 36,
    "AWS_BATCH_JOB_ARRAY_INDEX": "0" * 36,
    "AWS_BATCH_JQ_NAME": "q" * 36,
}
"""https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html."""
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-2",
    "AWS::URLSuffix": "amazonaws.com.cn",
}
ARN = f"arn:aws-us-gov:batch:ap-southeast-2:123456789012:job-definition/{'n' * 64}:10"
LENGTHS = {"Fn::GetAtt": ARN, "Fn::GetStackOutput": "b" * 63, "Fn::ImportValue": "b" * 63, "Fn::Select": "s" * 24}


def resolved(value: Any) -> str:
    """A value as long as it may become once deployed."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(map(resolved, argument[1]))
    if function == "Fn::Sub":
        return re.sub(r"\${([\w:]+)}", lambda found: PSEUDO[found[1]], argument)
    if function == "Ref":
        return PSEUDO.get(argument, ARN)
    if function == "Fn::Select" and isinstance(argument[1], dict) and "Fn::Split" in argument[1]:
        separator, text = argument[1]["Fn::Split"]
        return resolved(text).split(separator)[int(argument[0])]
    return LENGTHS[function]


def overrides(definition: dict[str, Any]) -> str:
    """The container overrides of a job of a definition, with the defaults of its parameters."""
    container = definition["ContainerProperties"]
    parameters = {name: resolved(value) for name, value in definition.get("Parameters", {}).items()}
    command = [_replaced(resolved(one), parameters) for one in container["Command"]]
    variables = {one["Name"]: resolved(one["Value"]) for one in container.get("Environment", [])}
    environment = [{"name": name, "value": value} for name, value in {**variables, **OF_BATCH}.items()]
    return json.dumps(
        {"containerOverrides": [{"name": "default", "command": command, "environment": environment}]},
        separators=(",", ":"),
    )


def _replaced(part: str, parameters: dict[str, str]) -> str:
    """A part of a command; a parameter without default is an address."""
    return re.sub(r"^Ref::(\w+)$", lambda found: parameters.get(found[1], "s3://" + "p" * 95), part)


def sizes(template: Template) -> dict[str, int]:
    found = resources(template, "AWS::Batch::JobDefinition").items()
    return {name: len(overrides(one["Properties"])) for name, one in found}


@pytest.fixture(scope="module")
def everything(
    variants: Templates, storages: Templates, engine_templates: Templates, synthesize: Callable[..., Templates]
) -> Templates:
    more = [
        synthesize(PROJECTS / "full.yaml", zones=True),
        *(synthesize(PROJECTS / name) for name in ("miniwdl.yaml", "snakemake.yaml")),
    ]
    return {name: one for part in (variants, storages, engine_templates, *more) for name, one in part.items()}


def test_every_job_can_be_dispatched_and_leaves_room_for_parameters(everything: Templates) -> None:
    """AWS-1: 9 of 17 pairs of engine and file system were over it, and every job of theirs would have failed."""
    found = {f"{stack} {name}": size for stack, one in everything.items() for name, size in sizes(one).items()}
    assert len(found) > 60
    longest = sorted(found.items(), key=lambda one: one[1])[-5:]
    print("\n", *longest, sep="\n")
    assert longest[-1][1] <= LIMIT - ROOM


def test_a_program_in_the_environment_is_over_it() -> None:
    environment = [{"Name": "FRONT_END", "Value": "x" * 8000}]
    definition = {
        "ContainerProperties": {"Command": ["Ref::one"], "Environment": environment},
        "Parameters": {"one": ""},
    }
    assert len(overrides(definition)) > LIMIT
