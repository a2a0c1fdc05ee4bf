"""Ministack, taught what it lacks: the AWS behind the local cloud. The only file that knows ministack.

`server.py` imports it in a process of its own, after it has set LOCAL_CLOUD_STATE, _REGION and _PORT.
"""

# ruff: noqa: E402, SLF001  (ministack reads its settings when it is imported; its parts are all private)

import hashlib
import json
import logging
import os
import secrets
import shutil
import uuid
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STATE = Path(os.environ["LOCAL_CLOUD_STATE"])
REGION = os.environ["LOCAL_CLOUD_REGION"]

# What templates, the CDK CLI and the engines need. Some of the others would run commands: functions of Lambda, builds.
SERVICES = (
    "batch",
    "cloudformation",
    "ec2",
    "ecr",
    "elasticfilesystem",
    "events",
    "iam",
    "kms",
    "logs",
    "monitoring",
    "s3",
    "s3files",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
    "tagging",
)
# The same in the names of types.
_TYPES = frozenset(
    {
        *("Batch", "CloudFormation", "CloudWatch", "EC2", "ECR", "EFS", "Events", "FSx", "IAM", "KMS", "Logs"),
        *("S3", "S3Files", "SNS", "SQS", "SSM", "Scheduler", "SecretsManager"),
    }
)
# Of CloudFormation's own, those that hand work to others.
_NO_TYPES = frozenset({"AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack"})

os.environ |= {
    "SERVICES": ",".join(SERVICES),
    "GATEWAY_PORT": os.environ["LOCAL_CLOUD_PORT"],
    "MINISTACK_REGION": os.environ["LOCAL_CLOUD_REGION"],
    "PERSIST_STATE": "1",
    "STATE_DIR": str(STATE / "aws"),
    "S3_PERSIST": "1",
    "S3_DATA_DIR": str(STATE / "s3"),
    # No other listener, no Docker; what runs jobs may still use the one there is.
    "LOCAL_CLOUD_DOCKER_HOST": os.environ.get("DOCKER_HOST", ""),
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent",
}

from ministack import app as ministack
from ministack.core import persistence
from ministack.core.persistence import save_all
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.core.router import detect_service
from ministack.services import (
    batch as ministack_batch,
    cloudformation,
    cloudwatch_logs,
    ec2,
    efs,
    iam,
    kms,
    s3,
    s3files,
    secretsmanager,
    ssm,
    sts,
)
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from workflow_stacks.local.batch import cfn_types as batch_types
from workflow_stacks.local.batch.attempts import Attempts
from workflow_stacks.local.batch.control_plane import Batch
from workflow_stacks.local.batch.errors import ClientError
from workflow_stacks.local.batch.jobs import Jobs
from workflow_stacks.local.batch.requests import check_request
from workflow_stacks.local.batch.volumes import Volumes
from workflow_stacks.local.functions import types as function_types
from workflow_stacks.local.functions.http_apis import HttpApis
from workflow_stacks.local.functions.invoke import Functions
from workflow_stacks.local.iam.authorizer import Authorizer
from workflow_stacks.local.iam.credentials import Credentials, write_administrator
from workflow_stacks.local.iam.job_start import JobStart

from . import alarms, lambda_types, refusals, s3_types, schemas, storage_types
from .iam_adapter import deployed_in, keep_boundary
from .log_files import LogFile
from .state_files import write_file

Properties = dict[str, Any]
Created = tuple[str, Properties]


def _write_log(request: Properties) -> None:
    """Append to the log of a job, which is kept in a file."""
    group, name = request["logGroupName"], request["logStreamName"]
    stream = cloudwatch_logs._log_groups[group]["streams"][name]
    if not isinstance(stream["events"], LogFile):
        digest = hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()
        stream["events"] = LogFile(STATE / "logs" / digest[:2] / f"{digest}.jsonl")
    events = stream["events"]
    given = request["logEvents"]
    now = given[-1]["timestamp"]
    events.extend({**event, "ingestionTime": now, "eventId": str(len(events) + at)} for at, event in enumerate(given))
    if stream["firstEventTimestamp"] is None:
        stream["firstEventTimestamp"] = given[0]["timestamp"]
    stream |= {"lastEventTimestamp": now, "lastIngestionTime": now}


