"""The security and lifecycle rules: each holds for every variant of a context, with and without feature flags."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from templates import Template, Templates, only, resources

ALLOWED_EVERYWHERE = {
    # Actions that AWS offers no resource level for, or that read no data.
    "batch:DescribeComputeEnvironments",
    "batch:DescribeJobQueues",
    "batch:DescribeJobs",
    "batch:DescribeJobDefinitions",
    "batch:ListJobs",
    "ec2:DescribeInstances",
    "ecr:GetAuthorizationToken",
    "ecs:DiscoverPollEndpoint",
}


@pytest.fixture(scope="module", params=["variants", "bare_variants"])
def templates(request: pytest.FixtureRequest) -> Templates:
    found: Templates = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def contexts(templates: Templates) -> dict[str, Template]:
    return {name: template for name, template in templates.items() if resources(template, "AWS::Batch::JobQueue")}


def each(templates: Templates | dict[str, Template], type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, template in templates.items():
        for name, resource in resources(template, type_).items():
            yield f"{stack}/{name}", resource


def statements(templates: Templates | dict[str, Template]) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, policy in each(templates, "AWS::IAM::Policy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield where, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class TestNetwork:
    def test_nothing_is_let_in_from_an_address_range(self, templates: Templates) -> None:
        for where, group in each(templates, "AWS::EC2::SecurityGroup"):
            assert "SecurityGroupIngress" not in group["Properties"], where
        for where, rule in each(templates, "AWS::EC2::SecurityGroupIngress"):
            assert "SourceSecurityGroupId" in rule["Properties"], where
            assert not {"CidrIp", "CidrIpv6"} & set(rule["Properties"]), where

    def test_only_nfs_is_let_in_and_only_from_the_groups_of_the_context(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            groups = set(resources(template, "AWS::EC2::SecurityGroup"))
            for rule in resources(template, "AWS::EC2::SecurityGroupIngress").values():
                properties = rule["Properties"]
                assert (properties["FromPort"], properties["ToPort"]) == (2049, 2049), stack
                assert properties["SourceSecurityGroupId"]["Fn::GetAtt"][0] in groups, stack

    def test_a_vpc_has_the_free_s3_endpoint_and_names_for_mounts(self, templates: Templates) -> None:
        for where, vpc in each(templates, "AWS::EC2::VPC"):
            assert vpc["Properties"]["EnableDnsSupport"] is True, where
            assert vpc["Properties"]["EnableDnsHostnames"] is True, where
        endpoints = [one["Properties"] for _, one in each(templates, "AWS::EC2::VPCEndpoint")]
        assert {endpoint["VpcEndpointType"] for endpoint in endpoints} == {"Gateway"}

    def test_no_function_runs_in_the_account(self, templates: Templates) -> None:
        assert not list(each(templates, "AWS::Lambda::Function"))


class TestEfs:
    def test_every_file_system_is_encrypted_and_general_purpose(self, contexts: dict[str, Template]) -> None:
        found = list(each(contexts, "AWS::EFS::FileSystem"))
        assert found
        for where, file_system in found:
            assert file_system["Properties"]["Encrypted"] is True, where
            assert file_system["Properties"]["PerformanceMode"] == "generalPurpose", where

    def test_the_policy_denies_clients_without_tls(self, contexts: dict[str, Template]) -> None:
        for where, file_system in each(contexts, "AWS::EFS::FileSystem"):
            deny, *_ = file_system["Properties"]["FileSystemPolicy"]["Statement"]
            assert deny["Effect"] == "Deny", where
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, where

    def test_clients_without_a_role_are_admitted_for_miniwdl_alone_and_by_an_access_point(
        self, contexts: dict[str, Template]
    ) -> None:
        """Tasks of miniwdl carry no role. Everybody else has one, and the right to one access point."""
        for stack, template in contexts.items():
            is_miniwdl = "miniwdl-aws" in json.dumps(resources(template, "AWS::Batch::JobDefinition"))
            for where, file_system in each({stack: template}, "AWS::EFS::FileSystem"):
                _, *allowed = file_system["Properties"]["FileSystemPolicy"]["Statement"]
                assert len(allowed) == is_miniwdl, where
                for allow in allowed:
                    actions = {"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"}
                    assert actions < set(allow["Action"]), where
                    assert allow["Condition"]["Bool"] == {"elasticfilesystem:AccessedViaMountTarget": "true"}, where
                    assert "access-point/*" in json.dumps(allow["Condition"]["ArnLike"]), where

    def test_root_access_comes_only_with_a_root_user(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            for access_point in resources(template, "AWS::EFS::AccessPoint").values():
                user = access_point["Properties"]["PosixUser"]
                policies = json.dumps(resources(template, "AWS::IAM::Policy"))
                assert "elasticfilesystem:ClientMount" in policies, stack
                assert ("elasticfilesystem:ClientRootAccess" in policies) == (user["Uid"] == "0"), stack

    def test_the_access_point_has_a_directory_of_its_user(self, contexts: dict[str, Template]) -> None:
        for where, access_point in each(contexts, "AWS::EFS::AccessPoint"):
            properties = access_point["Properties"]
            directory, user = properties["RootDirectory"], properties["PosixUser"]
            assert directory["CreationInfo"]["OwnerUid"] == user["Uid"], where
            ids = "" if user["Uid"] == user["Gid"] == "0" else f"-{user['Uid']}-{user['Gid']}"
            assert directory["Path"] == f"/workflow{ids}", where

    def test_there_is_one_mount_target_in_a_subnet(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            subnets = [
                json.dumps(one["Properties"]["SubnetId"])
                for one in resources(template, "AWS::EFS::MountTarget").values()
            ]
            assert len(subnets) == len(set(subnets)), stack

    def test_our_job_definitions_mount_with_tls_iam_and_the_access_point(self, contexts: dict[str, Template]) -> None:
        for where, definition in each(contexts, "AWS::Batch::JobDefinition"):
            for volume in definition["Properties"]["ContainerProperties"]["Volumes"]:
                mount = volume["EfsVolumeConfiguration"]
                assert mount["TransitEncryption"] == "ENABLED", where
                assert mount["AuthorizationConfig"]["Iam"] == "ENABLED", where
                assert mount["AuthorizationConfig"]["AccessPointId"], where


class TestBatch:
    def test_ec2_environments_name_an_al2023_image(self, contexts: dict[str, Template]) -> None:
        for where, environment in each(contexts, "AWS::Batch::ComputeEnvironment"):
            computing = environment["Properties"]["ComputeResources"]
            if computing["Type"] in ("EC2", "SPOT"):
                [image] = computing["Ec2Configuration"]
                assert image["ImageType"] in ("ECS_AL2023", "ECS_AL2023_NVIDIA"), where

    def test_environments_can_be_updated_in_place(self, contexts: dict[str, Template]) -> None:
        for where, environment in each(contexts, "AWS::Batch::ComputeEnvironment"):
            properties = environment["Properties"]
            assert properties["ReplaceComputeEnvironment"] is False, where
            assert "ServiceRole" not in properties, where
            assert "ComputeEnvironmentName" not in properties, where
            computing = properties["ComputeResources"]
            if "AllocationStrategy" in computing:
                assert computing["AllocationStrategy"] in ("SPOT_PRICE_CAPACITY_OPTIMIZED", "BEST_FIT_PROGRESSIVE")
                assert computing["UpdateToLatestImageVersion"] is True, where
                assert computing["LaunchTemplate"]["Version"]["Fn::GetAtt"][1] == "LatestVersionNumber", where

    def test_user_data_is_a_mime_archive(self, contexts: dict[str, Template]) -> None:
        for where, launch_template in each(contexts, "AWS::EC2::LaunchTemplate"):
            text = json.dumps(launch_template["Properties"]["LaunchTemplateData"]["UserData"])
            assert "multipart/mixed" in text, where
            assert "MIME-Version: 1.0" in text, where

    def test_instances_demand_imdsv2_and_have_an_encrypted_gp3_root(self, contexts: dict[str, Template]) -> None:
        for where, launch_template in each(contexts, "AWS::EC2::LaunchTemplate"):
            data = launch_template["Properties"]["LaunchTemplateData"]
            assert data["MetadataOptions"]["HttpTokens"] == "required", where
            assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 2, where
            [root] = data["BlockDeviceMappings"]
            assert root["Ebs"]["Encrypted"] is True, where
            assert root["Ebs"]["VolumeType"] == "gp3", where

    def test_no_queue_has_a_name_and_each_cancels_jobs_that_can_never_run(self, contexts: dict[str, Template]) -> None:
        for where, queue in each(contexts, "AWS::Batch::JobQueue"):
            assert "JobQueueName" not in queue["Properties"], where
            reasons = {action["Reason"] for action in queue["Properties"]["JobStateTimeLimitActions"]}
            assert reasons == {
                "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
                "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
            }, where

    def test_spot_and_on_demand_are_never_in_one_queue(self, contexts: dict[str, Template]) -> None:
        for where, queue in each(contexts, "AWS::Batch::JobQueue"):
            assert len(queue["Properties"]["ComputeEnvironmentOrder"]) == 1, where

    def test_a_retry_is_for_images_that_were_not_given_and_lost_machines_only(
        self, contexts: dict[str, Template]
    ) -> None:
        for where, definition in each(contexts, "AWS::Batch::JobDefinition"):
            retry = definition["Properties"]["RetryStrategy"]
            assert retry["Attempts"] >= 3, where
            *pulls_and_lost, last = retry["EvaluateOnExit"]
            assert pulls_and_lost[:2] == [
                {"Action": "RETRY", "OnReason": "CannotPullContainerError*"},
                {"Action": "RETRY", "OnReason": "DockerTimeoutError*"},
            ], where
            assert pulls_and_lost[2:] in ([], [{"Action": "RETRY", "OnStatusReason": "Host EC2*"}]), where
            assert last == {"Action": "EXIT", "OnReason": "*"}, where

    def test_an_update_leaves_the_definition_that_head_jobs_at_work_submit_with(
        self, contexts: dict[str, Template]
    ) -> None:
        for where, definition in each(contexts, "AWS::Batch::JobDefinition"):
            assert definition["Properties"]["ResourceRetentionPolicy"] == {"SkipDeregisterOnUpdate": True}, where

    def test_jobs_at_work_may_end_when_an_environment_changes(self, contexts: dict[str, Template]) -> None:
        """7,200 minutes are the most there is."""
        for where, environment in each(contexts, "AWS::Batch::ComputeEnvironment"):
            policy = environment["Properties"].get("UpdatePolicy")
            fargate = environment["Properties"]["ComputeResources"]["Type"].startswith("FARGATE")
            assert fargate or policy["JobExecutionTimeoutMinutes"] == 7200, where

    def test_every_job_definition_ends_some_day(self, contexts: dict[str, Template]) -> None:
        for where, definition in each(contexts, "AWS::Batch::JobDefinition"):
            assert definition["Properties"]["Timeout"]["AttemptDurationSeconds"] > 0, where

    def test_images_have_an_upstream_tag(self, contexts: dict[str, Template]) -> None:
        for where, definition in each(contexts, "AWS::Batch::JobDefinition"):
            image = definition["Properties"]["ContainerProperties"]["Image"]
            assert re.search(r":v?\d", image), where


class TestOrder:
    def test_environments_and_definitions_wait_for_the_mount_targets(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            targets = set(resources(template, "AWS::EFS::MountTarget"))
            for type_ in ("AWS::Batch::ComputeEnvironment", "AWS::Batch::JobDefinition"):
                for name, resource in resources(template, type_).items():
                    assert targets <= set(resource.get("DependsOn", [])), f"{stack}/{name}"

    def test_environments_are_deleted_before_their_role_and_its_policies(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            for name, environment in resources(template, "AWS::Batch::ComputeEnvironment").items():
                if environment["Properties"]["ComputeResources"]["Type"] == "FARGATE":
                    continue
                needs = set(environment["DependsOn"])
                profile = environment["Properties"]["ComputeResources"]["InstanceRole"]["Fn::GetAtt"][0]
                [role] = template["Resources"][profile]["Properties"]["Roles"]
                policies = {
                    policy
                    for policy, one in resources(template, "AWS::IAM::Policy").items()
                    if role in one["Properties"]["Roles"]
                    # One that names the queues cannot come before the environments that the queues need.
                    and '"JobQueueArn"' not in json.dumps(one)
                }
                assert {role["Ref"], *policies} <= needs, f"{stack}/{name}"


class TestRights:
    def test_no_action_is_a_wildcard(self, templates: Templates) -> None:
        for where, statement in statements(templates):
            if statement["Effect"] == "Allow":
                assert not [action for action in as_list(statement["Action"]) if "*" in action], where

    def test_all_resources_are_allowed_only_where_there_is_no_resource_level(self, templates: Templates) -> None:
        for where, statement in statements(templates):
            if "*" in as_list(statement["Resource"]):
                assert set(as_list(statement["Action"])) <= ALLOWED_EVERYWHERE, where

    def test_read_only_data_is_never_written(self, contexts: dict[str, Template]) -> None:
        for where, statement in statements(contexts):
            if "public-references" in json.dumps(statement["Resource"]):
                writing = [action for action in as_list(statement["Action"]) if re.search("Put|Delete|Abort", action)]
                # Statements with the same actions are merged; one about read-only data holds reading actions alone.
                assert not writing, where

    def test_data_with_a_prefix_is_read_below_the_prefix_only(self, contexts: dict[str, Template]) -> None:
        objects = [
            resource
            for _, statement in statements(contexts)
            for resource in as_list(statement["Resource"])
            if "lab-cohorts/" in json.dumps(resource)
        ]
        assert objects
        assert all("lab-cohorts/wgs/*" in json.dumps(resource) for resource in objects)

    def test_a_context_reaches_its_own_prefix_of_the_bucket_only(self, contexts: dict[str, Template]) -> None:
        for where, statement in statements(contexts):
            name = where.split("/")[0].split("-")[1]
            for resource in as_list(statement["Resource"]):
                text = json.dumps(resource)
                if "core" in text and text.endswith('*"]]}'):
                    assert re.search(rf'"/contexts/{name}/([a-z-]+/)*\*"', text), where

    def test_head_jobs_submit_to_the_queues_of_their_context_only(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            [submit] = [
                statement
                for where, statement in statements({stack: template})
                if "HeadRole" in where and "batch:SubmitJob" in statement["Action"]
            ]
            queues = [one for one in submit["Resource"] if "Fn::GetAtt" in one]
            own = set(resources(template, "AWS::Batch::JobQueue"))
            assert {queue["Fn::GetAtt"][0] for queue in queues} <= own, stack
            assert len(queues) == len(own) - 1, stack  # all but the head queue

    def test_no_role_tags_jobs_that_are_there(self, contexts: dict[str, Template]) -> None:
        """By tags some head jobs know which jobs they may end."""
        found = [
            (where, json.dumps(resource))
            for where, statement in statements(contexts)
            if {"batch:TagResource", "batch:UntagResource"} & set(as_list(statement["Action"]))
            for resource in as_list(statement["Resource"])
        ]
        assert found
        for where, resource in found:
            assert ":job-definition/" in resource or "Queue" in resource, where

    def test_instances_heads_tasks_and_execution_have_roles_of_their_own(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            names = {
                re.split(r"(Compute|Engine)", name, maxsplit=1)[-1][:-8]
                for name in resources(template, "AWS::IAM::Role")
            }
            assert {"InstanceRole", "HeadRole", "ExecutionRole"} <= names, stack


class TestBuckets:
    def test_buckets_are_private_encrypted_and_kept(self, templates: Templates) -> None:
        for where, bucket in each(templates, "AWS::S3::Bucket"):
            assert bucket["DeletionPolicy"] == "Retain", where
            properties = bucket["Properties"]
            assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, where
            assert properties["BucketEncryption"], where

    def test_buckets_refuse_requests_without_tls(self, templates: Templates) -> None:
        for where, policy in each(templates, "AWS::S3::BucketPolicy"):
            assert {"Bool": {"aws:SecureTransport": "false"}} in [
                statement.get("Condition") for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            ], where

    def test_retained_things_are_outputs(self, templates: Templates) -> None:
        for stack, template in templates.items():
            kept = {
                name
                for name, resource in template["Resources"].items()
                if resource.get("DeletionPolicy") == "Retain" and resource["Type"] != "AWS::EFS::AccessPoint"
            }
            shown = json.dumps(template["Outputs"])
            assert not [name for name in kept if f'"Ref": "{name}"' not in shown], stack


class TestPortability:
    def test_no_template_names_a_region_an_account_or_a_partition(self, bare_variants: Templates) -> None:
        for stack, template in bare_variants.items():
            text = re.sub(r"arn:aws:(kms|iam)[^\"]*123456789012[^\"]*", "", json.dumps(template))
            text = text.replace("service-role/", "")
            assert not re.findall(r"us-east-1|123456789012|arn:aws:", text), stack


def test_the_settings_of_the_ecs_agent_reach_the_instance(variants: Templates) -> None:
    data = only(variants["Variants-onDemand"], "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in json.dumps(data["UserData"])
