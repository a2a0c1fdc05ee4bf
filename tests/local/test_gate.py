"""ROB-1: nobody but programs of this machine speaks with the local cloud, and nothing there runs commands but jobs."""

import http.client
import io
import json
import zipfile
from contextlib import closing

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


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


def test_rob_1_a_template_cannot_bring_a_function(stacks):
    role = "arn:aws:iam::000000000000:role/any"
    code = {"ZipFile": "def handler(e, c): pass"}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Code": code, "Handler": "index.handler", "Role": role, "Runtime": "python3.11"},
    }

    with pytest.raises(ClientError, match="Unrecognized resource types"):
        stacks.create("functions", {"Function": function})


def test_rob_1_a_template_cannot_have_custom_resources(stacks):
    target = "arn:aws:lambda:us-east-1:000000000000:function:any"

    status = stacks.create("custom", {"Own": {"Type": "Custom::Own", "Properties": {"ServiceToken": target}}})

    assert status == "ROLLBACK_COMPLETE"
    assert "no custom resources" in stacks.reasons("custom")
    stacks.delete("custom")
