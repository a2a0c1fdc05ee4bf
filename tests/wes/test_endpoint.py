"""The construct `WesEndpoint`, and the package of its function."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template

from workflow_stacks.wes.package import write_package


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("served") / "agc-project.yaml"
    file.write_text(
        "name: Served\nschemaVersion: 1\ncontexts:\n"
        "  with: {wes: true, logRetentionDays: 90, engines: [{type: wdl, engine: toil}]}\n"
        "  without: {engines: [{type: wdl, engine: miniwdl}]}\n"
    )
    return file


@pytest.fixture(scope="module")
def templates(synthesize: Any, project_file: Path) -> Any:
    return synthesize(project_file)


@pytest.fixture(scope="module")
def template(templates: Any) -> Template:
    return Template.from_json(templates["Served-with"])


def test_only_a_context_that_asks_for_it_has_one(templates: Any) -> None:
    types = {resource["Type"] for resource in templates["Served-without"]["Resources"].values()}
    assert not [one for one in types if one.startswith("AWS::Lambda::")]


def test_its_url_asks_for_iam_authentication(template: Template) -> None:
    template.has_resource_properties("AWS::Lambda::Url", {"AuthType": "AWS_IAM", "Cors": Match.absent()})
    template.resource_count_is("AWS::Lambda::Permission", 0)
    template.has_output("WesUrl", {})


def test_its_log_is_kept_as_long_as_that_of_the_context(template: Template) -> None:
    template.all_resources_properties("AWS::Logs::LogGroup", {"RetentionInDays": 90})


def test_its_role_may_submit_to_the_head_queue_and_nothing_of_iam(templates: Any) -> None:
    resources = templates["Served-with"]["Resources"]
    [policy] = [
        one["Properties"]["PolicyDocument"]["Statement"]
        for id_, one in resources.items()
        if one["Type"] == "AWS::IAM::Policy" and "Wes" in id_
    ]
    actions = {
        action
        for statement in policy
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert {action.partition(":")[0] for action in actions} <= {"batch", "logs", "s3", "kms"}
    assert "batch:RegisterJobDefinition" not in actions
    [submit] = [statement for statement in policy if "batch:SubmitJob" in statement["Action"]]
    assert "*" not in json.dumps(submit["Resource"]).replace("job/*", "")


def test_the_function_knows_its_context(templates: Any) -> None:
    [function] = [
        one
        for id_, one in templates["Served-with"]["Resources"].items()
        if one["Type"] == "AWS::Lambda::Function" and "Wes" in id_
    ]
    told = json.dumps(function["Properties"]["Environment"])
    assert all(word in told for word in ("toil", "wdl", "Served", "HeadJobDefinition", "JobStore"))
    assert "ClientConfiguration" not in told
    assert "ManagedPolicyArns" not in json.dumps(templates["Served-with"])


def test_who_may_call_it_may_do_so_by_its_url_alone() -> None:
    from workflow_context import EfsFileSystem, MiniwdlEngine, Network, WorkflowBucket, WorkflowContext
    from workflow_stacks import WesEndpoint

    stack = cdk.Stack(cdk.App(), "Own")
    placement = Network(stack, "Network").placement()
    context = WorkflowContext(
        stack,
        "Joint",
        engine=MiniwdlEngine,
        placement=placement,
        storage=EfsFileSystem(stack, "Storage", placement=placement),
        outputs=WorkflowBucket(stack, "Bucket").bucket,
    )
    with pytest.raises(ValueError, match="language must be one that miniwdl runs"):
        WesEndpoint(stack, "Wrong", context=context, language="cwl")
    user = iam.Role(stack, "User", assumed_by=iam.AccountRootPrincipal())
    WesEndpoint(stack, "Wes", context=context).grant_invoke(user)
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Action": "lambda:InvokeFunctionUrl",
                            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
                        }
                    ),
                    Match.object_like(
                        {
                            "Action": "lambda:InvokeFunction",
                            "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": True}},
                        }
                    ),
                ]
            }
        },
    )


def what_lambda_has(folder: Path) -> Path:
    """A folder with boto3 and what it needs, as in AWS Lambda."""
    folder.mkdir()
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        (folder / source.name).symlink_to(source)
    return folder


def test_the_package_needs_nothing_but_what_lambda_has(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    write_package(package)
    program = (
        f"import sys; sys.path[:0] = [{str(package)!r}, {str(what_lambda_has(tmp_path / 'lambda'))!r}]\n"
        "import json, workflow_stacks.wes.function as function\n"
        "asked = {'http': {'method': 'GET'}, 'domainName': 'x'}\n"
        "event = {'rawPath': '/ga4gh/wes/v1/nothing', 'requestContext': asked}\n"
        "print(json.dumps(function.handler(event)))"
    )
    told = {
        "project": "P",
        "name": "c",
        "user": "",
        "engine": "miniwdl",
        "language": "wdl",
        "version": "1",
        "outputs": {},
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={"WORKFLOW_CONTEXT": json.dumps(told), "AWS_DEFAULT_REGION": "us-east-1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["statusCode"], json.loads(answer["body"])["status_code"]) == (404, 404)
    size = sum(file.stat().st_size for file in package.rglob("*") if file.is_file())
    assert size < 2_000_000, "AWS Lambda takes 250 MB, and each deployment uploads it"


def test_the_same_installation_makes_the_same_package(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_package(tmp_path / name)
        contents.append(
            {
                str(file.relative_to(tmp_path / name)): file.read_bytes()
                for file in (tmp_path / name).rglob("*")
                if file.is_file()
            }
        )
    assert contents[0] == contents[1]
    assert not [name for name in contents[0] if "__pycache__" in name]