LOGS: dict[str, Callable[[Properties], Any]] = {"put_log_events": _write_log}

CONSUMABLES = AccountRegionScopedDict()
BATCH = Batch(
    arn=lambda resource: f"arn:aws:batch:{get_region()}:{get_account_id()}:{resource}",
    environments=ministack_batch._compute_envs,
    queues=ministack_batch._job_queues,
    definitions=ministack_batch._job_definitions,
    consumables=CONSUMABLES,
)
ACCOUNT: str = get_account_id()
CREDENTIALS = Credentials(write_administrator(STATE))
AUTHORIZER = Authorizer(
    deployed_in(
        SimpleNamespace(iam=iam, s3=s3, kms=kms, efs=efs, s3files=s3files, secretsmanager=secretsmanager),
        BATCH,
        ministack_batch._jobs,
    ),
    REGION,
)
ATTEMPTS = Attempts(
    state=STATE,
    port=int(os.environ["LOCAL_CLOUD_PORT"]),
    region=REGION,
    jobs=ministack_batch._jobs,
    volumes=Volumes(
        STATE,
        lambda id_: id_ in efs._file_systems,
        efs._access_points.get,
        lambda id_: str(ec2._launch_templates[id_]["Versions"][-1]["LaunchTemplateData"].get("UserData", "")),
    ),
    # What is there already is refused, and stays.
    logs=lambda operation, request: LOGS.get(operation, getattr(cloudwatch_logs, f"_{operation}"))(request),
    start=JobStart(AUTHORIZER, CREDENTIALS, ACCOUNT, REGION),
)
JOBS = Jobs(BATCH, ministack_batch._jobs, ATTEMPTS.run)


def _answer(action: str) -> Callable[[Properties], Any]:
    def answer(request: Properties) -> Any:
        try:
            check_request(action, request)
            return ministack_batch._json(200, BATCH.actions[action](request))
        except ClientError as error:
            words = f"Error executing request, Exception : {error}, RequestId: {uuid.uuid4()}"
            return ministack_batch.error_response_json(error.code, words, error.status)

    return answer


def _s3_files(operation: str, *arguments: Any) -> Properties:
    """Call an operation of S3 Files."""
    status, _, body = getattr(s3files, f"_{operation}")(*arguments)
    answer: Properties = json.loads(body) if body else {}
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(answer.get("message") or body.decode())
    return answer


STORAGE = storage_types.Surroundings(
    call=_s3_files,
    targets=lambda: list(s3files._mount_targets.values()),
    access_points=lambda: list(s3files._access_points.values()),
    is_versioned=lambda bucket: s3._bucket_versioning.get(bucket) == "Enabled",
    zone=lambda subnet: ec2._subnets[subnet]["AvailabilityZone"] if subnet in ec2._subnets else None,
    arn=lambda service, resource: f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}",
    security_groups=lambda: dict(ec2._security_groups.items()),
)


def _new_record(store: Any, create: Callable[[Properties], Any], request: Properties) -> str:
    """Call an EC2 action of ministack, whose answer is XML, and return the id of what it made."""
    before = set(store)
    status, _, body = create({key: [value] for key, value in request.items() if value})
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(body.decode())
    return str((set(store) - before).pop())


def _address_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    allocation = _new_record(ec2._addresses, ec2._allocate_address, {"Domain": "vpc"})
    provisioners._ec2_apply_tags(allocation, properties)
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def _address_delete(address: str, _properties: Properties) -> None:
    for allocation in _allocations(address):
        ec2._release_address({"AllocationId": [allocation]})


def _address_update(address: str, old: Properties, new: Properties, _stack: str) -> Created:
    [allocation] = _allocations(address)
    provisioners._ec2_apply_tags(allocation, new, old)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _allocations(address: str) -> list[str]:
    return [key for key, record in ec2._addresses.items() if record["PublicIp"] == address]


