"""What requests to the other services that engines and scripts call ask of IAM.

An action is named by the protocol of its service. One that is about no resource, or whose resource is not said in the
request, is asked for on `*`; for the others a function here finds the resources. What is not here is refused.
"""

import re
from collections.abc import Callable, Iterator

from .deployed import Deployed
from .reference import exists, resource_types
from .request import Call, Request, UnknownOperationError, request_tags, resource_tags

Resources = Callable[[Request, Deployed], list[str]]

_EFS = re.compile(r"/2015-02-01/(file-systems|access-points|mount-targets)(?:/([^/]+))?/?$")
_EFS_ACTIONS = {
    "file-systems": "DescribeFileSystems",
    "access-points": "DescribeAccessPoints",
    "mount-targets": "DescribeMountTargets",
}


def json_calls(request: Request, deployed: Deployed) -> Iterator[Call]:
    """The calls of a request that names its action in X-Amz-Target, as `Service_20140328.Action`."""
    yield from _calls(request, deployed, request.headers.get("x-amz-target", "").rpartition(".")[2])


def query_calls(request: Request, deployed: Deployed) -> Iterator[Call]:
    """The calls of a request that names its action by the parameter Action, or in X-Amz-Target."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    yield from _calls(request, deployed, target or request.form.get("Action", ""))


def efs_calls(request: Request, deployed: Deployed) -> Iterator[Call]:
    """The calls of a request to EFS: what describes it, and what makes and deletes access points."""
    found = _EFS.match(request.path)
    if found and found[1] == "access-points" and request.method != "GET":
        yield from _access_point_calls(request, deployed, found[2])
        return
    if request.method != "GET" or not found:
        raise UnknownOperationError
    kind, id_ = found[1], found[2]
    point, file_system = request.parameter("AccessPointId"), request.parameter("FileSystemId")
    if kind == "access-points" and (id_ or point):
        arn = request.arn(f"access-point/{id_ or point}")
    elif file_system or (kind == "file-systems" and id_):
        arn = request.arn(f"file-system/{file_system or id_}")
    else:
        arn = "*"
    yield Call(f"elasticfilesystem:{_EFS_ACTIONS[kind]}", arn)


def _access_point_calls(request: Request, deployed: Deployed, id_: str | None) -> Iterator[Call]:
    if request.method == "POST" and not id_:
        tags = request_tags({one["Key"]: one["Value"] for one in request.json.get("Tags", [])})
        file_system = str(request.json.get("FileSystemId", "")).rpartition("/")[2]
        yield Call("elasticfilesystem:CreateAccessPoint", request.arn(f"file-system/{file_system}"), tags)
        if tags:
            create = {"elasticfilesystem:createaction": ("CreateAccessPoint",)}
            yield Call("elasticfilesystem:TagResource", request.arn("access-point/*"), {**tags, **create})
    elif request.method == "DELETE" and id_:
        tags = resource_tags(deployed.access_point_tags(id_))
        yield Call("elasticfilesystem:DeleteAccessPoint", request.arn(f"access-point/{id_}"), tags)
    else:
        raise UnknownOperationError


def _calls(request: Request, deployed: Deployed, operation: str) -> Iterator[Call]:
    action = f"{request.service}:{operation}"
    # Nobody can be refused to learn who he is.
    if action == "sts:GetCallerIdentity":
        return
    if not exists(action):
        raise UnknownOperationError
    if action == "cloudformation:DescribeStacks" and not request.form.get("StackName"):
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
        yield Call("cloudformation:ListStacks")
    find = _RESOURCES.get(action)
    if find:
        for resource in find(request, deployed) or ["*"]:
            yield Call(action, resource)
    elif resource_types(action) and action not in _WITHOUT_RESOURCE:
        raise UnknownOperationError
    else:
        yield Call(action)


def _stack(request: Request, _deployed: Deployed) -> list[str]:
    name = request.form.get("StackName", "")
    return [name if name.startswith("arn:") else request.arn(f"stack/{name}/*")] if name else []


def _log_group(request: Request, _deployed: Deployed) -> list[str]:
    """CloudWatch Logs asks for a group by the ARN of a stream without a name."""
    name = request.json.get("logGroupName") or request.json.get("logGroupIdentifier") or ""
    return [request.arn(f"log-group:{_last(str(name))}:log-stream:")]


def _log_stream(request: Request, _deployed: Deployed) -> list[str]:
    stream = request.json.get("logStreamName", "")
    return [request.arn(f"log-group:{request.json.get('logGroupName', '')}:log-stream:{stream}")]


def _secret(request: Request, deployed: Deployed) -> list[str]:
    name = str(request.json.get("SecretId", ""))
    return [deployed.secret_arn(name) or (name if name.startswith("arn:") else request.arn(f"secret:{name}"))]


def _parameters(request: Request, _deployed: Deployed) -> list[str]:
    names = request.json.get("Names") or [request.json.get("Name") or request.json.get("Path") or ""]
    return [one if str(one).startswith("arn:") else request.arn(f"parameter/{str(one).strip('/')}") for one in names]


def _topic(request: Request, _deployed: Deployed) -> list[str]:
    return [request.form.get("TopicArn") or request.form.get("TargetArn") or "*"]


def _key(request: Request, deployed: Deployed) -> list[str]:
    name = str(request.json.get("KeyId", ""))
    return [deployed.key_arn(name) or (name if name.startswith("arn:") else request.arn(f"key/{name}"))]


def _repository(request: Request, _deployed: Deployed) -> list[str]:
    return [request.arn(f"repository/{request.json.get('repositoryName', '')}")]


def _ecs(kind: str, key: str) -> Resources:
    def find(request: Request, _deployed: Deployed) -> list[str]:
        cluster = _last(str(request.json.get("cluster") or "default"))
        names = [str(one) for one in request.json.get(key) or []]
        inside = "" if kind == "cluster" else f"{cluster}/"
        return [one if one.startswith("arn:") else request.arn(f"{kind}/{inside}{one}") for one in names]

    return find


def _cluster(request: Request, _deployed: Deployed) -> list[str]:
    return [request.arn(f"cluster/{_last(str(request.json.get('cluster') or 'default'))}")]


def _last(name: str) -> str:
    return name.rpartition("/")[2] if name.startswith("arn:aws:ecs") else name.rpartition(":log-group:")[2]


_RESOURCES: dict[str, Resources] = {
    "cloudformation:DescribeStacks": _stack,
    "cloudformation:GetTemplate": _stack,
    "logs:CreateLogStream": _log_stream,
    "logs:PutLogEvents": _log_stream,
    "logs:GetLogEvents": _log_stream,
    "logs:CreateLogGroup": _log_group,
    "logs:DescribeLogStreams": _log_group,
    "logs:FilterLogEvents": _log_group,
    "secretsmanager:GetSecretValue": _secret,
    "secretsmanager:DescribeSecret": _secret,
    "ssm:GetParameter": _parameters,
    "ssm:GetParameters": _parameters,
    "ssm:GetParametersByPath": _parameters,
    "ssm:PutParameter": _parameters,
    "ssm:DeleteParameter": _parameters,
    "sns:Publish": _topic,
    "kms:Decrypt": _key,
    "kms:Encrypt": _key,
    "kms:GenerateDataKey": _key,
    "kms:DescribeKey": _key,
    "ecr:BatchGetImage": _repository,
    "ecr:BatchCheckLayerAvailability": _repository,
    "ecr:GetDownloadUrlForLayer": _repository,
    "ecr:DescribeImages": _repository,
    "ecs:DescribeClusters": _ecs("cluster", "clusters"),
    "ecs:DescribeTasks": _ecs("task", "tasks"),
    "ecs:DescribeContainerInstances": _ecs("container-instance", "containerInstances"),
    "ecs:ListContainerInstances": _cluster,
}
# AWS asks for these on no resource, though the reference has one that a policy may name.
_WITHOUT_RESOURCE = frozenset({"logs:DescribeLogGroups", "ecs:ListTasks", "ecs:ListClusters"})
