"""A job on the local cloud may do what the policies of its role say, and is told so in AWS's words."""

import json
import stat
import urllib.error
import urllib.request
from itertools import count

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.iam.credentials import ADMINISTRATOR_FILE

NUMBERS = count()
BATCH = "arn:aws:batch:us-east-1:000000000000"
TASKS = "ecs-tasks.amazonaws.com"
SUBMIT = ["batch:SubmitJob", "batch:TagResource"]


def allow(action, resource="*", **condition) -> dict:
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    }


def document(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.fixture(scope="module", autouse=True)
def _buckets(lab) -> None:
    """The bucket that the context has, and one that it does not."""
    s3 = lab.cloud.client("s3")
    for bucket in ("iam-context", "iam-other"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="ctx/a", Body=b"content")


@pytest.fixture
def role_with(lab):
    """Makes a role of jobs with these statements."""

    def made(*statements: dict, **more) -> str:
        return lab.new_role(f"iam-{next(NUMBERS)}", TASKS, own=document(*statements), **more)

    return made


@pytest.fixture
def job_with(lab, role_with):
    """Runs a job with these statements in the policy of its role, and gives it with a client of a service."""
    jobs = []

    def made(service: str, *statements: dict, **more):
        job = lab.as_job(service, role=role_with(*statements, **more))
        jobs.append(job)
        return job

    yield made
    for job in jobs:
        job.__exit__(None, None, None)


def refused(call, **arguments) -> ClientError:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value


def code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def test_aws_2_i_head_bucket_is_denied_to_a_role_that_may_list_a_prefix_only(job_with):
    own = allow("s3:ListBucket", "arn:aws:s3:::iam-context", StringLike={"s3:prefix": ["ctx", "ctx/*"]})
    s3 = job_with("s3", own).client

    assert s3.list_objects_v2(Bucket="iam-context", Prefix="ctx/")["KeyCount"] == 1
    assert code(refused(s3.head_bucket, Bucket="iam-context")) == "403"
    assert code(refused(s3.list_objects_v2, Bucket="iam-context")) == "AccessDenied"
    assert code(refused(s3.list_objects_v2, Bucket="iam-context", Prefix="other/")) == "AccessDenied"


def test_aws_2_ii_create_bucket_and_delete_bucket_are_denied_to_a_role_that_may_write_objects(job_with):
    s3 = job_with("s3", allow(["s3:ListBucket", "s3:PutObject", "s3:DeleteObject"])).client

    for call in (s3.create_bucket, s3.delete_bucket):
        assert code(refused(call, Bucket="iam-context")) == "AccessDenied"


def test_aws_13_a_bucket_that_is_not_listed_is_denied_in_the_words_of_aws(job_with):
    job = job_with("s3", allow("s3:GetObject", "arn:aws:s3:::iam-context/*"))

    assert job.client.get_object(Bucket="iam-context", Key="ctx/a")["Body"].read() == b"content"
    error = refused(job.client.get_object, Bucket="iam-other", Key="ctx/a")
    arn = job.client_of("sts").get_caller_identity()["Arn"]
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error.response["Error"] == {
        "Code": "AccessDenied",
        "Message": f"User: {arn} is not authorized to perform: s3:GetObject on resource: "
        '"arn:aws:s3:::iam-other/ctx/a" because no identity-based policy allows the s3:GetObject action',
    }


def test_a_missing_object_is_403_to_whoever_may_not_list_and_404_to_whoever_may(job_with):
    read = allow("s3:GetObject", "arn:aws:s3:::iam-context/*")
    blind, seeing = job_with("s3", read), job_with("s3", read, allow("s3:ListBucket"))

    assert code(refused(blind.client.head_object, Bucket="iam-context", Key="missing")) == "403"
    assert code(refused(seeing.client.head_object, Bucket="iam-context", Key="missing")) == "404"


def test_aws_5_tags_of_a_job_need_tag_resource_on_its_queue_too(lab, job_with):
    without = job_with("batch", allow("batch:SubmitJob"), allow("batch:TagResource", lab.definition))
    within = job_with("batch", allow("batch:SubmitJob"), allow("batch:TagResource", [lab.definition, lab.queue]))
    job = {
        "jobName": "task",
        "jobQueue": lab.queue,
        "jobDefinition": lab.definition,
        "parameters": {"script": "true"},
        "tags": {"AWS_BATCH_PARENT_JOB_ID": "1"},
    }

    error = refused(without.client.submit_job, **job)
    assert code(error) == "AccessDeniedException"
    assert f"is not authorized to perform: batch:TagResource on resource: {lab.queue}" in str(error)
    lab.wait(within.client.submit_job(**job)["jobId"])


def test_lif_4_a_definition_or_a_queue_of_another_context_is_denied(lab, job_with):
    other_definition, other_queue = lab.new_definition(), lab.new_queue("EC2", 1)
    batch = job_with("batch", allow("batch:SubmitJob", [lab.definition, lab.queue, f"{BATCH}:job/*"])).client
    own = {"jobName": "task", "parameters": {"script": "true"}}

    lab.wait(batch.submit_job(**own, jobQueue=lab.queue, jobDefinition=lab.definition)["jobId"])
    for queue, definition, missing in (
        (lab.queue, other_definition, other_definition),
        (other_queue, lab.definition, other_queue),
    ):
        error = refused(batch.submit_job, **own, jobQueue=queue, jobDefinition=definition)
        assert f"batch:SubmitJob on resource: {missing} because no identity-based policy allows" in str(error)


def test_a_definition_gets_only_roles_that_may_be_passed(job_with, role_with):
    passed, another = role_with(allow("s3:*")), role_with(allow("s3:*"))
    to_ecs = {"StringEquals": {"iam:PassedToService": TASKS}}
    batch = job_with("batch", allow("batch:RegisterJobDefinition"), allow("iam:PassRole", passed, **to_ecs)).client

    def register(role: str):
        container = {"image": "debian:12", "command": ["true"], "vcpus": 1, "memory": 512, "jobRoleArn": role}
        return batch.register_job_definition(
            jobDefinitionName="passes", type="container", containerProperties=container
        )

    register(passed)
    assert f"iam:PassRole on resource: {another}" in str(refused(register, role=another))


def test_a_job_is_ended_only_by_whoever_may_end_jobs_with_its_tags(lab, job_with):
    own = {"StringEquals": {"aws:ResourceTag/context": "own"}}
    batch = job_with("batch", allow("batch:TerminateJob", **own)).client
    mine, theirs = (lab.submit("sleep 60", tags={"context": name}) for name in ("own", "other"))

    batch.terminate_job(jobId=mine, reason="over")
    assert code(refused(batch.terminate_job, jobId=theirs, reason="over")) == "AccessDeniedException"

    assert lab.wait(mine)["statusReason"] == "over"
    lab.batch.terminate_job(jobId=theirs, reason="over")


def test_aws_11_an_object_under_a_customer_key_needs_decrypt_and_says_which_key(lab, job_with):
    s3, kms = lab.cloud.client("s3"), lab.cloud.client("kms")
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    key = kms.create_key(Policy=json.dumps(document(root)))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="iam-encrypted")
    s3.put_object(Bucket="iam-encrypted", Key="a", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    read = allow("s3:GetObject", "arn:aws:s3:::iam-encrypted/*")
    without, within = job_with("s3", read), job_with("s3", read, allow("kms:Decrypt", key))

    error = refused(without.client.get_object, Bucket="iam-encrypted", Key="a")
    assert f'kms:Decrypt on resource: "{key}"' in str(error)
    assert within.client.get_object(Bucket="iam-encrypted", Key="a")["Body"].read() == b"secret"


def test_a_bucket_policy_denies_what_the_role_is_allowed(lab, job_with):
    s3 = lab.cloud.client("s3")
    job = job_with("s3", allow("s3:*"))
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::iam-other/*"}
    s3.put_bucket_policy(Bucket="iam-other", Policy=json.dumps(document(deny)))

    error = refused(job.client.delete_object, Bucket="iam-other", Key="ctx/a")

    assert "with an explicit deny in a resource-based policy" in str(error)
    s3.delete_bucket_policy(Bucket="iam-other")


def test_the_permissions_boundary_of_a_template_limits_its_role(lab):
    cloudformation = lab.cloud.client("cloudformation")
    boundary = document(allow("logs:*"))
    trust = document({"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"})
    resources = {
        "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": boundary}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "PermissionsBoundary": {"Ref": "Boundary"},
                "Policies": [{"PolicyName": "all", "PolicyDocument": document(allow("s3:*"))}],
            },
        },
    }
    cloudformation.create_stack(
        StackName="iam-boundary",
        TemplateBody=json.dumps(
            {"Resources": resources, "Outputs": {"Role": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}}
        ),
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="iam-boundary", WaiterConfig={"Delay": 1})
    [output] = cloudformation.describe_stacks(StackName="iam-boundary")["Stacks"][0]["Outputs"]

    with lab.as_job("s3", role=output["OutputValue"]) as job:
        error = refused(job.client.get_object, Bucket="iam-context", Key="ctx/a")

    assert "because no permissions boundary allows the s3:GetObject action" in str(error)


def test_what_the_local_cloud_does_not_know_is_refused_to_a_job_that_may_do_everything(lab):
    with lab.as_job("iam") as job:
        assert code(refused(job.client.create_user, UserName="zoe")) in ("AccessDenied", "AccessDeniedException")
        ec2 = job.client_of("ec2")
        assert code(refused(ec2.run_instances, MinCount=1, MaxCount=1, ImageId="ami-1")) == "UnauthorizedOperation"
        sts = job.client_of("sts")
        assert code(refused(sts.assume_role, RoleArn=lab.job_role, RoleSessionName="more")) == "AccessDenied"


@pytest.mark.parametrize("path", ["//iam-other/ctx/a", "/_ministack/health", "/iam-other/ctx/a"])
def test_another_spelling_of_an_address_is_no_way_around(lab, job_with, path):
    job = job_with("s3", allow("s3:ListAllMyBuckets"))
    keys = Credentials(*(job.credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "Token")))
    request = AWSRequest("GET", lab.cloud.server().endpoint + path)
    SigV4Auth(keys, "s3", "us-east-1").add_auth(request)

    assert status_of(request.url, **dict(request.headers)) in (403, 404)


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


def status_of(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


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


def test_aws_6_an_image_of_a_private_registry_is_pulled_with_the_execution_role(lab, role_with):
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/tools:1"
    logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"])
    pull = allow(["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
    without, within = role_with(logs), role_with(logs, pull)

    failed = lab.run("true", definition=lab.new_definition(image=image, executionRoleArn=without))

    assert (failed["status"], failed["statusReason"]) == ("FAILED", "Task failed to start")
    reason = failed["container"]["reason"]
    assert reason.startswith("CannotPullECRContainerError: AccessDeniedException: User: arn:aws:sts::")
    assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no" in reason
    done = lab.run("true", definition=lab.new_definition(image=image, executionRoleArn=within))
    assert done["status"] == "SUCCEEDED"


def test_a_log_stream_is_opened_with_the_execution_role(lab, role_with):
    failed = lab.run("true", definition=lab.new_definition(executionRoleArn=role_with(allow("s3:*"))))

    assert "logs:CreateLogStream on resource: arn:aws:logs:" in failed["container"]["reason"]


def test_the_secrets_of_a_definition_are_read_with_the_execution_role(lab, role_with):
    logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"])
    secrets = [{"name": "A", "valueFrom": "arn:aws:ssm:us-east-1:000000000000:parameter/front-end/1"}]

    failed = lab.run("true", definition=lab.new_definition(executionRoleArn=role_with(logs), secrets=secrets))

    assert (
        "ssm:GetParameters on resource: arn:aws:ssm:us-east-1:000000000000:parameter/front-end/1"
        in (failed["container"]["reason"])
    )


def test_what_a_role_used_and_never_used_is_told_to_the_administrator_only(lab, job_with):
    job = job_with("s3", allow("s3:GetObject", "arn:aws:s3:::iam-context/*"), allow("s3:AbortMultipartUpload"))
    job.client.get_object(Bucket="iam-context", Key="ctx/a")
    refused(job.client.get_object, Bucket="iam-other", Key="ctx/a")

    [told] = [one for one in lab.cloud.iam_report() if one["role"] == job.credentials["RoleArn"]]

    assert told["calls"] == [
        {"action": "s3:GetObject", "resource": "arn:aws:s3:::iam-context/ctx/*", "allowed": 1, "denied": 0},
        {"action": "s3:GetObject", "resource": "arn:aws:s3:::iam-other/ctx/*", "allowed": 0, "denied": 1},
    ]
    assert told["neverUsed"] == ["s3:AbortMultipartUpload"]
