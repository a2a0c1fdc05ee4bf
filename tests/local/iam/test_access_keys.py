"""The keys with which the local cloud is called: who gets which, and that nobody calls without one."""

import stat

import boto3
import pytest
from answers import allow, code, refused, status_of
from botocore.config import Config

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.iam.credentials import ADMINISTRATOR_FILE

pytestmark = pytest.mark.usefixtures("buckets")


def with_key(lab, service: str, key: str):
    return boto3.client(
        service,
        endpoint_url=lab.cloud.server().endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.mark.parametrize("key", ["000000000000", "test", "AKIAIOSFODNN7EXAMPLE"])
def test_an_access_key_that_nobody_has_is_refused_by_each_service_in_its_own_words(lab, key):
    assert code(refused(with_key(lab, "batch", key).describe_job_queues)) == "UnrecognizedClientException"
    assert code(refused(with_key(lab, "sts", key).get_caller_identity)) == "InvalidClientTokenId"
    assert code(refused(with_key(lab, "cloudformation", key).describe_stacks)) == "InvalidClientTokenId"
    assert code(refused(with_key(lab, "s3", key).list_buckets)) == "InvalidAccessKeyId"


@pytest.mark.parametrize("path", ["/", "/_ministack/health", "/_local/iam", "/iam-context/ctx/a", "/v1/describejobs"])
def test_a_request_without_a_key_is_refused(lab, path):
    assert status_of(lab.cloud.server().endpoint + path) in (400, 403, 404)


def test_the_administrator_has_a_new_key_with_each_start_that_only_he_can_read(tmp_path):
    cloud = LocalCloud(tmp_path)
    keys = set()
    for _ in range(2):
        with cloud:
            keys.add(cloud.environment()["AWS_ACCESS_KEY_ID"])
            assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
            assert stat.S_IMODE((tmp_path / ADMINISTRATOR_FILE).stat().st_mode) == 0o600

    assert len(keys) == 2


def test_each_job_has_keys_of_its_own_role_and_no_use_of_them_once_it_ended(lab, role_with):
    role = role_with(allow("s3:ListAllMyBuckets"))
    with lab.as_job("s3", role=role) as one, lab.as_job("s3", role=role) as two:
        assert one.credentials["AccessKeyId"] != two.credentials["AccessKeyId"]
        assert one.credentials["RoleArn"] == role
        task = lab.job(one.id)["container"]["taskArn"].rpartition("/")[2]
        arn = one.client_of("sts").get_caller_identity()["Arn"]
        assert arn == f"arn:aws:sts::000000000000:assumed-role/{role.rpartition('/')[2]}/{task}"
        one.client.list_buckets()

    assert code(refused(one.client.list_buckets)) == "InvalidAccessKeyId"


def test_credentials_are_given_only_with_the_token_of_the_job(lab):
    with lab.as_job() as job:
        for address, token, status in (
            (job.address, "another", 401),
            (job.address, "", 401),
            (job.address[:-4], job.token, 404),
        ):
            assert status_of(address, Authorization=token) == status


METADATA = """
import json, os, urllib.error, urllib.request
place = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/latest/"
roles = place + "meta-data/iam/security-credentials/"
def get(address, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib.request.urlopen(urllib.request.Request(address, headers=named, method=method)).read().decode()
try:
    get(roles)
except urllib.error.HTTPError as error:
    print("without a token:", error.code)
token = get(place + "api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
role = get(roles, X_aws_ec2_metadata_token=token)
print(role, json.loads(get(roles + role, X_aws_ec2_metadata_token=token))["Code"])
"""


def test_lif_14_every_job_on_a_machine_reaches_the_role_of_the_machine_but_by_imdsv2_only(lab):
    definition = lab.new_definition(command=["python3", "-c", METADATA])

    job = lab.run("", definition=definition)

    assert lab.log(job) == ["without a token: 401", "lab Success"]


def test_a_job_without_a_role_is_its_machine(lab):
    job = lab.run("aws sts get-caller-identity --query Arn --output text")

    [arn] = lab.log(job)
    assert arn.startswith("arn:aws:sts::000000000000:assumed-role/lab/i-")
