"""The shape of a project file."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from workflow_stacks.project import (
    Context,
    DataLocation,
    Engine,
    Project,
    ProjectFileError,
    load_project,
    parse_project,
)
from workflow_stacks.project.file_systems.efs import EfsConfiguration, EfsSettings, PosixUser

PROJECTS = Path(__file__).parents[1] / "projects"
AGC_FILES = sorted((PROJECTS / "agc").glob("*.yaml"))


def context(keys: str = "", configuration: str = "{}") -> Context:
    text = f"""\
name: Test
schemaVersion: 1
contexts:
  dev:
    engines: [{{type: wdl, engine: miniwdl, filesystem: {{fsType: EFS, configuration: {configuration}}}}}]
    {keys}
"""
    return parse_project(text.encode()).project.contexts["dev"]


def efs(configuration: str) -> EfsConfiguration:
    filesystem = context(configuration=configuration).filesystem
    assert filesystem is not None
    return filesystem.configuration


def refused(configuration: str) -> list[str]:
    with pytest.raises(ProjectFileError) as caught:
        efs(configuration)
    return [finding.message for finding in caught.value.findings]


@pytest.mark.parametrize("file", AGC_FILES, ids=lambda file: file.stem)
def test_every_published_agc_project_loads_unchanged(file: Path) -> None:
    project = load_project(file)

    assert project.schema_version == 1
    assert all(context.engine.engine for context in project.contexts.values())


def test_there_are_six_agc_projects() -> None:
    assert len(AGC_FILES) == 6


def test_the_version_of_a_language_is_text_as_written() -> None:
    workflows = load_project(PROJECTS / "agc" / "demo-nextflow-project.yaml").workflows

    assert [workflow.type.version for workflow in workflows.values()] == ["1.0", "1.0", "dsl2"]


def test_the_smallest_context_has_the_defaults_of_agc() -> None:
    dev = load_project(PROJECTS / "minimal.yaml").contexts["dev"]

    assert dev.max_vcpus == 256
    assert not dev.request_spot_instances
    assert not dev.use_public_subnets
    assert not dev.gpu
    assert dev.instance_types == ()
    assert dev.tags == {}
    assert dev.architecture == "x86_64"
    assert dev.root_volume_gib == 100
    assert dev.fallback_to_on_demand is None
    assert dev.permissions_boundary_arn is None
    assert dev.filesystem == EfsSettings(fs_type="EFS")


def test_an_unknown_file_system_is_an_error_that_names_those_there_are() -> None:
    text = (PROJECTS / "throughput.yaml").read_text().replace("fsType: EFS", "fsType: Tape")
    with pytest.raises(ProjectFileError) as caught:
        parse_project(text.encode())

    [finding] = caught.value.findings
    assert finding.message == "there is no file system 'Tape'"
    assert finding.allowed.startswith("EFS (Amazon EFS)")
    assert finding.path == "contexts.myContext.engines[0].filesystem.fsType"


def test_the_full_project_sets_every_key() -> None:
    project = load_project(PROJECTS / "full.yaml")
    contexts = project.contexts
    everything = contexts["everything"]
    configuration = everything.engine.filesystem and everything.engine.filesystem.configuration
    existing = contexts["existing"].engine.filesystem

    assert configuration is not None
    assert existing is not None
    written = configuration.model_fields_set | existing.configuration.model_fields_set
    gpus = contexts["gpus"].engine.filesystem
    assert gpus is not None
    assert written | gpus.configuration.model_fields_set == set(EfsConfiguration.model_fields)
    of_contexts = [contexts[name].model_fields_set for name in ("everything", "gpus", "shared")]
    assert set().union(*of_contexts) == set(Context.model_fields)
    assert project.model_fields_set == set(Project.model_fields)
    engines = [context.engine.model_fields_set for context in contexts.values()]
    assert set().union(*engines) == set(Engine.model_fields)
    assert set().union(*(location.model_fields_set for location in project.data)) == set(DataLocation.model_fields)


def test_the_full_project_reads_as_written() -> None:
    everything = load_project(PROJECTS / "full.yaml").contexts["everything"]
    filesystem = everything.filesystem

    assert everything.request_spot_instances
    assert everything.fallback_to_on_demand is False
    assert everything.tags == {"CostCenter": "0042", "Lab": "7 / genomics", "Archived": "false"}
    assert filesystem is not None
    assert filesystem.configuration.transition_to_ia == "AFTER_7_DAYS"
    assert filesystem.configuration.posix_user == PosixUser(uid=1234, gid=5678)
    assert filesystem.configuration.expiration_hours == 720


def test_the_documented_fragment_gives_provisioned_throughput() -> None:
    filesystem = load_project(PROJECTS / "throughput.yaml").contexts["myContext"].filesystem

    assert filesystem is not None
    assert filesystem.configuration.throughput_mode == "provisioned"
    assert filesystem.configuration.provisioned_throughput == 1024


@pytest.mark.parametrize("amount", [1, 1024, 3414])
def test_provisioned_throughput_implies_its_mode(amount: int) -> None:
    configuration = efs(f"{{provisionedThroughput: {amount}}}")

    assert (configuration.throughput_mode, configuration.provisioned_throughput) == ("provisioned", amount)


def test_throughput_is_bursting_when_nothing_is_said() -> None:
    assert efs("{}").throughput_mode == "bursting"
    assert efs("{provisionedThroughput: }").throughput_mode == "bursting"


@pytest.mark.parametrize("mode", ["bursting", "elastic"])
def test_fails_when_another_mode_has_a_provisioned_throughput(mode: str) -> None:
    [message] = refused(f"{{throughputMode: {mode}, provisionedThroughput: 128}}")

    assert message == f"128 MiB/s is given, but throughputMode is {mode}"


def test_archive_needs_elastic_throughput_and_comes_after_infrequent_access() -> None:
    assert efs("{throughputMode: elastic, transitionToArchive: AFTER_90_DAYS}").transition_to_archive
    assert len(refused("{transitionToIA: AFTER_30_DAYS, transitionToArchive: AFTER_30_DAYS}")) == 2


def test_an_import_may_say_how_long_runs_stay() -> None:
    ids = "fileSystemId: fs-12345678, accessPointId: fsap-12345678, securityGroupId: sg-12345678"

    assert efs(f"{{{ids}}}").is_imported
    assert efs(f"{{{ids}, expirationHours: 24}}").expiration_hours == 24


def test_an_import_refuses_each_key_that_makes_a_new_file_system() -> None:
    ids = "fileSystemId: fs-12345678, accessPointId: fsap-12345678, securityGroupId: sg-12345678"
    keys = "throughputMode: elastic, removalPolicy: retain, posixUser: {uid: 1, gid: 1}"

    assert len(refused(f"{{{ids}, {keys}}}")) == 3


@pytest.mark.parametrize("flag", ["true", "True", "yes", "on", "ON"])
def test_flags_may_be_written_as_in_yaml_1_1(flag: str) -> None:
    assert context(f"requestSpotInstances: {flag}").request_spot_instances


def test_lists_and_mappings_may_be_left_empty() -> None:
    project = parse_project(b"name: Empty\nschemaVersion: 1\nworkflows:\ndata:\ncontexts:\n").project

    assert (project.workflows, project.data, project.contexts) == ({}, (), {})


@pytest.mark.parametrize(
    ("location", "bucket", "prefix"),
    [
        ("s3://genomes", "genomes", ""),
        ("s3://genomes/", "genomes", ""),
        ("s3://genomes/*", "genomes", ""),
        ("s3://genomes/hg38", "genomes", "hg38"),
        ("s3://genomes/hg38/", "genomes", "hg38"),
        ("s3://genomes/hg38/chr1/*", "genomes", "hg38/chr1"),
        ("s3://1000genomes-dragen-3.7.6", "1000genomes-dragen-3.7.6", ""),
    ],
)
def test_a_location_has_a_bucket_and_a_prefix(location: str, bucket: str, prefix: str) -> None:
    read = DataLocation(location=location)

    assert (read.bucket, read.prefix, read.read_only) == (bucket, prefix, False)


@pytest.mark.parametrize(
    "bucket", ["a..b", "-ab", "ab-", "xn--abc", "sthree-abc", "abc--x-s3", "abc--ol-s3", "a" * 64, "a b c"]
)
def test_fails_when_a_bucket_cannot_have_that_name(bucket: str) -> None:
    with pytest.raises(ValidationError):
        DataLocation(location=f"s3://{bucket}")


def test_models_are_frozen() -> None:
    dev = context()

    with pytest.raises(ValidationError, match="frozen"):
        dev.max_vcpus = 1


def test_models_are_made_in_python_with_python_names() -> None:
    made = Context(
        engines=(Engine(type="wdl", engine="miniwdl"),),
        max_vcpus=16,
        instance_types=("m7i",),
        tags={"Lab": "7"},
    )

    assert made.engine.engine == "miniwdl"
    assert EfsConfiguration(provisioned_throughput=64).throughput_mode == "provisioned"


def test_fails_when_python_gives_a_flag_for_a_number() -> None:
    with pytest.raises(ValidationError):
        EfsConfiguration(provisioned_throughput=True)


@pytest.mark.parametrize(
    ("keys", "queues"),
    [
        ("", ["Fargate", "EC2 on-demand"]),
        ("requestSpotInstances: true", ["Fargate", "EC2 Spot", "EC2 on-demand"]),
        ("requestSpotInstances: true\n    fallbackToOnDemand: false", ["Fargate", "EC2 Spot"]),
    ],
)
def test_a_context_has_a_queue_for_heads_tasks_and_with_spot_a_fallback(keys: str, queues: list[str]) -> None:
    assert [machines for _, machines in context(keys).queues] == queues


def test_stacks_are_named_after_project_user_and_context() -> None:
    project = load_project(PROJECTS / "minimal.yaml")

    assert project.stack_name("dev") == "Minimal-dev"
    assert project.stack_name("dev", "ada") == "Minimal-ada-dev"


def test_reading_a_project_imports_neither_the_cdk_nor_its_node_process() -> None:
    code = (
        "import sys; from workflow_stacks.project import validate_project; "
        f"validate_project({str(PROJECTS / 'full.yaml')!r}); "
        "print([name for name in ('aws_cdk', 'jsii', 'constructs') if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