def _nat_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    allocation = properties.get("AllocationId")
    if any(record["AllocationId"] == allocation for record in ec2._nat_gateways.values()):
        raise ValueError(f"Elastic IP address [{allocation}] is already associated")
    request = {key: properties.get(key) for key in ("SubnetId", "AllocationId", "ConnectivityType")}
    gateway = _new_record(ec2._nat_gateways, ec2._create_nat_gateway, request)
    provisioners._ec2_apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _nat_delete(gateway: str, _properties: Properties) -> None:
    ec2._nat_gateways.pop(gateway, None)
    ec2._tags.pop(gateway, None)


def _flow_log_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    request = {"ResourceId.1": properties["ResourceId"], **properties}
    flow_log = _new_record(ec2._flow_logs, ec2._create_flow_logs, request)
    provisioners._ec2_apply_tags(flow_log, properties)
    return flow_log, {"Id": flow_log}


def _flow_log_delete(flow_log: str, _properties: Properties) -> None:
    ec2._flow_logs.pop(flow_log, None)
    ec2._tags.pop(flow_log, None)


def _tags_update(attribute: str) -> Callable[..., Created]:
    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> Created:
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, {attribute: physical_id}

    return update


def _instance_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    """An instance that is kept and never boots: only jobs run here."""
    [interface] = properties.get("NetworkInterfaces") or [properties]
    subnet = interface.get("SubnetId")
    if subnet not in ec2._subnets:
        raise ValueError(f"The subnet ID '{subnet}' does not exist")
    groups = interface.get("GroupSet") or properties.get("SecurityGroupIds") or []
    request = {
        **{key: properties.get(key) for key in ("ImageId", "InstanceType", "KeyName", "UserData")},
        "SubnetId": subnet,
        "IamInstanceProfile.Name": properties.get("IamInstanceProfile"),
        **{f"SecurityGroupId.{number}": group for number, group in enumerate(groups, start=1)},
    }
    instance = _new_record(ec2._instances, ec2._run_instances, request)
    provisioners._ec2_apply_tags(instance, properties)
    return instance, _instance_attributes(instance)


def _instance_update(instance: str, old: Properties, new: Properties, _stack: str) -> Created:
    ec2._instances[instance]["InstanceType"] = new["InstanceType"]
    provisioners._ec2_apply_tags(instance, new, old)
    return instance, _instance_attributes(instance)


def _instance_attributes(instance: str) -> Properties:
    record = ec2._instances[instance]
    return {"InstanceId": instance, "PrivateIp": record.get("PrivateIpAddress", ""), "VpcId": record.get("VpcId", "")}


def _instance_delete(instance: str, _properties: Properties) -> None:
    if instance in ec2._instances:
        ec2._terminate_instances({"InstanceId.1": [instance]})
        ec2._instances.pop(instance, None)
        ec2._tags.pop(instance, None)


def _rule_handlers(direction: str) -> dict[str, Any]:
    """Rules that stand beside their security group, as CDK writes them between two groups."""
    permissions = "IpPermissions" if direction == "ingress" else "IpPermissionsEgress"

    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        rules, rule = _rules(properties)
        if rule in rules:
            raise ValueError(f"the specified rule already exists in {properties['GroupId']}")
        rules.append(rule)
        return f"sgr-{secrets.token_hex(8)}", {}

    def delete(_physical_id: str, properties: Properties) -> None:
        if properties["GroupId"] in ec2._security_groups:
            rules, rule = _rules(properties)
            if rule in rules:
                rules.remove(rule)

    def _rules(properties: Properties) -> tuple[list[Any], Any]:
        other = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
        for group in filter(None, (properties["GroupId"], other)):
            if group not in ec2._security_groups:
                raise ValueError(f"The security group '{group}' does not exist")
        [rule] = provisioners._ec2_sg_permissions([properties])
        return ec2._security_groups[properties["GroupId"]][permissions], rule

    return {"create": create, "delete": delete}


