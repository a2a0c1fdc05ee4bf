"""Keys of the project file and of the CDK context, followed to the template."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workflow_stacks import WorkflowContextError, build_app
from workflow_stacks.cli import app as command_line
from workflow_stacks.project import Context, Engine, check_project, parse_project

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROJECT = f"""\
name: Keys
schemaVersion: 1
tags: {{Lab: seven, Room: "12"}}
data:
  - {{location: "s3://references/hg38/genome.fa", readOnly: true, kmsKeyArn: "{KEY}"}}
  - {{location: "s3://references/known/*", readOnly: true}}
contexts:
  dev:
    amiId: ami-0123456789abcdef0
    logRetentionDays: 90
    tags: {{Lab: eight}}
    engines: [{{type: nextflow, engine: nextflow, version: 25.10.0, headMemory: 12, maxWorkflows: 100}}]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "agc-project.yaml"
    file.write_text(PROJECT)
    return file


@pytest.fixture(scope="module")
def stacks(file: Path) -> dict[str, str]:
    """The templates as text, in an app that uses a bucket which exists."""
    assembly = build_app(file, context={"bucket": "lab-bucket"}).synth()
    return {stack.stack_name: json.dumps(stack.template) for stack in assembly.stacks}


def test_a_version_of_the_engine_is_the_image_of_head_jobs(stacks: dict[str, str]) -> None:
    assert "docker.io/nextflow/nextflow:25.10.0" in stacks["Keys-dev"]


def test_head_memory_takes_the_vcpus_that_fargate_offers_it_with(stacks: dict[str, str]) -> None:
    template = stacks["Keys-dev"]
    assert '{"Type": "MEMORY", "Value": "12288"}' in template
    assert '{"Type": "VCPU", "Value": "2"}' in template
    assert '"MaxvCpus": 200' in template  # 100 workflows


def test_machines_have_the_image_and_logs_the_retention_that_are_written(stacks: dict[str, str]) -> None:
    assert "ami-0123456789abcdef0" in stacks["Keys-dev"]
    assert '"RetentionInDays": 90' in stacks["Keys-dev"]


def test_data_of_one_object_grants_that_object(stacks: dict[str, str]) -> None:
    assert ':s3:::references/hg38/genome.fa"' in stacks["Keys-dev"]
    assert ':s3:::references/known"' not in stacks["Keys-dev"]
    assert ':s3:::references/known/*"' in stacks["Keys-dev"]


def test_the_key_of_data_may_be_used(stacks: dict[str, str]) -> None:
    statements = [
        statement
        for resource in json.loads(stacks["Keys-dev"])["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] == KEY
    ]
    assert {statement["Action"] for statement in statements} == {"kms:Decrypt"}


def test_an_existing_bucket_is_used_and_none_is_made(stacks: dict[str, str]) -> None:
    core = json.loads(stacks["Keys-core"])
    assert not [one for one in core["Resources"].values() if one["Type"].startswith("AWS::S3::")]
    assert core["Outputs"]["BucketName"]["Value"] == "lab-bucket"
    assert ":s3:::lab-bucket/" in stacks["Keys-dev"]


def test_tags_of_the_project_are_on_every_stack_and_those_of_a_context_come_first(stacks: dict[str, str]) -> None:
    assert '{"Key": "Lab", "Value": "seven"}' in stacks["Keys-core"]
    assert '{"Key": "Room", "Value": "12"}' in stacks["Keys-dev"]
    assert '"eight"' in stacks["Keys-dev"]
    assert '"seven"' not in stacks["Keys-dev"]


def test_describe_shows_every_key(file: Path) -> None:
    told = json.loads(CliRunner().invoke(command_line, ["describe", "dev", "--json", "--project", str(file)]).stdout)
    of_context = {field.alias for field in Context.model_fields.values()} - {"engines"}
    of_engine = {field.alias for field in Engine.model_fields.values()} - {"type"}  # called language here
    assert of_context | of_engine <= told.keys()


@pytest.mark.parametrize(
    ("engine", "message", "remedy"),
    [
        ("engine: toil, version: 9.6.0", "the images of toil are not named by version alone", "name the image instead"),
        ("engine: cromwell, version: '93', image: a/b", "a version and an image are given", "remove 'version'"),
    ],
)
def test_fails_when_a_version_names_no_image(engine: str, message: str, remedy: str) -> None:
    text = f"name: A\nschemaVersion: 1\ncontexts: {{dev: {{engines: [{{type: wdl, {engine}}}]}}}}\n"
    [finding] = check_project(parse_project(text.encode()))
    assert (finding.message, finding.level) == (message, "error")
    assert finding.remedy.startswith(remedy)


def test_data_that_may_be_written_by_default_is_a_warning() -> None:
    text = "name: A\nschemaVersion: 1\ndata: [{location: s3://raw}, {location: s3://more}]\n"
    found = check_project(parse_project(text.encode()))
    [finding] = [finding for finding in found if finding.check == "data-says-what-may-be-written"]
    assert (finding.level, finding.path) == ("warning", "data[0]")
    assert "'s3://raw' and 1 more" in finding.message


@pytest.mark.parametrize(
    ("key", "meant"), [("Context", "context"), ("natgateways", "natGateways"), ("subnetIDs", "subnetIds")]
)
def test_fails_on_a_context_key_that_is_nearly_ours(file: Path, key: str, meant: str) -> None:
    with pytest.raises(WorkflowContextError, match=f"did you mean '{meant}'"):
        build_app(file, context={key: "1"})


def test_keys_of_others_are_left_alone(file: Path) -> None:
    assert build_app(file, context={"department": "7", "@aws-cdk/core:x": True})


def test_fails_in_the_words_of_the_cdk_when_there_are_no_private_subnets(file: Path) -> None:
    with pytest.raises(WorkflowContextError, match=r"Use -c natGateways=1 or -c vpcId=.* 'usePublicSubnets: true'"):
        build_app(file, context={"natGateways": "0"})
