"""The user of an access point, and a file system that was retained, in a project file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from templates import Template, Templates, only, resources

PROJECT = """\
name: Again
schemaVersion: 1
contexts:
  retained:
    engines:
      - type: snakemake
        engine: snakemake
        filesystem:
          fsType: EFS
          configuration: {fileSystemId: fs-0123456789abcdef0, posixUser: {uid: 1000, gid: 1001}}
  point:
    engines:
      - type: snakemake
        engine: snakemake
        filesystem:
          fsType: EFS
          configuration: {fileSystemId: fs-0123456789abcdef0, accessPointId: fsap-0123456789abcdef0}
  files:
    engines:
      - type: snakemake
        engine: snakemake
        filesystem: {fsType: S3Files, configuration: {posixUser: {uid: 1000, gid: 1001}}}
"""


@pytest.fixture(scope="module")
def templates(synthesize: Callable[..., Templates], tmp_path_factory: pytest.TempPathFactory) -> Templates:
    file: Path = tmp_path_factory.mktemp("project") / "agc-project.yaml"
    file.write_text(PROJECT)
    return synthesize(file)


@pytest.fixture
def retained(templates: Templates) -> Template:
    return templates["Again-retained"]


def test_a_retained_file_system_gets_mount_targets_for_its_new_context(retained: Template) -> None:
    targets = resources(retained, "AWS::EFS::MountTarget")
    assert len(targets) == 2
    assert {one["Properties"]["FileSystemId"] for one in targets.values()} == {"fs-0123456789abcdef0"}
    assert not resources(retained, "AWS::EFS::FileSystem")
    for environment in resources(retained, "AWS::Batch::ComputeEnvironment").values():
        assert set(targets) <= set(environment["DependsOn"])


def test_another_user_finds_the_directory_that_it_had(retained: Template) -> None:
    assert only(retained, "AWS::EFS::AccessPoint")["RootDirectory"]["Path"] == "/workflow-1000-1001"


def test_an_access_point_that_stayed_too_is_used_again(templates: Templates) -> None:
    template = templates["Again-point"]
    assert not resources(template, "AWS::EFS::AccessPoint")
    assert len(resources(template, "AWS::EFS::MountTarget")) == 2
    assert template["Outputs"]["AccessPointId"]["Value"] == "fsap-0123456789abcdef0"


def test_s3_files_has_the_user_that_is_written_in_a_directory_of_its_own(templates: Templates) -> None:
    point = only(templates["Again-files"], "AWS::S3Files::AccessPoint")
    assert point["PosixUser"] == {"Uid": "1000", "Gid": "1001"}
    assert point["RootDirectory"]["Path"] == "/workflow-1000-1001"
