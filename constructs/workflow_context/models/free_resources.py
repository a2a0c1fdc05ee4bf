"""Resource types without a charge while nothing runs, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

_NONE = "no charge of its own"
_USE = "charged by use only"

FREE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "AWS::ApiGatewayV2::Integration",
            "AWS::ApiGatewayV2::Route",
            "AWS::ApiGatewayV2::Stage",
            "AWS::Batch::JobDefinition",
            "AWS::Batch::JobQueue",
            "AWS::Batch::SchedulingPolicy",
            "AWS::CDK::Metadata",
            "AWS::EC2::EIPAssociation",
            "AWS::EC2::EgressOnlyInternetGateway",
            "AWS::EC2::InternetGateway",
            "AWS::EC2::LaunchTemplate",
            "AWS::EC2::NetworkAcl",
            "AWS::EC2::NetworkAclEntry",
            "AWS::EC2::PlacementGroup",
            "AWS::EC2::Route",
            "AWS::EC2::RouteTable",
            "AWS::EC2::SecurityGroup",
            "AWS::EC2::SecurityGroupEgress",
            "AWS::EC2::SecurityGroupIngress",
            "AWS::EC2::Subnet",
            "AWS::EC2::SubnetNetworkAclAssociation",
            "AWS::EC2::SubnetRouteTableAssociation",
            "AWS::EC2::VPC",
            "AWS::EC2::VPCGatewayAttachment",
            "AWS::ECS::Cluster",
            "AWS::ECS::TaskDefinition",
            "AWS::EFS::AccessPoint",
            "AWS::EFS::MountTarget",
            "AWS::FSx::DataRepositoryAssociation",
            "AWS::IAM::InstanceProfile",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::Policy",
            "AWS::IAM::Role",
            "AWS::IAM::ServiceLinkedRole",
            "AWS::KMS::Alias",
            "AWS::Lambda::Permission",
            "AWS::Lambda::Url",
            "AWS::Logs::LogStream",
            "AWS::Logs::ResourcePolicy",
            "AWS::S3::AccessPoint",
            "AWS::S3::BucketPolicy",
            "AWS::S3Files::AccessPoint",
            "AWS::S3Files::FileSystemPolicy",
            "AWS::S3Files::MountTarget",
            "AWS::SNS::Subscription",
            "AWS::SNS::TopicPolicy",
            "AWS::SQS::QueuePolicy",
            "AWS::SecretsManager::ResourcePolicy",
        ),
        _NONE,
    ),
    **dict.fromkeys(
        (
            "AWS::ApiGatewayV2::Api",
            "AWS::EC2::FlowLog",
            "AWS::Events::Rule",
            "AWS::Lambda::Function",
            "AWS::SNS::Topic",
            "AWS::SQS::Queue",
            "AWS::Scheduler::Schedule",
            "AWS::Scheduler::ScheduleGroup",
            "AWS::StepFunctions::StateMachine",
        ),
        _USE,
    ),
    "AWS::SSM::Document": _NONE,
    "AWS::SSM::Parameter": "standard parameters have no charge",
}
"""Resource types by the reason why an idle month of them is free."""


def free_reason(resource_type: str) -> str | None:
    """Return why a resource type costs nothing while idle, or None if that is not known."""
    if resource_type.startswith(("Custom::", "AWS::CloudFormation::")):
        return "runs at deployment only"
    return FREE.get(resource_type)
