"""What contexts share neither follows from which of them are deployed, nor goes while one of them lives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from templates import ACCOUNT, REGION, ZONES, Template, Templates, resources

from workflow_stacks import build_app

CHOICES: list[dict[str, str]] = [
    {"context": "s3"},
    {"context": "fsx", "user": "ada"},
    {"context": "ofs,s3files", "user": "bob"},
]
PROJECT = """\
name: Net
schemaVersion: 1
contexts:
  efs: {{usePublicSubnets: {public}, engines: [{{type: wdl, engine: miniwdl}}]}}
  files: {{usePublicSubnets: {public}, engines: [{{type: wdl, engine: miniwdl, filesystem: {{fsType: S3Files}}}}]}}
  lustre: {{usePublicSubnets: {public}, engines: [{{type: wdl, engine: miniwdl, filesystem: {{fsType: FSxLustre}}}}]}}
"""


@pytest.fixture(scope="module")
def chosen(projects: Path) -> list[cdk.cx_api.CloudAssembly]:
    return [build_app(projects / "storages.yaml", context=choice).synth() for choice in CHOICES]


def test_the_core_stack_is_the_same_whichever_contexts_and_user_are_chosen(
    chosen: list[cdk.cx_api.CloudAssembly], storages: Templates
) -> None:
    for one in chosen:
        assert one.get_stack_by_name("Storages-core").template == storages["Storages-core"]


def test_what_a_context_takes_from_core_is_exported_so_that_core_cannot_go_under_it(storages: Templates) -> None:
    exports = {one["Export"]["Name"] for one in storages["Storages-core"]["Outputs"].values() if "Export" in one}
    for name, template in storages.items():
        if not name.endswith("-core"):
            imported = set(_imports(template))
            assert imported
            assert imported <= exports
            assert "Fn::GetStackOutput" not in json.dumps(template)


def _imports(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["Fn::ImportValue"]] if "Fn::ImportValue" in node else []
        return own + [name for value in node.values() for name in _imports(value)]
    return [name for value in node for name in _imports(value)] if isinstance(node, list) else []


def test_aws_refuses_to_delete_the_core_stack_until_it_is_told_otherwise(
    chosen: list[cdk.cx_api.CloudAssembly], projects: Path
) -> None:
    assert all(one.get_stack_by_name("Storages-core").termination_protection for one in chosen)
    app = build_app(projects / "minimal.yaml", context={"terminationProtection": "false"})
    core = next(stack for stack in app.synth().stacks if stack.stack_name.endswith("-core"))
    assert not core.termination_protection


def test_the_tags_of_a_stack_say_whose_it_is(chosen: list[cdk.cx_api.CloudAssembly]) -> None:
    core, context = chosen[1].stacks
    assert core.tags == {"workflow-context:project": "Storages"}
    assert context.tags == {
        "workflow-context:project": "Storages",
        "workflow-context:context": "fsx",
        "workflow-context:user": "ada",
    }


def test_no_user_can_reach_into_a_context_by_her_name(projects: Path) -> None:
    from workflow_stacks.project import load_project

    project = load_project(projects / "minimal.yaml")
    places = [project.bucket_prefix("dev"), project.bucket_prefix("work", "dev"), project.bucket_prefix("dev", "dev")]
    for one in places:
        assert not [other for other in places if other != one and f"{other}/".startswith(f"{one}/")]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, synthesize: Callable[..., Templates]) -> list[Templates]:
    file = tmp_path_factory.mktemp("net") / "agc-project.yaml"

    def templates(public: str) -> Templates:
        file.write_text(PROJECT.format(public=public))
        return synthesize(file, zones=True)

    return [templates("false"), templates("true")]


class TestPublicAndPrivate:
    def test_nothing_of_the_core_stack_changes(self, moved: list[Templates]) -> None:
        private, public = moved
        assert private["Net-core"] == public["Net-core"]

    @pytest.mark.parametrize(
        ("context", "type_"),
        [
            ("efs", "AWS::EFS::MountTarget"),
            ("efs", "AWS::EFS::FileSystem"),
            ("files", "AWS::S3Files::MountTarget"),
            ("files", "AWS::S3Files::FileSystem"),
            ("lustre", "AWS::FSx::FileSystem"),
        ],
    )
    def test_the_file_system_and_its_mount_targets_stay_where_they_are(
        self, moved: list[Templates], context: str, type_: str
    ) -> None:
        private, public = (_kept(templates[f"Net-{context}"], type_) for templates in moved)
        assert private
        assert private == public

    def test_the_jobs_do_move(self, moved: list[Templates]) -> None:
        private, public = (_subnets(templates["Net-efs"]) for templates in moved)
        assert not private & public


def _kept(template: Template, type_: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources(template, type_).items()}


def _subnets(template: Template) -> set[str]:
    environments = resources(template, "AWS::Batch::ComputeEnvironment").values()
    return {json.dumps(subnet) for one in environments for subnet in one["Properties"]["ComputeResources"]["Subnets"]}


@pytest.fixture(scope="module")
def bounded(projects: Path) -> Templates:
    keys = {"permissionsBoundaryArn": "arn:aws:iam::123456789012:policy/Lab", "rolePath": "/genomics/"}
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    assembly = build_app(projects / "minimal.yaml", context={**keys, **ZONES}, env=env).synth()
    return {stack.stack_name: stack.template for stack in assembly.stacks}


class TestRoles:
    def test_every_role_of_every_stack_has_the_boundary_and_the_path(self, bounded: Templates) -> None:
        for template in bounded.values():
            roles = resources(template, "AWS::IAM::Role").values()
            assert roles
            for role in roles:
                assert role["Properties"]["Path"] == "/genomics/"
                assert role["Properties"]["PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/Lab"
