"""What a request asks of IAM: the actions, their resources and their condition keys."""

import json

import pytest

from workflow_stacks.local.iam.calls import SERVICES, calls_of
from workflow_stacks.local.iam.deployed import Deployed, Encryption
from workflow_stacks.local.iam.reference import exists, names_resource, resource_types
from workflow_stacks.local.iam.request import Call, Request, UnknownOperationError
from workflow_stacks.local.iam.s3_calls import missing_object_call

ACCOUNT, REGION = "111122223333", "us-east-1"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
QUEUE = {"jobQueueArn": f"{BATCH}:job-queue/q", "tags": {"context": "a"}}
DEFINITION = {"jobDefinitionArn": f"{BATCH}:job-definition/d:3", "tags": {"context": "b"}}
DEPLOYED = Deployed(
    role=lambda _: None,
    instance_role=lambda _: None,
    queue=lambda name: QUEUE if name.rpartition("/")[2] == "q" else None,
    definition=lambda name: DEFINITION if name.rpartition("/")[2] in ("d", "d:3") else None,
    job=lambda id_: {"tags": {"owner": "zoe"}} if id_ == "j" else None,
    bucket_policy=lambda _: "",
    has_object=lambda _, key: key == "there",
    object_encryption=lambda bucket, _: Encryption(KEY if bucket == "encrypted" else ""),
    bucket_encryption=lambda bucket: Encryption(KEY if bucket == "encrypted" else ""),
    key_arn=lambda _: KEY,
    key_policy=lambda _: "",
    secret_arn=lambda _: None,
    file_system_policy=lambda _: "",
    access_point_tags=lambda _: {"workflow-context:storage": "run-1"},
)


def request(service, method="POST", path="/", *, query=None, body=b"", **headers) -> Request:
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    parameters = {name: [value] for name, value in (query or {}).items()}
    return Request(service, method, path, parameters, named, content, REGION, ACCOUNT)


def asked(*arguments, **more) -> list[tuple[str, str]]:
    return [(call.action, call.resource) for call in calls_of(request(*arguments, **more), DEPLOYED)]


def s3(method, path, **more) -> list[tuple[str, str]]:
    return [(action, resource.removeprefix("arn:aws:s3:::")) for action, resource in asked("s3", method, path, **more)]


def test_submit_job_is_asked_for_on_definition_queue_and_job():
    # The reference has the job among the resources of SubmitJob, examples of policies leave it out: both must do.
    assert asked("batch", path="/v1/submitjob", body={"jobQueue": "q", "jobDefinition": "d:3"}) == [
        ("batch:SubmitJob", f"{BATCH}:job-definition/d:3"),
        ("batch:SubmitJob", f"{BATCH}:job-queue/q"),
        ("batch:SubmitJob", f"{BATCH}:job/*"),
    ]


def test_a_definition_without_revision_is_asked_for_by_name_and_by_revision():
    resources = [one for _, one in asked("batch", path="/v1/submitjob", body={"jobQueue": "q", "jobDefinition": "d"})]

    assert resources[:2] == [f"{BATCH}:job-definition/d", f"{BATCH}:job-definition/d:3"]


def test_aws_5_tags_of_a_job_ask_for_tag_resource_on_definition_and_queue():
    body = {"jobQueue": "q", "jobDefinition": "d:3", "tags": {"a": "1"}}
    calls = calls_of(request("batch", path="/v1/submitjob", body=body), DEPLOYED)

    tagging = [call for call in calls if call.action == "batch:TagResource"]
    assert [call.resource.rpartition(":")[2].partition("/")[0] for call in tagging] == ["3", "job-queue"]
    assert all(call.context["aws:tagkeys"] == ("a",) for call in tagging)
    assert all(call.context["aws:requesttag/a"] == ("1",) for call in tagging)
    by_queue = next(call for call in calls if call.resource.endswith("job-queue/q"))
    assert by_queue.context["aws:resourcetag/context"] == ("a",)


