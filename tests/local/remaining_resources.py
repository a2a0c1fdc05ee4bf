"""What stands in an account, across services: what a destroyed stack must not leave."""


def leftovers(cloud) -> dict[str, list[str]]:
    """Name everything there is, by kind, without the CDK's own bootstrap and what an account is born with."""
    batch, ec2, efs, iam, s3 = (cloud.client(service) for service in ("batch", "ec2", "efs", "iam", "s3"))
    ours = {
        "environments": _names(batch.describe_compute_environments()["computeEnvironments"], "computeEnvironmentName"),
        "queues": _names(batch.describe_job_queues()["jobQueues"], "jobQueueName"),
        "definitions": _names(batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"], "jobDefinitionName"),
        "addresses": _names(ec2.describe_addresses()["Addresses"], "AllocationId"),
        "flow logs": _names(ec2.describe_flow_logs()["FlowLogs"], "FlowLogId"),
        "launch templates": _names(ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateId"),
        "gateways": _names(ec2.describe_nat_gateways()["NatGateways"], "NatGatewayId"),
        "endpoints": _names(ec2.describe_vpc_endpoints()["VpcEndpoints"], "VpcEndpointId"),
        "vpcs": [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "file systems": _names(efs.describe_file_systems()["FileSystems"], "FileSystemId"),
        "access points": _names(efs.describe_access_points()["AccessPoints"], "AccessPointId"),
        "roles": _names(iam.list_roles()["Roles"], "RoleName"),
        "profiles": _names(iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"),
        "policies": _names(iam.list_policies(Scope="Local")["Policies"], "PolicyName"),
        "keys": _living_keys(cloud.client("kms")),
        "log groups": _names(cloud.client("logs").describe_log_groups()["logGroups"], "logGroupName"),
        "buckets": _names(s3.list_buckets()["Buckets"], "Name"),
        "parameters": _names(cloud.client("ssm").describe_parameters()["Parameters"], "Name"),
        "topics": _names(cloud.client("sns").list_topics()["Topics"], "TopicArn"),
        "alarms": _names(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"], "AlarmName"),
        "dashboards": _names(cloud.client("cloudwatch").list_dashboards()["DashboardEntries"], "DashboardName"),
        "secrets": _names(cloud.client("secretsmanager").list_secrets()["SecretList"], "Name"),
    }
    default = {group["VpcId"] for group in ec2.describe_security_groups()["SecurityGroups"]}
    default -= {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    ours["orphaned security groups"] = sorted(default)
    return {kind: names for kind, found in ours.items() if (names := [name for name in found if "cdk-" not in name])}


def _names(records: list[dict], key: str) -> list[str]:
    return [record[key] for record in records if "AWSServiceRole" not in record[key]]


def _living_keys(kms) -> list[str]:
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    return [key["KeyId"] for key in keys if key["KeyState"] != "PendingDeletion" and key["KeyManager"] == "CUSTOMER"]
