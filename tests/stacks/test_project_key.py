"""A customer key of the project: what keeps data of it is under the key, and whoever uses that may use the key."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions, aws_kms as kms, aws_s3 as s3
from templates import Template, Templates, resources

from workflow_context import BatchCompute, EfsFileSystem, MiniwdlEngine, Monitoring, Network, WorkflowContext
from workflow_stacks.project import validate_project

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = KEY.replace("1234abcd", "aaaaaaaa")
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:license-AbCdEf"
PROJECT = f"""\
name: Keyed
schemaVersion: 1
kmsKeyArn: {KEY}
contexts:
  wdl: {{monitoring: {{}}, engines: [{{type: wdl, engine: miniwdl}}]}}
  nextflow:
    engines: [{{type: nextflow, engine: nextflow, filesystem: {{fsType: S3, configuration: {{ownBucket: true}}}}}}]
  toil: {{engines: [{{type: cwl, engine: toil}}]}}
  cromwell: {{engines: [{{type: wdl, engine: cromwell}}]}}
  snakemake: {{engines: [{{type: snakemake, engine: snakemake, filesystem: {{fsType: S3}}}}]}}
  files: {{engines: [{{type: wdl, engine: miniwdl, filesystem: {{fsType: S3Files}}}}]}}
  ofs:
    engines:
      - type: wdl
        engine: miniwdl
        filesystem:
          fsType: OFS
          configuration:
            expectedSizeTb: 1
            licenseSecretArn: {SECRET}
            packageUri: s3://lab-software/objectivefs-7.2-1.{{arch}}.rpm
  lustre:
    engines:
      - type: wdl
        engine: miniwdl
        filesystem: {{fsType: FSxLustre, configuration: {{deploymentType: PERSISTENT_2, kmsKeyArn: "{OTHER}"}}}}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keyed") / "agc-project.yaml"
    file.write_text(PROJECT)
    return file


@pytest.fixture(scope="module")
def templates(file: Path, synthesize: Callable[..., Templates]) -> Templates:
    return synthesize(file)


def all_of(templates: Templates, type_: str) -> list[Any]:
    found = [one["Properties"] for template in templates.values() for one in resources(template, type_).values()]
    assert found
    return found


def test_every_log_group_is_under_the_key(templates: Templates) -> None:
    assert {one.get("KmsKeyId") for one in all_of(templates, "AWS::Logs::LogGroup")} == {KEY}


def test_every_volume_of_a_machine_is_under_the_key(templates: Templates) -> None:
    for one in all_of(templates, "AWS::EC2::LaunchTemplate"):
        [device] = one["LaunchTemplateData"]["BlockDeviceMappings"]
        assert device["Ebs"]["KmsKeyId"] == KEY


def test_the_topic_of_alarms_is_under_the_key(templates: Templates) -> None:
    assert {one["KmsMasterKeyId"] for one in all_of(templates, "AWS::SNS::Topic")} == {KEY}


def test_every_bucket_is_under_the_key_but_those_of_access_logs_which_s3_allows_none(templates: Templates) -> None:
    found = {}
    for template in templates.values():
        for name, one in resources(template, "AWS::S3::Bucket").items():
            [rule] = one["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            found[name] = rule["ServerSideEncryptionByDefault"]
    own = {name: one for name, one in found.items() if "AccessLogs" not in name}
    assert len(own) == 3
    assert all(one == {"KMSMasterKeyID": KEY, "SSEAlgorithm": "aws:kms"} for one in own.values())
    assert all(one == {"SSEAlgorithm": "AES256"} for name, one in found.items() if name not in own)


def test_every_secret_is_under_the_key(templates: Templates) -> None:
    assert {one["KmsKeyId"] for one in all_of(templates, "AWS::SecretsManager::Secret")} == {KEY}


def test_a_file_system_is_under_the_key_that_it_names(templates: Templates) -> None:
    [lustre] = all_of(templates, "AWS::FSx::FileSystem")
    assert lustre["KmsKeyId"] == OTHER


def policies(templates: Templates) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The statements of each policy."""
    for template in templates.values():
        for name, one in resources(template, "AWS::IAM::Policy").items():
            yield name, one["Properties"]["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> set[str]:
    written = statement["Action"]
    return {written} if isinstance(written, str) else set(written)


# What is elsewhere than in buckets under the key: programs of head jobs, Toil's own buckets, the package of the vendor.
ELSEWHERE = ("cdk-hnb659fds", "toil-", "lab-software")


def test_whoever_reads_or_writes_objects_may_use_their_key(templates: Templates) -> None:
    needed = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}
    seen = set()
    for name, statements in policies(templates):
        of_key = {action for one in statements if one["Resource"] == KEY for action in actions(one)}
        for one in statements:
            if not any(place in json.dumps(one["Resource"]) for place in ELSEWHERE):
                for action in actions(one) & needed.keys():
                    assert needed[action] in of_key, name
                    seen.add(name)
    assert len(seen) > 10


def test_machines_that_read_secrets_may_use_their_key(templates: Templates) -> None:
    for name, statements in policies(templates):
        if any("secretsmanager:GetSecretValue" in actions(one) for one in statements):
            assert any(one["Resource"] == KEY and "kms:Decrypt" in actions(one) for one in statements), name


def test_file_systems_that_the_key_is_not_used_for_are_a_warning(file: Path) -> None:
    _, warnings = validate_project(file)
    found = [one.path for one in warnings if one.check == "keys-are-those-of-the-project"]
    assert found == ["contexts.wdl", "contexts.files"]


@pytest.fixture(scope="module")
def own() -> Template:
    """A context with a key that is defined beside it."""
    stack = cdk.Stack(cdk.App(), "Own")
    key = kms.Key(stack, "Key")
    network = Network(stack, "Network", encryption_key=key)
    placement = network.placement()
    context = WorkflowContext(
        stack,
        "Context",
        engine=MiniwdlEngine,
        placement=placement,
        storage=EfsFileSystem(stack, "Storage", placement=placement, encryption_key=key),
        outputs=s3.Bucket(stack, "Bucket"),
        compute=BatchCompute.with_options(encryption_key=key),
        log_encryption_key=key,
    )
    Monitoring(context, "Monitoring", context=context, encryption_key=key)
    template: Template = assertions.Template.from_stack(stack).to_json()
    return template


def test_the_policy_of_a_key_in_the_same_app_lets_aws_services_use_it(own: Template) -> None:
    [key] = resources(own, "AWS::KMS::Key").values()
    assert {one.get("Sid") for one in key["Properties"]["KeyPolicy"]["Statement"]} >= {"LogGroups", "Volumes", "Alarms"}


def test_the_docs_show_that_policy_for_a_key_that_exists(own: Template) -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    [written] = re.findall(r"```json\n(.*?)```", page.partition("## Keys of your own")[2], re.DOTALL)
    [key] = resources(own, "AWS::KMS::Key").values()
    said = [one for one in key["Properties"]["KeyPolicy"]["Statement"] if "Sid" in one]
    assert json.loads(written) == _with_names(said)


def _with_names(value: Any) -> Any:
    """A part of a template with the pseudo parameters filled in as in the docs."""
    pseudo = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(_with_names(part) for part in parts)
        case {"Ref": name}:
            return pseudo[name]
        case dict():
            return {key: _with_names(one) for key, one in value.items()}
        case list():
            return [_with_names(one) for one in value]
    return value