def test_a_definition_with_roles_asks_to_pass_them_to_ecs():
    role = f"arn:aws:iam::{ACCOUNT}:role/Task"
    body = {"jobDefinitionName": "d", "containerProperties": {"jobRoleArn": role, "image": "i", "privileged": True}}
    register, passed = calls_of(request("batch", path="/v1/registerjobdefinition", body=body), DEPLOYED)

    assert register.resource == f"{BATCH}:job-definition/d"
    assert register.context["batch:privileged"] == ("true",)
    assert passed == Call("iam:PassRole", role, {"iam:passedtoservice": ("ecs-tasks.amazonaws.com",)})


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("describejobs", {"jobs": ["j"]}, ("batch:DescribeJobs", "*")),
        ("listjobs", {"jobQueue": "q"}, ("batch:ListJobs", "*")),
        ("terminatejob", {"jobId": "j", "reason": "r"}, ("batch:TerminateJob", f"{BATCH}:job/j")),
        ("terminatejobs", {"jobs": ["j"], "reason": "r"}, ("batch:TerminateJob", f"{BATCH}:job/j")),
        ("canceljob", {"jobId": "j", "reason": "r"}, ("batch:CancelJob", f"{BATCH}:job/j")),
        (
            "deregisterjobdefinition",
            {"jobDefinition": "d:3"},
            ("batch:DeregisterJobDefinition", f"{BATCH}:job-definition/d:3"),
        ),
    ],
)
def test_the_other_calls_of_batch(path, body, expected):
    assert asked("batch", path=f"/v1/{path}", body=body) == [expected]


def test_a_job_is_ended_under_the_condition_of_its_tags():
    [call] = calls_of(request("batch", path="/v1/terminatejob", body={"jobId": "j"}), DEPLOYED)

    assert call.context == {"aws:resourcetag/owner": ("zoe",)}


def test_aws_2_head_bucket_is_list_bucket_without_a_prefix():
    [call] = calls_of(request("s3", "HEAD", "/b"), DEPLOYED)

    assert (call.action, call.resource) == ("s3:ListBucket", "arn:aws:s3:::b")
    assert "s3:prefix" not in call.context


def test_a_listing_has_the_prefix_that_it_was_given_and_none_when_it_was_given_none():
    [with_prefix] = calls_of(request("s3", "GET", "/b", query={"list-type": "2", "prefix": "ctx/"}), DEPLOYED)
    [without] = calls_of(request("s3", "GET", "/b", query={"list-type": "2"}), DEPLOYED)

    assert with_prefix.context["s3:prefix"] == ("ctx/",)
    assert "s3:prefix" not in without.context


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/", {}, [("s3:ListAllMyBuckets", "*")]),
        ("PUT", "/b", {}, [("s3:CreateBucket", "b")]),
        ("DELETE", "/b", {}, [("s3:DeleteBucket", "b")]),
        ("GET", "/b", {"location": ""}, [("s3:GetBucketLocation", "b")]),
        ("GET", "/b", {"versions": "", "prefix": "p"}, [("s3:ListBucketVersions", "b")]),
        ("GET", "/b", {"uploads": ""}, [("s3:ListBucketMultipartUploads", "b")]),
        ("DELETE", "/b", {"policy": ""}, [("s3:DeleteBucketPolicy", "b")]),
        ("HEAD", "/b/k/x", {}, [("s3:GetObject", "b/k/x")]),
        ("GET", "/b/k", {"versionId": "1"}, [("s3:GetObjectVersion", "b/k")]),
        ("GET", "/b/k", {"acl": ""}, [("s3:GetObjectAcl", "b/k")]),
        ("GET", "/b/k", {"tagging": "", "versionId": "1"}, [("s3:GetObjectVersionTagging", "b/k")]),
        ("PUT", "/b/k", {"tagging": ""}, [("s3:PutObjectTagging", "b/k")]),
        ("PUT", "/b/k", {}, [("s3:PutObject", "b/k")]),
        ("POST", "/b/k", {"uploads": ""}, [("s3:PutObject", "b/k")]),
        ("PUT", "/b/k", {"partNumber": "1", "uploadId": "u"}, [("s3:PutObject", "b/k")]),
        ("POST", "/b/k", {"uploadId": "u"}, [("s3:PutObject", "b/k")]),
        ("DELETE", "/b/k", {"uploadId": "u"}, [("s3:AbortMultipartUpload", "b/k")]),
        ("GET", "/b/k", {"uploadId": "u"}, [("s3:ListMultipartUploadParts", "b/k")]),
        ("DELETE", "/b/k", {}, [("s3:DeleteObject", "b/k")]),
        ("DELETE", "/b/k", {"versionId": "1"}, [("s3:DeleteObjectVersion", "b/k")]),
        ("GET", "/encrypted/k", {}, [("s3:GetObject", "encrypted/k"), ("kms:Decrypt", KEY)]),
        ("PUT", "/encrypted/k", {}, [("s3:PutObject", "encrypted/k"), ("kms:GenerateDataKey", KEY)]),
    ],
)
def test_an_operation_of_s3_has_the_action_of_the_user_guide(method, path, query, expected):
    assert s3(method, path, query=query) == expected


