"""What requests to AWS Batch ask of IAM.

Where AWS's reference and what people saw disagree, both must be granted: see `_submit`.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
"""

from collections.abc import Iterator
from urllib.parse import unquote

from .deployed import Deployed, Record
from .request import Call, Request, UnknownOperationError, request_tags, resource_tags

_NO_RESOURCE = {
    "describejobs": "DescribeJobs",
    "listjobs": "ListJobs",
    "describejobqueues": "DescribeJobQueues",
    "describejobdefinitions": "DescribeJobDefinitions",
    "describecomputeenvironments": "DescribeComputeEnvironments",
}
# One right for one job, be it one of many in the request.
_ENDING = {
    "canceljob": ("CancelJob", "jobId"),
    "canceljobs": ("CancelJob", "jobs"),
    "terminatejob": ("TerminateJob", "jobId"),
    "terminatejobs": ("TerminateJob", "jobs"),
}
_TAGGING = {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}
_PASSED_TO = {"iam:passedtoservice": ("ecs-tasks.amazonaws.com",)}


def batch_calls(request: Request, deployed: Deployed) -> Iterator[Call]:
    """The calls of a request."""
    operation = request.path.removeprefix("/v1/").lower()
    if operation in _NO_RESOURCE:
        yield Call(f"batch:{_NO_RESOURCE[operation]}")
    elif operation == "submitjob":
        yield from _submit(request, deployed)
    elif operation == "registerjobdefinition":
        yield from _register(request)
    elif operation == "deregisterjobdefinition":
        record = deployed.definition(str(request.json.get("jobDefinition", "")))
        given = _definition_arn(request, str(request.json.get("jobDefinition", "")))
        arn = record["jobDefinitionArn"] if record else given
        yield Call("batch:DeregisterJobDefinition", arn, resource_tags(record["tags"] if record else {}))
    elif operation in _ENDING:
        action, key = _ENDING[operation]
        ids = request.json.get(key) or ""
        for id_ in ids if isinstance(ids, list) else [ids]:
            job = deployed.job(str(id_))
            yield Call(f"batch:{action}", request.arn(f"job/{id_}"), resource_tags(job["tags"] if job else {}))
    elif operation.startswith("tags/") and request.method in _TAGGING:
        yield _tagging(request, deployed)
    else:
        raise UnknownOperationError


def _submit(request: Request, deployed: Deployed) -> Iterator[Call]:
    """SubmitJob, and TagResource for its tags.

    The reference has the job itself among the resources of SubmitJob, examples of policies leave it out: the job must
    be granted too. For tags, messages of AWS name the job definition, and policies that are known to work have the
    queue as well: both must be granted. A definition that is
    named without a revision is asked for by its name and by the revision that runs.
    """
    body = request.json
    tags = request_tags(body.get("tags") or {})
    for arn, its_tags in _submitted_to(request, deployed):
        context = {**resource_tags(its_tags), **tags}
        if isinstance(body.get("shareIdentifier"), str):
            context["batch:shareidentifier"] = (body["shareIdentifier"],)
        yield Call("batch:SubmitJob", arn, context)
    yield Call("batch:SubmitJob", request.arn("job/*"), tags)
    consumed = body.get("consumableResourcePropertiesOverride") or {}
    for one in consumed.get("consumableResourceList") or []:
        name = str(one.get("consumableResource", "")).rpartition("/")[2]
        yield Call("batch:SubmitJob", request.arn(f"consumable-resource/{name}"), tags)
    if tags:
        for arn, its_tags in _submitted_to(request, deployed):
            yield Call("batch:TagResource", arn, {**resource_tags(its_tags), **tags})


def _submitted_to(request: Request, deployed: Deployed) -> Iterator[tuple[str, Record]]:
    named, queue = str(request.json.get("jobDefinition", "")), str(request.json.get("jobQueue", ""))
    definition, found = deployed.definition(named), deployed.queue(queue)
    given = _definition_arn(request, named)
    yield given, definition["tags"] if definition else {}
    if definition and definition["jobDefinitionArn"] != given:
        yield definition["jobDefinitionArn"], definition["tags"]
    yield request.arn(f"job-queue/{queue.rpartition('/')[2]}"), found["tags"] if found else {}


def _register(request: Request) -> Iterator[Call]:
    """RegisterJobDefinition; who gives a definition a role must be allowed to pass it."""
    body = request.json
    arn = request.arn(f"job-definition/{body.get('jobDefinitionName', '')}")
    tags = request_tags(body.get("tags") or {})
    container = body.get("containerProperties") or {}
    yield Call("batch:RegisterJobDefinition", arn, {**tags, **_container_keys(container)})
    if tags:
        yield Call("batch:TagResource", f"{arn}:*", tags)
    for name in ("jobRoleArn", "executionRoleArn"):
        if container.get(name):
            role = str(container[name])
            yield Call(
                "iam:PassRole",
                role if role.startswith("arn:") else f"arn:aws:iam::{request.account}:role/{role}",
                _PASSED_TO,
            )


def _container_keys(container: Record) -> dict[str, tuple[str, ...]]:
    logs = container.get("logConfiguration") or {}
    options = logs.get("options") or {}
    found = {
        "batch:image": container.get("image"),
        "batch:privileged": container.get("privileged"),
        "batch:user": container.get("user"),
        "batch:logdriver": logs.get("logDriver"),
        "batch:awslogsgroup": options.get("awslogs-group"),
        "batch:awslogsregion": options.get("awslogs-region"),
        "batch:awslogsstreamprefix": options.get("awslogs-stream-prefix"),
        "batch:awslogscreategroup": options.get("awslogs-create-group"),
    }
    return {
        key: (str(value).lower() if isinstance(value, bool) else str(value),)
        for key, value in found.items()
        if value is not None
    }


def _tagging(request: Request, deployed: Deployed) -> Call:
    arn = unquote(request.path.removeprefix("/v1/tags/"))
    name = arn.rpartition("/")[2]
    record = deployed.job(name) or deployed.queue(name) or deployed.definition(name)
    given = request.json.get("tags") if request.method == "POST" else None
    keys = {"aws:tagkeys": tuple(request.query["tagKeys"])} if request.query.get("tagKeys") else {}
    context = {**resource_tags(record["tags"] if record else {}), **request_tags(given or {}), **keys}
    return Call(f"batch:{_TAGGING[request.method]}", arn, context)


def _definition_arn(request: Request, named: str) -> str:
    return named if named.startswith("arn:") else request.arn(f"job-definition/{named}")
