"""`WesEndpoint`, deployed on the local cloud and called by its URL with signed requests: the function really runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from typer.testing import CliRunner
from wes_runs import ENDED, start, wait_for

from workflow_stacks.cli import app
from workflow_stacks.local import LocalCloud
from workflow_stacks.stack_outputs import stack_outputs
from workflow_stacks.wes.model import BASE

pytestmark = pytest.mark.cycle


class Signed(httpx.Auth):
    """Signs each request as a role that is assumed."""

    requires_request_body = True

    def __init__(self, keys: dict[str, str]) -> None:
        self._credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        kept = {"content-type": request.headers["content-type"]} if "content-type" in request.headers else {}
        asked = AWSRequest(request.method, str(request.url), data=request.content, headers=kept)
        SigV4Auth(self._credentials, "lambda", "us-east-1").add_auth(asked)
        request.headers.update(dict(asked.headers))
        yield request


@pytest.fixture(scope="module")
def cloud(project_file: Path) -> LocalCloud:
    return LocalCloud.of_project(project_file)


@pytest.fixture(scope="module")
def outputs(cloud: LocalCloud) -> dict[str, str]:
    return stack_outputs(cloud.client, "Served-wdl")


def caller(cloud: LocalCloud, name: str, *actions: str) -> Signed:
    """Somebody who acts in a role with these rights."""
    iam = cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if actions:
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [allowed]}
        iam.put_role_policy(RoleName=name, PolicyName="call", PolicyDocument=json.dumps(document))
    return Signed(cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"])


@pytest.fixture(scope="module")
def client(cloud: LocalCloud, outputs: dict[str, str]) -> Iterator[httpx.Client]:
    address = f"{outputs['WesUrl'].rstrip('/')}{BASE}"
    signed = caller(cloud, "Caller", "lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    with httpx.Client(base_url=address, auth=signed, timeout=180) as client:
        yield client


def test_a_run_is_submitted_listed_followed_and_cancelled(client: httpx.Client) -> None:
    info = client.get("/service-info")
    assert info.status_code == 200, info.text
    assert list(info.json()["workflow_engine_versions"]) == ["miniwdl"]

    run_id = start(client, **{"count.seconds": 600})
    assert wait_for(client, run_id, "RUNNING", *ENDED) == "RUNNING"
    assert run_id in [one["run_id"] for one in client.get("/runs", params={"page_size": 5}).json()["runs"]]
    assert client.post(f"/runs/{run_id}/cancel").json() == {"run_id": run_id}
    assert client.get(f"/runs/{run_id}/status").json()["state"] == "CANCELED"


def test_a_run_ends_with_its_outputs_and_is_one_of_the_command_line_too(
    client: httpx.Client, project_file: Path
) -> None:
    run_id = start(client)
    assert wait_for(client, run_id, *ENDED) == "COMPLETE", client.get(f"/runs/{run_id}").text
    assert client.get(f"/runs/{run_id}").json()["outputs"] == {"count.found": 3}
    shown = CliRunner().invoke(app, ["status", run_id, "--local", "--project", str(project_file), "--json"])
    assert json.loads(shown.stdout)["state"] == "SUCCEEDED"


def test_nobody_gets_in_whose_request_is_not_signed_or_who_may_not(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    address = f"{outputs['WesUrl'].rstrip('/')}{BASE}/service-info"
    assert httpx.get(address).status_code == 403
    for name, rights in {"Nobody": (), "Half": ("lambda:InvokeFunctionUrl",)}.items():
        assert httpx.get(address, auth=caller(cloud, name, *rights)).status_code == 403


def test_no_call_of_the_function_was_denied(cloud: LocalCloud, client: httpx.Client) -> None:
    assert client
    reports: list[dict[str, Any]] = [one for one in cloud.iam_report() if "Wes" in one["role"]]
    assert reports
    assert [call for one in reports for call in one["calls"] if call["denied"]] == []