def test_a_copy_reads_its_source_and_its_tags_and_its_acl_are_rights_of_their_own():
    headers = {"x_amz_copy_source": "/encrypted/a%20b?versionId=1", "x_amz_tagging": "t=1", "x_amz_acl": "private"}

    assert s3("PUT", "/b/k", **headers) == [
        ("s3:PutObject", "b/k"),
        ("s3:PutObjectTagging", "b/k"),
        ("s3:PutObjectAcl", "b/k"),
        ("s3:GetObjectVersion", "encrypted/a b"),
        ("kms:Decrypt", KEY),
    ]


def test_a_deletion_of_many_asks_for_each_object():
    body = (
        b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object>'
        b"<Object><Key>b</Key><VersionId>2</VersionId></Object></Delete>"
    )

    assert s3("POST", "/b", query={"delete": ""}, body=body) == [
        ("s3:DeleteObject", "b/a"),
        ("s3:DeleteObjectVersion", "b/b"),
    ]


def test_only_who_may_list_learns_that_an_object_is_missing():
    missing, there = request("s3", "HEAD", "/b/missing"), request("s3", "HEAD", "/b/there")

    assert missing_object_call(missing, DEPLOYED) == Call(
        "s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": ("missing",)}
    )
    assert missing_object_call(there, DEPLOYED) is None


