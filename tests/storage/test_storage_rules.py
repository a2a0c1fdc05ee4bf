"""The security and lifecycle rules of every context, held by the contexts on the other file systems too."""

import json

import pytest
import test_rules as rules
from templates import Template, Templates, resources

JOBS = ("AWS::Batch::ComputeEnvironment", "AWS::Batch::JobDefinition")


@pytest.fixture(scope="module", params=["storages", "bare_storages"])
def templates(request: pytest.FixtureRequest) -> Templates:
    found: Templates = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def contexts(templates: Templates) -> dict[str, Template]:
    return {name: template for name, template in templates.items() if resources(template, "AWS::Batch::JobQueue")}


class TestNetwork(rules.TestNetwork):
    def test_only_nfs_is_let_in_and_only_from_the_groups_of_the_context(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            groups = set(resources(template, "AWS::EC2::SecurityGroup"))
            lustre = bool(resources(template, "AWS::FSx::FileSystem"))
            for rule in resources(template, "AWS::EC2::SecurityGroupIngress").values():
                properties = rule["Properties"]
                allowed = {(988, 988), (1018, 1023)} if lustre else {(2049, 2049)}
                assert (properties["FromPort"], properties["ToPort"]) in allowed, stack
                assert properties["SourceSecurityGroupId"]["Fn::GetAtt"][0] in groups, stack


class TestBatch(rules.TestBatch):
    pass


class TestRights(rules.TestRights):
    def test_data_with_a_prefix_is_read_below_the_prefix_only(self, contexts: dict[str, Template]) -> None:
        """There is none here; see test_rules."""

    def test_all_resources_are_allowed_only_where_there_is_no_resource_level(self, templates: Templates) -> None:
        allowed = {*rules.ALLOWED_EVERYWHERE, "batch:DescribeJobQueues", "batch:DescribeComputeEnvironments"}
        for where, statement in rules.statements(templates):
            if "*" in rules.as_list(statement["Resource"]):
                assert set(rules.as_list(statement["Action"])) <= allowed, where

    def test_a_context_reaches_its_own_prefix_of_the_bucket_only(self, contexts: dict[str, Template]) -> None:
        for where, statement in rules.statements(contexts):
            name = where.split("/")[0].split("-")[1]
            for resource in rules.as_list(statement["Resource"]):
                text = json.dumps(resource)
                if "core" in text and text.endswith('*"]]}'):
                    assert f'"/contexts/{name}/' in text, where

    def test_head_jobs_submit_to_the_queues_of_their_context_only(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            own = set(resources(template, "AWS::Batch::JobQueue"))
            for where, statement in rules.statements({stack: template}):
                if "batch:SubmitJob" in statement["Action"]:
                    queues = {one["Fn::GetAtt"][0] for one in statement["Resource"] if "Fn::GetAtt" in one}
                    assert queues < own, where  # all but the head queue


class TestBuckets(rules.TestBuckets):
    def test_buckets_are_private_encrypted_and_kept(self, templates: Templates) -> None:
        for where, bucket in rules.each(templates, "AWS::S3::Bucket"):
            properties = bucket["Properties"]
            assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, where
            assert properties["BucketEncryption"], where


class TestOrder:
    def test_jobs_and_machines_wait_for_the_file_system_and_all_that_leads_to_it(
        self, contexts: dict[str, Template]
    ) -> None:
        for stack, template in contexts.items():
            needed = {
                name
                for name, resource in template["Resources"].items()
                if resource["Type"].startswith(("AWS::FSx::", "AWS::S3Files::MountTarget", "AWS::S3Files::AccessPoint"))
                or (resource["Type"] == "AWS::S3::Bucket" and "ofs" in stack)
            }
            for type_ in JOBS:
                for name, resource in resources(template, type_).items():
                    assert needed <= set(resource.get("DependsOn", [])), f"{stack}/{name}"

    def test_environments_are_deleted_before_their_role_and_the_policies_by_which_it_mounts(
        self, contexts: dict[str, Template]
    ) -> None:
        for stack, template in contexts.items():
            for name, environment in resources(template, JOBS[0]).items():
                if environment["Properties"]["ComputeResources"]["Type"] != "FARGATE":
                    profile = environment["Properties"]["ComputeResources"]["InstanceRole"]["Fn::GetAtt"][0]
                    [role] = template["Resources"][profile]["Properties"]["Roles"]
                    own = {
                        policy
                        for policy, one in resources(template, "AWS::IAM::Policy").items()
                        if role in one["Properties"]["Roles"] and "DefaultPolicy" in policy
                    }
                    assert own, f"{stack}/{name}"
                    assert {role["Ref"], *own} <= set(environment["DependsOn"]), f"{stack}/{name}"


class TestMachines:
    def test_user_data_fits_into_16_kib(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            for launch_template in resources(template, "AWS::EC2::LaunchTemplate").values():
                text = json.dumps(launch_template["Properties"]["LaunchTemplateData"]["UserData"])
                # Each reference counts with all its JSON here, which is more than what it becomes.
                assert len(text.encode()) < 16 * 1024, stack

    def test_user_data_holds_no_secret(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            text = json.dumps(resources(template, "AWS::EC2::LaunchTemplate"))
            assert "{{resolve:" not in text, stack

    def test_a_host_path_is_bound_only_where_the_machine_mounts_it(self, contexts: dict[str, Template]) -> None:
        for stack, template in contexts.items():
            machines = json.dumps(resources(template, "AWS::EC2::LaunchTemplate"))
            for definition in resources(template, JOBS[1]).values():
                for volume in definition["Properties"]["ContainerProperties"].get("Volumes", []):
                    if "Host" in volume:
                        assert f"export MOUNT_PATH={volume['Host']['SourcePath']}" in machines, stack
                        assert definition["Properties"]["PlatformCapabilities"] == ["EC2"], stack


def test_no_template_names_a_region_an_account_or_a_partition(bare_storages: Templates) -> None:
    rules.TestPortability().test_no_template_names_a_region_an_account_or_a_partition(
        {
            # What the project file itself names: the secrets of the licence.
            stack: json.loads(json.dumps(template).replace("arn:aws:secretsmanager:us-east-1:123456789012", ""))
            for stack, template in bare_storages.items()
        }
    )
