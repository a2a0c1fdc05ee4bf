"""The types of resources that a template may have: those of ministack that run nothing, and those that it lacks."""

from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

from workflow_stacks.local.batch import cfn_types as batch_types
from workflow_stacks.local.cloud import alarms, storage_types
from workflow_stacks.local.functions import types as function_types

from . import buckets, ec2, file_systems, roles
from .batch import BATCH
from .settings import PORT

_SERVICES = frozenset(
    {
        *("Batch", "CloudFormation", "CloudWatch", "EC2", "ECR", "EFS", "Events", "FSx", "IAM", "KMS", "Logs"),
        *("S3", "S3Files", "SNS", "SQS", "SSM", "Scheduler", "SecretsManager"),
    }
)
# Of CloudFormation's own, those that hand work to others.
_WORK_FOR_OTHERS = frozenset({"AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack"})


def install() -> None:
    """Leave nothing in a template that runs commands by itself, and add what is missing."""
    for type_name in [*provisioners._RESOURCE_HANDLERS]:
        if type_name.split("::")[1] not in _SERVICES or type_name in _WORK_FOR_OTHERS:
            del provisioners._RESOURCE_HANDLERS[type_name]
    for name in ("create", "update", "delete"):
        setattr(provisioners, f"_custom_resource_{name}", _no_custom_resources)
    arn = file_systems.SURROUNDINGS.arn
    provisioners._RESOURCE_HANDLERS |= {
        **batch_types.handlers(BATCH),
        **storage_types.handlers(file_systems.SURROUNDINGS),
        **function_types.handlers(PORT, arn, iam._roles.__contains__),
        **ec2.handlers(),
    }
    provisioners._cw_metric_alarm_record = alarms.with_metrics(provisioners._cw_metric_alarm_record)
    for part in (buckets, ec2, file_systems, roles):
        part.install()


def _no_custom_resources(*_arguments: Any, **_named: Any) -> Any:
    raise ValueError("The local cloud has no custom resources: nothing in a template runs code when it is deployed")