_delete_security_group = provisioners._ec2_sg_delete
_DELETED_LUSTRES: set[str] = set()
_delete_vpc = provisioners._RESOURCE_HANDLERS["AWS::EC2::VPC"]["delete"]
_delete_subnet = provisioners._ec2_subnet_delete
_create_role = provisioners._iam_role_create
_update_role = provisioners._iam_role_update
_forget_bucket = provisioners._s3_delete
_encryption_headers = s3._resolve_sse_write_headers
_delete_file_system = efs._delete_file_system
_update_file_system = efs._update_file_system
_provision_resource = provisioners._provision_resource
_update_resource = provisioners._update_resource
_replacing_change = provisioners._replacing_change
_property_recreation = provisioners._property_recreation
_resolve_stack_outputs = stacks._resolve_stack_outputs
_evaluate_conditions = engine._evaluate_conditions
_restore_cloudwatch_logs = cloudwatch_logs.load_persisted_state
_json_default, _json_object_hook = persistence._json_default, persistence._json_object_hook
_LOG_FILE = "__log_file__"
_saved_batch, _restore_batch = ministack_batch.get_state, ministack_batch.load_persisted_state


def _security_group_delete(group: str, properties: Properties) -> None:
    in_rules = any(
        pair.get("GroupId") == group
        for other_id, other in ec2._security_groups.items()
        for permission in other["IpPermissions"] + other["IpPermissionsEgress"]
        for pair in permission.get("UserIdGroupPairs", [])
        if other_id != group
    )
    in_mounts = any(group in target.get("SecurityGroups", []) for target in efs._mount_targets.values()) or any(
        group in target["securityGroups"] for target in s3files._mount_targets.values()
    )
    in_servers = any(group in lustre.get("SecurityGroupIds", []) for lustre in _lustres())
    if in_rules or in_mounts or in_servers:
        raise ValueError(f"resource {group} has a dependent object")
    _delete_security_group(group, properties)


