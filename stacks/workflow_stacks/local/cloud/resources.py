"""What stacks really made: read back from the services themselves, never from a template."""

from collections.abc import Callable, Iterable
from typing import Any

Client = Callable[[str], Any]
Facts = dict[str, Any]

TOOLKIT = "CDKToolkit"


def deployed_stacks(client: Client) -> list[str]:
    """The names of the stacks that stand, without the CDK's own: not those that failed or are going."""
    pages = client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = [stack for page in pages for stack in page["Stacks"]]
    return sorted(stack["StackName"] for stack in stacks if stack["StackName"] != TOOLKIT and _stands(stack))


def _stands(stack: Facts) -> bool:
    status: str = stack["StackStatus"]
    return status.endswith("_COMPLETE") and not status.startswith(("ROLLBACK_", "DELETE_"))


def stack_resources(client: Client, stack: str) -> Facts:
    """Describe what one stack made.

    Args:
        client: Gives the boto3 client of a service.
        stack: The name of the stack.

    Returns:
        The stack's name and status, and a list of facts for each kind of resource.
    """
    cloudformation = client("cloudformation")
    [status] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    ids: dict[str, list[str]] = {}
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            ids.setdefault(resource["ResourceType"], []).append(resource.get("PhysicalResourceId", ""))
    file_systems = ids.get("AWS::EFS::FileSystem", [])
    return {
        "stack": stack,
        "status": status["StackStatus"],
        "vpcs": [_vpc(client("ec2"), vpc) for vpc in ids.get("AWS::EC2::VPC", [])],
        "buckets": [_bucket(client("s3"), bucket) for bucket in ids.get("AWS::S3::Bucket", [])],
        "fileSystems": [_file_system(client("efs"), file_system) for file_system in file_systems],
        "mountTargets": [
            target for file_system in file_systems for target in _mount_targets(client("efs"), file_system)
        ],
        "accessPoints": [
            _access_point(client("efs"), access_point) for access_point in ids.get("AWS::EFS::AccessPoint", [])
        ],
        "computeEnvironments": _environments(client("batch"), ids.get("AWS::Batch::ComputeEnvironment", [])),
        "jobQueues": _queues(client("batch"), ids.get("AWS::Batch::JobQueue", [])),
        "jobDefinitions": _definitions(client("batch"), ids.get("AWS::Batch::JobDefinition", [])),
    }


def _vpc(ec2: Any, vpc: str) -> Facts:
    [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    gateways = ec2.describe_nat_gateways(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NatGateways"]
    return {
        "id": vpc,
        "cidr": found["CidrBlock"],
        "subnets": len(subnets),
        "zones": sorted({subnet["AvailabilityZone"] for subnet in subnets}),
        "natGateways": sum(gateway["State"] == "available" for gateway in gateways),
    }


def _bucket(s3: Any, bucket: str) -> Facts:
    s3.head_bucket(Bucket=bucket)
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return {
        "name": bucket,
        "versioning": s3.get_bucket_versioning(Bucket=bucket).get("Status", "Off"),
        "encryption": rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"],
    }


def _file_system(efs: Any, file_system: str) -> Facts:
    [found] = efs.describe_file_systems(FileSystemId=file_system)["FileSystems"]
    return {
        "id": file_system,
        "state": found["LifeCycleState"],
        "throughputMode": found["ThroughputMode"],
        "provisionedMibps": found.get("ProvisionedThroughputInMibps"),
        "encrypted": found["Encrypted"],
        "availabilityZone": found.get("AvailabilityZoneName"),
    }


def _mount_targets(efs: Any, file_system: str) -> list[Facts]:
    found = efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
    return [
        {
            "id": target["MountTargetId"],
            "fileSystem": file_system,
            "zone": target["AvailabilityZoneName"],
            "subnet": target["SubnetId"],
            "ip": target["IpAddress"],
        }
        for target in found
    ]


def _access_point(efs: Any, access_point: str) -> Facts:
    [found] = efs.describe_access_points(AccessPointId=access_point)["AccessPoints"]
    return {
        "id": access_point,
        "fileSystem": found["FileSystemId"],
        "rootDirectory": found["RootDirectory"]["Path"],
        "posixUser": found.get("PosixUser"),
    }


def _environments(batch: Any, arns: list[str]) -> list[Facts]:
    found = batch.describe_compute_environments(computeEnvironments=arns)["computeEnvironments"] if arns else []
    return [
        {
            "name": environment["computeEnvironmentName"],
            "status": environment["status"],
            "type": environment["computeResources"]["type"],
            "maxvCpus": environment["computeResources"]["maxvCpus"],
            "allocationStrategy": environment["computeResources"].get("allocationStrategy"),
        }
        for environment in _in_order(found, "computeEnvironmentArn", arns)
    ]


def _queues(batch: Any, arns: list[str]) -> list[Facts]:
    found = batch.describe_job_queues(jobQueues=arns)["jobQueues"] if arns else []
    return [
        {
            "name": queue["jobQueueName"],
            "status": queue["status"],
            "computeEnvironments": [
                entry["computeEnvironment"].rsplit("/", 1)[-1] for entry in queue["computeEnvironmentOrder"]
            ],
            "tags": queue["tags"],
        }
        for queue in _in_order(found, "jobQueueArn", arns)
    ]


def _definitions(batch: Any, arns: list[str]) -> list[Facts]:
    found = batch.describe_job_definitions(jobDefinitions=arns)["jobDefinitions"] if arns else []
    return [
        {
            "name": f"{definition['jobDefinitionName']}:{definition['revision']}",
            "status": definition["status"],
            "platform": definition["platformCapabilities"],
            "image": definition.get("containerProperties", {}).get("image"),
            "mounts": [
                mount["containerPath"] for mount in definition.get("containerProperties", {}).get("mountPoints", [])
            ],
        }
        for definition in _in_order(found, "jobDefinitionArn", arns)
    ]


def _in_order(records: Iterable[Any], key: str, wanted: list[str]) -> list[Any]:
    return sorted(records, key=lambda record: wanted.index(record[key]))
