"""ROB-1: nobody but programs of this machine speaks with the local cloud, and what runs there, runs in a sandbox."""

import http.client
import io
import json
import os
import zipfile
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from local_runs import needs_sandbox

from workflow_stacks.local.iam.credentials import read_administrator


def ask(cloud, method, path, body=b"", **headers):
    port = cloud.server().port
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, body=body, headers={"Host": f"localhost:{port}", **given})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def function(command="id"):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", f"import subprocess\ndef handler(e, c): return subprocess.getoutput({command!r})")
    return archive.getvalue()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Host": "localhost:1"},
        {"Host": "127.0.0.1.evil.example:80"},
    ],
    ids=str,
)
def test_rob_1_a_web_page_is_refused(cloud, headers):
    status, answered, _ = ask(cloud, "POST", "/", b"Action=ListStacks", Content_Type="text/plain", **headers)

    assert status == 403
    assert not [name for name in answered if name.startswith("access-control-")]


def test_rob_1_there_is_no_preflight(cloud):
    status, answered, _ = ask(cloud, "OPTIONS", "/", Access_Control_Request_Method="POST")

    assert status == 403
    assert not [name for name in answered if name.startswith("access-control-")]


def test_rob_1_no_answer_lets_a_web_page_read_it(cloud):
    _, answered, _ = ask(cloud, "GET", "/")

    assert not [name for name in answered if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "//_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/_aws/sqs/messages"),
    ],
)
def test_rob_1_the_emulator_has_no_addresses_of_its_own(cloud, method, path):
    cloud.client("s3").create_bucket(Bucket="kept-by-the-gate")

    status, _, _ = ask(cloud, method, path)

    assert status in (400, 403, 404)
    assert "kept-by-the-gate" in [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]


def test_rob_1_there_are_no_functions(cloud):
    environment = cloud.environment()
    lambda_ = boto3.client(
        "lambda",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(ClientError):
        lambda_.create_function(
            FunctionName="run",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="index.handler",
            Code={"ZipFile": function()},
        )
    with pytest.raises(ClientError):
        lambda_.invoke(FunctionName="run", Payload=json.dumps({}))


@pytest.mark.parametrize("service", ["lambda", "glue", "codebuild", "ecs", "stepfunctions", "eks"])
def test_rob_1_services_that_run_commands_are_not_there(cloud, service):
    environment = cloud.environment()
    client = boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    call = {
        "lambda": "list_functions",
        "glue": "get_jobs",
        "codebuild": "list_projects",
        "ecs": "list_clusters",
        "stepfunctions": "list_state_machines",
        "eks": "list_clusters",
    }[service]

    with pytest.raises(ClientError):
        getattr(client, call)()


LOOKING_AROUND = """
import importlib.util, json, os, pathlib
def handler(event, context):
    found = []
    for path in {paths!r}:
        try:
            found += [path, *map(str, pathlib.Path(path).iterdir())]
        except OSError:
            pass
    processes = len([one for one in os.listdir("/proc") if one.isdigit()])
    modules = [name for name in ("boto3", "yaml") if importlib.util.find_spec(name)]
    saw = {{"files": found, "processes": processes, "user": os.getuid(), "environment": dict(os.environ)}}
    return {{"statusCode": 200, "body": json.dumps({{**saw, "modules": modules}})}}
"""


def function_behind_an_api(code):
    """The resources of a template that brings a function, and an HTTP API where IAM says who may call it."""
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    reached = {"Fn::GetAtt": ["Function", "Arn"]}
    integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": reached, "PayloadFormatVersion": "2.0"}
    api, target = {"ApiId": {"Ref": "Api"}}, {"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]}
    properties = {
        "AWS::IAM::Role": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]}},
        "AWS::Lambda::Function": {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Runtime": "python3.13",
            "Timeout": 60,
        },
        "AWS::ApiGatewayV2::Api": {"Name": "gate", "ProtocolType": "HTTP"},
        "AWS::ApiGatewayV2::Integration": {**api, **integration},
        "AWS::ApiGatewayV2::Route": {**api, "RouteKey": "POST /", "AuthorizationType": "AWS_IAM", "Target": target},
        "AWS::ApiGatewayV2::Stage": {**api, "StageName": "$default", "AutoDeploy": True},
        "AWS::Lambda::Permission": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": reached,
            "Principal": "apigateway.amazonaws.com",
        },
    }
    return {kind.rpartition(":")[2]: {"Type": kind, "Properties": given} for kind, given in properties.items()}


@pytest.fixture(scope="module")
def api(cloud, stacks):
    """The address of a function that says what it sees of this machine."""
    needs_sandbox()
    code = LOOKING_AROUND.format(paths=[str(cloud.state_dir), str(Path.home() / ".aws"), str(Path(__file__).parent)])
    assert stacks.create("functions", function_behind_an_api(code)) == "CREATE_COMPLETE", stacks.reasons("functions")
    yield f"/_execute-api/{stacks.id('functions', 'Api')}/"
    stacks.delete("functions")


def test_rob_1_a_function_runs_for_nobody_whom_iam_does_not_let(cloud, api):
    for headers in ({}, {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIANOBODY/20260101/us-east-1/execute-api/x"}):
        status, _, _ = ask(cloud, "POST", api, **headers)
        assert status == 403

    assert "/aws/lambda" not in str(cloud.client("logs").describe_log_groups())


def test_rob_1_a_function_of_a_template_sees_nothing_of_the_user(cloud, api):
    key, secret = read_administrator(cloud.state_dir)
    url = f"http://localhost:{cloud.server().port}{api}"
    request = AWSRequest("POST", url, data=b"")
    SigV4Auth(Credentials(key, secret), "execute-api", "us-east-1").add_auth(request)

    status, _, body = ask(cloud, "POST", api, **dict(request.headers))
    saw = json.loads(body)

    assert status == 200
    assert saw["files"] == []
    assert saw["modules"] == ["boto3"], "what AWS Lambda has, and nothing else of this Python"
    assert saw["processes"] <= 2, "the first of its sandbox, and itself"
    assert saw["user"] not in (0, os.geteuid())
    assert saw["environment"]["AWS_SECRET_ACCESS_KEY"]
    assert secret not in saw["environment"].values()


def test_rob_1_a_template_cannot_have_custom_resources(stacks):
    target = "arn:aws:lambda:us-east-1:000000000000:function:any"

    status = stacks.create("custom", {"Own": {"Type": "Custom::Own", "Properties": {"ServiceToken": target}}})

    assert status == "ROLLBACK_COMPLETE"
    assert "no custom resources" in stacks.reasons("custom")
    stacks.delete("custom")