def _subnet_delete(subnet: str, properties: Properties) -> None:
    holders = (*efs._mount_targets.values(), *ec2._nat_gateways.values())
    in_s3_files = any(target["subnetId"] == subnet for target in s3files._mount_targets.values())
    in_servers = any(subnet in lustre["SubnetIds"] for lustre in _lustres())
    if in_s3_files or in_servers or any(holder["SubnetId"] == subnet for holder in holders):
        raise ValueError(f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    _delete_subnet(subnet, properties)


def _role_create(logical_id: str, properties: Properties, stack: str) -> Created:
    name, attributes = _create_role(logical_id, properties, stack)
    keep_boundary(iam._roles[name], properties)
    return name, attributes


def _role_update(name: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None) -> Created:
    name, attributes = _update_role(name, old, new, stack, logical_id)
    keep_boundary(iam._roles[name], new)
    return name, attributes


def _lustres() -> list[Properties]:
    """The properties of the Lustre file systems that stand; FSx has no records here but those of stacks."""
    made = [resource for stack in cloudformation._stacks.values() for resource in stack.get("_resources", {}).values()]
    return [
        resource["Properties"]
        for resource in made
        if resource["ResourceType"] == "AWS::FSx::FileSystem" and resource["PhysicalResourceId"] not in _DELETED_LUSTRES
    ]


def _lustre_delete(name: str, _properties: Properties) -> None:
    _DELETED_LUSTRES.add(name)


def _vpc_delete(vpc: str, properties: Properties) -> None:
    groups = (group for group in ec2._security_groups.values() if group.get("GroupName") != "default")
    if any(one.get("VpcId") == vpc for one in (*ec2._subnets.values(), *groups)):
        raise ValueError(f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    _delete_vpc(vpc, properties)


def _bucket_delete(bucket: str, properties: Properties) -> None:
    status, _, body = s3._delete_bucket(bucket)
    if status == HTTPStatus.CONFLICT:
        raise ValueError(f"The bucket {bucket} is not empty: {body.decode()}")
    _forget_bucket(bucket, properties)


def _checked(put: Callable[[str, bytes], Any]) -> Callable[[str, bytes], None]:
    """A refused bucket setting fails the resource."""

    def checked(bucket: str, body: bytes) -> None:
        status, _, answer = put(bucket, body)
        if status >= HTTPStatus.BAD_REQUEST:
            raise ValueError(answer.decode())

    return checked


def _with_default_key(headers: dict[str, str], bucket: str) -> Any:
    """Encryption by `aws:kms` without a key means the account's own key, aws/s3."""
    key = "x-amz-server-side-encryption-aws-kms-key-id"
    if headers.get("x-amz-server-side-encryption") == "aws:kms" and not headers.get(key):
        headers = {**headers, key: f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"}
    return _encryption_headers(headers, bucket)


def _throughput_update(file_system: str, request: Properties) -> Any:
    """A file system that is no longer provisioned has no provisioned throughput."""
    answer = _update_file_system(file_system, request)
    record = efs._file_systems.get(file_system)
    if record and record["ThroughputMode"] != "provisioned":
        record.pop("ProvisionedThroughputInMibps", None)
    return answer


def _file_system_delete(file_system: str) -> Any:
    """What was on a file system goes with it."""
    answer = _delete_file_system(file_system)
    if answer[0] < HTTPStatus.BAD_REQUEST and file_system not in efs._file_systems:
        shutil.rmtree(STATE / "efs" / Path(file_system).name, ignore_errors=True)
    return answer


def _check(type_name: str, logical_id: str, properties: Properties) -> None:
    """What is refused before anything is made."""
    schemas.check(type_name, logical_id, properties)
    if type_name in ("AWS::EC2::LaunchTemplate", "AWS::EC2::Instance"):
        refusals.check_user_data(properties)


def _provision(type_name: str, logical_id: str, properties: Properties, stack: str) -> Created:
    _check(type_name, logical_id, properties)
    if type_name == "AWS::EC2::Subnet":
        refusals.check_cidr(properties, ec2._vpcs.get(properties.get("VpcId", "")), ec2._subnets.values())
    made: Created = _provision_resource(type_name, logical_id, properties, stack)
    return made


def _update(
    type_name: str,
    physical_id: str,
    old: Properties,
    new: Properties,
    stack: str,
    logical_id: str | None = None,
    attributes: Properties | None = None,
) -> Created:
    if old != new:
        _check(type_name, logical_id or physical_id, new)
    updated: Created = _update_resource(type_name, physical_id, old, new, stack, logical_id, attributes)
    return updated


def _replaces(type_name: str, old: Properties, new: Properties) -> bool:
    by_schema = schemas.replaces(type_name, old, new)
    return bool(_replacing_change(type_name, old, new)) if by_schema is None else by_schema


def _recreation(type_name: str, name: str) -> str:
    return schemas.recreation(type_name, name) or str(_property_recreation(type_name, name))


def _outputs(*arguments: Any) -> tuple[list[Properties], dict[str, Properties]]:
    """What another stack imports keeps its value, as long as that stack stands."""
    found, exports = _resolve_stack_outputs(*arguments)
    stack_id = arguments[-1]
    for name, was in [*cloudformation._exports.items()]:
        changed = exports.get(name, {}).get("Value") != was["Value"]
        if was["StackId"] == stack_id and changed and (users := _importers(name)):
            verb = "updated" if name in exports else "deleted"
            raise ValueError(f"Export {name} cannot be {verb} as it is in use by {' and '.join(users)}")
    return found, exports


def _importers(export: str) -> list[str]:
    return [
        name
        for name, stack in cloudformation._stacks.items()
        if not stack["StackStatus"].startswith(("DELETE", "ROLLBACK_COMPLETE"))
        and export in handlers._imported_export_names(stack, name)
    ]


def _conditions(template: Properties, parameters: Properties) -> dict[str, bool]:
    """Conditions may join lists, as those of the CDK's bootstrap stack do; ministack's know no Fn::Join."""

    def joined(value: Any) -> Any:
        if isinstance(value, list):
            return [joined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "Fn::Join" in value:
            return engine._resolve_refs(value, {}, parameters, {}, template.get("Mappings", {}), "", "")
        return {key: joined(one) for key, one in value.items()}

    found: dict[str, bool] = _evaluate_conditions(
        {**template, "Conditions": joined(template.get("Conditions", {}))}, parameters
    )
    return found


def _follow_schemas() -> None:
    """Have CloudFormation check and replace by the schemas of resources."""
    for module in (provisioners, stacks):
        module._provision_resource = _provision
        module._update_resource = _update
        module._replacing_change = _replaces
        module._property_recreation = _recreation
    stacks._resolve_stack_outputs = _outputs
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = _conditions


def _batch_state() -> Properties:
    return {**_saved_batch(), "consumables": CONSUMABLES}


def _restore_jobs(data: Properties) -> None:
    """No job survives the server that ran it."""
    _restore_batch(data)
    CONSUMABLES.clear()
    CONSUMABLES.update((data or {}).get("consumables") or {})
    JOBS.fail_leftovers()


def _confine() -> None:
    """Leave nothing in a template that runs commands: no type of another service, no custom resource."""
    for type_name in [*provisioners._RESOURCE_HANDLERS]:
        if type_name.split("::")[1] not in _TYPES or type_name in _NO_TYPES:
            del provisioners._RESOURCE_HANDLERS[type_name]
    for name in ("create", "update", "delete"):
        setattr(provisioners, f"_custom_resource_{name}", _no_custom_resources)


def _no_custom_resources(*_arguments: Any, **_named: Any) -> Any:
    raise ValueError("The local cloud has no custom resources: nothing of it runs code but jobs, in their sandboxes")


_IMAGES = {
    f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-{processor}": "ami-0c2023a1b2c3d4e5f"
    for processor in ("x86_64", "arm64")
}
"""Public parameters with the newest Amazon Linux 2023, by the names that the CDK asks for."""


def install() -> None:
    """Register what ministack lacks: the types it does not know, and the refusals it does not make."""
    _confine()
    ssm._PUBLIC_AMI_PARAMETERS |= _IMAGES
    provisioners._RESOURCE_HANDLERS |= {
        **batch_types.handlers(BATCH),
        **storage_types.handlers(STORAGE),
        **lambda_types.handlers(STORAGE.arn, iam._roles.__contains__),
        **function_types.handlers(int(os.environ["LOCAL_CLOUD_PORT"])),
        "AWS::EC2::EIP": {"create": _address_create, "update": _address_update, "delete": _address_delete},
        "AWS::EC2::NatGateway": {
            "create": _nat_create,
            "update": _tags_update("NatGatewayId"),
            "delete": _nat_delete,
        },
        "AWS::EC2::FlowLog": {
            "create": _flow_log_create,
            "update": _tags_update("Id"),
            "delete": _flow_log_delete,
        },
        "AWS::EC2::Instance": {"create": _instance_create, "update": _instance_update, "delete": _instance_delete},
        "AWS::EC2::SecurityGroupIngress": _rule_handlers("ingress"),
        "AWS::EC2::SecurityGroupEgress": _rule_handlers("egress"),
    }
    for type_name, delete in (
        ("AWS::EC2::SecurityGroup", _security_group_delete),
        ("AWS::EC2::Subnet", _subnet_delete),
        ("AWS::EC2::VPC", _vpc_delete),
        ("AWS::FSx::FileSystem", _lustre_delete),
        ("AWS::S3::Bucket", _bucket_delete),
    ):
        provisioners._RESOURCE_HANDLERS[type_name]["delete"] = delete
    provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"] |= {"create": _role_create, "update": _role_update}
    provisioners._cw_metric_alarm_record = alarms.with_metrics(provisioners._cw_metric_alarm_record)
    provisioners._S3_BUCKET_CONFIGURATIONS += tuple(
        (name, to_xml, _checked(put), forget)
        for name, to_xml, put, forget in (
            (
                "BucketEncryption",
                s3_types.encryption,
                s3._put_bucket_encryption,
                s3._delete_bucket_encryption,
            ),
            (
                "LifecycleConfiguration",
                s3_types.lifecycle,
                s3._put_bucket_lifecycle,
                s3._delete_bucket_lifecycle,
            ),
            ("LoggingConfiguration", s3_types.logging, s3._put_bucket_logging, s3._bucket_logging_config.pop),
            (
                "OwnershipControls",
                s3_types.ownership,
                s3._put_bucket_ownership_controls,
                s3._delete_bucket_ownership_controls,
            ),
        )
    )
    s3._resolve_sse_write_headers = _with_default_key
    efs._update_file_system = _throughput_update
    efs._delete_file_system = _file_system_delete
    _follow_schemas()
    _keep_state_in_files()
    ministack_batch.get_state = _batch_state
    ministack_batch.load_persisted_state = _restore_jobs
    ministack_batch._DISPATCH.clear()
    ministack_batch._DISPATCH.update({f"/v1/{action}": _answer(action) for action in BATCH.actions})


def service_of(method: str, path: str, headers: dict[str, str], query: dict[str, list[str]]) -> str:
    """The service that a request goes to."""
    return str(detect_service(method, path, headers, query))


def known_session(access_key: str) -> bool:
    """Whether the administrator assumed a role, as the CDK CLI does, or made a user, that has an access key."""
    return access_key in sts._sessions or access_key in iam._access_keys


def _resources() -> list[Properties]:
    """The resources of the stacks that stand."""
    return [
        resource
        for stack in cloudformation._stacks.values()
        if not stack["StackStatus"].startswith("DELETE_COMPLETE")
        for resource in stack.get("_resources", {}).values()
    ]


def _session_role(access_key: str) -> tuple[str, str] | None:
    """The role that the administrator assumed, and the name of the session."""
    session = sts._sessions.get(access_key)
    arn = str((session or {}).get("Arn", ""))
    if ":assumed-role/" not in arn:
        return None
    role, _, name = arn.rpartition(":assumed-role/")[2].rpartition("/")
    found = iam._roles.get(role)
    return (str(found["Arn"]), name) if found else None


def http_apis(app: Any) -> HttpApis:
    """What answers requests to HTTP APIs, before `app`."""
    port = int(os.environ["LOCAL_CLOUD_PORT"])
    functions = Functions(
        STATE, port, REGION, AUTHORIZER, CREDENTIALS, lambda: ATTEMPTS.system_files({}), ATTEMPTS.logs
    )
    return HttpApis(app, _resources, functions, AUTHORIZER, CREDENTIALS, _session_role, ACCOUNT, REGION)


def deploying() -> bool:
    """Whether a stack is being made, changed or deleted."""
    return any(
        stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in cloudformation._stacks._data.values()
    )


def end_jobs() -> None:
    """End every job at once: the server stops."""
    JOBS.scheduler.close()
    ATTEMPTS.kill_all()


def save() -> None:
    """Write what changed to the state folder."""
    save_all(ministack._build_persistence_save_dict())


def _save_state(service: str, data: Properties) -> None:
    whole = {"__ministack_format__": persistence._state_format_version(service), "payload": data}
    write_file(STATE / "aws" / f"{service}.json", json.dumps(whole, default=_to_json))


def _to_json(value: Any) -> Any:
    return {_LOG_FILE: str(value.path.relative_to(STATE))} if isinstance(value, LogFile) else _json_default(value)


def _from_json(found: Properties) -> Any:
    return LogFile(STATE / found[_LOG_FILE]) if _LOG_FILE in found else _json_object_hook(found)


def _restore_logs(data: Properties) -> None:
    """Streams in files stay there."""
    streams = [
        stream
        for _, group in data["log_groups"].all_items()
        for stream in group["streams"].values()
        if isinstance(stream["events"], LogFile)
    ]
    kept = [stream["events"] for stream in streams]
    for stream in streams:
        stream["events"] = []
    _restore_cloudwatch_logs(data)
    for stream, events in zip(streams, kept, strict=True):
        stream["events"] = events


def _keep_state_in_files() -> None:
    persistence.save_state = _save_state
    persistence._json_object_hook = _from_json
    cloudwatch_logs.load_persisted_state = _restore_logs


logging.getLogger("persistence").setLevel(logging.WARNING)
install()
app = ministack.app