@pytest.mark.parametrize(
    ("service", "target", "body", "expected"),
    [
        (
            "logs",
            "Logs_20140328.GetLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            ("logs:GetLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/g:log-stream:s"),
        ),
        (
            "ssm",
            "AmazonSSM.GetParameters",
            {"Names": ["/a/b"]},
            ("ssm:GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/a/b"),
        ),
        (
            "secretsmanager",
            "secretsmanager.GetSecretValue",
            {"SecretId": "licence"},
            ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:licence"),
        ),
        ("kms", "TrentService.Decrypt", {"KeyId": "1"}, ("kms:Decrypt", KEY)),
        ("ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", {}, ("ecr:GetAuthorizationToken", "*")),
        (
            "ecs",
            "AmazonEC2ContainerServiceV20141113.DescribeTasks",
            {"cluster": "c", "tasks": ["t"]},
            ("ecs:DescribeTasks", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/c/t"),
        ),
        (
            "ecs",
            "AmazonEC2ContainerServiceV20141113.DescribeContainerInstances",
            {"cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c", "containerInstances": ["i"]},
            ("ecs:DescribeContainerInstances", f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/c/i"),
        ),
    ],
)
def test_a_service_of_the_json_protocol_names_its_action_in_a_header(service, target, body, expected):
    assert asked(service, body=body, x_amz_target=target) == [expected]


def test_a_service_of_the_query_protocol_names_its_action_in_a_parameter():
    assert asked("ec2", body=b"Action=DescribeInstances&Version=2016-11-15") == [("ec2:DescribeInstances", "*")]
    assert asked("sns", body=b"Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A1%3At") == [
        ("sns:Publish", "arn:aws:sns:us-east-1:1:t")
    ]


def test_two_actions_in_one_request_are_refused():
    with pytest.raises(UnknownOperationError):
        asked("ec2", query={"Action": "DescribeInstances"}, body=b"Action=RunInstances")


def test_nobody_is_refused_to_learn_who_he_is():
    assert asked("sts", body=b"Action=GetCallerIdentity") == []


def test_efs_is_asked_about_an_access_point():
    path = "/2015-02-01/access-points"

    assert asked("elasticfilesystem", "GET", path, query={"AccessPointId": "fsap-1"}) == [
        ("elasticfilesystem:DescribeAccessPoints", f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-1")
    ]


@pytest.mark.parametrize(
    ("service", "more"),
    [
        ("batch", {"path": "/v1/createjobqueue"}),
        ("iam", {"body": b"Action=CreateUser"}),
        ("sts", {"body": b"Action=AssumeRole"}),
        ("ec2", {"body": b"Action=RunInstances"}),
        ("ec2", {"body": b"Action=DoAnything"}),
        ("elasticfilesystem", {"method": "DELETE", "path": "/2015-02-01/file-systems/fs-1"}),
        ("lambda", {}),
        ("s3", {"method": "GET", "path": "/b", "query": {"inventory": ""}}),
        ("s3", {"method": "POST", "path": "/b"}),
    ],
)
def test_what_is_not_known_here_is_refused_and_not_allowed(service, more):
    with pytest.raises(UnknownOperationError):
        asked(service, **more)


def test_every_action_and_resource_that_is_asked_for_is_one_of_the_reference():
    bodies = {"jobQueue": "q", "jobDefinition": "d:3", "tags": {"a": "1"}}
    calls = calls_of(request("batch", path="/v1/submitjob", body=bodies), DEPLOYED)
    calls += calls_of(request("s3", "PUT", "/encrypted/k", x_amz_copy_source="/b/k"), DEPLOYED)
    calls += calls_of(request("iam", body=b"Action=DetachRolePolicy&RoleName=r&PolicyArn=p"), DEPLOYED)

    for call in calls:
        assert exists(call.action)
        assert not resource_types(call.action) or names_resource(call.action, call.resource), call
    assert set(SERVICES) <= {
        "autoscaling",
        "batch",
        "cloudformation",
        "ec2",
        "ecr",
        "ecs",
        "elasticfilesystem",
        "iam",
        "kms",
        "logs",
        "s3",
        "secretsmanager",
        "sns",
        "ssm",
        "sts",
    }


def test_a_role_is_made_with_its_path_and_tags_and_what_it_is_given_is_a_condition():
    form = (
        b"Action=CreateRole&RoleName=run-1&Path=%2Fof%2Fone%2F"
        b"&Tags.member.1.Key=storage&Tags.member.1.Value=a&Tags.member.2.Key=point&Tags.member.2.Value=b"
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/of/one/run-1"
    made, tagged = calls_of(request("iam", body=form), DEPLOYED)
    assert [(one.action, one.resource) for one in (made, tagged)] == [("iam:CreateRole", role), ("iam:TagRole", role)]
    assert made.context["aws:requesttag/storage"] == ("a",)
    assert made.context["aws:tagkeys"] == ("storage", "point")

    policy = f"arn:aws:iam::{ACCOUNT}:policy/p"
    [attached] = calls_of(
        request("iam", body=f"Action=AttachRolePolicy&RoleName=r&PolicyArn={policy}".encode()), DEPLOYED
    )
    assert (attached.action, attached.context) == ("iam:AttachRolePolicy", {"iam:policyarn": (policy,)})


@pytest.mark.parametrize(
    "form", [b"Action=PutRolePolicy&RoleName=r", b"Action=ListRoles", b"Action=CreateUser&UserName=u"]
)
def test_other_calls_to_iam_are_refused(form):
    with pytest.raises(UnknownOperationError):
        calls_of(request("iam", body=form), DEPLOYED)
