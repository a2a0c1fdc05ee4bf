"""A job on the local cloud may do what the policies of its role say, and is told so in AWS's words."""

import json

import pytest
from answers import TASKS, allow, code, document, refused, status_of
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

pytestmark = pytest.mark.usefixtures("buckets")

BATCH = "arn:aws:batch:us-east-1:000000000000"


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
