"""`compliance: hipaa` switches on what health data needs, and refuses what contradicts it."""

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from workflow_stacks import build_app
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import ProjectFileError, load_project, validate_project

INVALID = Path(__file__).parents[1] / "projects" / "invalid" / "health-data-contradicted.yaml"
PATIENTS = """
name: Hospital
schemaVersion: 1
contexts:
  patients: {compliance: hipaa, engines: [{type: wdl, engine: miniwdl}]}
  others: {engines: [{type: wdl, engine: miniwdl}]}
  existing:
    compliance: hipaa
    engines:
      - type: wdl
        engine: miniwdl
        filesystem: {fsType: EFS, configuration: {fileSystemId: fs-0123456789abcdef0}}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("hospital") / "agc-project.yaml"
    file.write_text(PATIENTS)
    return file


@pytest.fixture(scope="module")
def app(file: Path) -> cdk.App:
    return build_app(file, contexts=["patients"])


@pytest.fixture(scope="module")
def patients(app: cdk.App) -> Template:
    stack = app.node.find_child("Hospital-patients")
    assert isinstance(stack, cdk.Stack)
    return Template.from_stack(stack)


def test_what_health_data_needs_is_on_though_it_is_not_written(file: Path) -> None:
    contexts = load_project(file).contexts
    patients, others = contexts["patients"], contexts["others"]
    assert (patients.log_retention_days, patients.termination_protection) == (2192, True)
    assert patients.filesystem.configuration.backup  # type: ignore[attr-defined]
    assert (others.log_retention_days, others.termination_protection) == (30, False)
    assert not others.filesystem.configuration.backup  # type: ignore[attr-defined]


def test_the_file_system_is_backed_up_encrypted_and_kept(patients: Template) -> None:
    patients.has_resource(
        "AWS::EFS::FileSystem",
        {
            "DeletionPolicy": "Retain",
            "Properties": Match.object_like({"BackupPolicy": {"Status": "ENABLED"}, "Encrypted": True}),
        },
    )


def test_logs_are_kept_for_six_years(patients: Template) -> None:
    patients.has_resource_properties("AWS::Logs::LogGroup", {"RetentionInDays": 2192})


def test_the_stack_is_protected(app: cdk.App, patients: Template) -> None:
    stack = app.node.find_child("Hospital-patients")
    assert isinstance(stack, cdk.Stack)
    assert stack.termination_protection
    assert patients


def test_an_existing_file_system_is_left_as_it_is(file: Path) -> None:
    validate_project(file, ["existing"])


def test_every_contradiction_is_refused_with_what_to_do() -> None:
    with pytest.raises(ProjectFileError) as error:
        validate_project(INVALID)
    found = {finding.path.replace("contexts.", ""): finding for finding in error.value.findings}
    assert {path.rpartition(".")[2] for path in found} == {
        *("usePublicSubnets", "logRetentionDays", "terminationProtection", "backup", "removalPolicy", "fsType")
    }
    assert all(finding.remedy and "hipaa" in finding.message for finding in found.values())


@pytest.mark.parametrize("setting", [{"bucketRemovalPolicy": "destroy"}, {"terminationProtection": "false"}])
def test_outputs_of_health_data_do_not_go_with_the_core_stack(file: Path, setting: dict[str, str]) -> None:
    with pytest.raises(WorkflowContextError, match="context 'patients' says compliance: hipaa"):
        build_app(file, contexts=["patients"], context=setting)
    build_app(file, contexts=["others"], context=setting)
