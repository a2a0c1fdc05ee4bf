"""What the parts of a project mean together."""

from pathlib import Path
from textwrap import indent

import pytest

from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.project import (
    Finding,
    ProjectFileError,
    check_project,
    context_checks,
    find_context,
    instances,
    load_project,
    parse_project,
    read_project,
    validate_project,
)

PROJECTS = Path(__file__).parents[1] / "projects"
FILESYSTEM = "{fsType: EFS, configuration: {throughputMode: elastic}}"
ENGINE = f"    engines: [{{type: wdl, engine: miniwdl, filesystem: {FILESYSTEM}}}]\n"
ON_S3 = """\
name: Test
schemaVersion: 1
contexts:
  wrong:
    engines:
      - type: wdl
        engine: miniwdl
        filesystem: {fsType: S3}
"""


def findings(text: str) -> list[Finding]:
    return check_project(parse_project(text.encode()))


def of_context(keys: str) -> list[Finding]:
    keys = indent(keys, "    ")
    return findings(f"name: Test\nschemaVersion: 1\ncontexts:\n  dev:\n{ENGINE}{keys}\n")


def warnings(found: list[Finding]) -> list[str]:
    assert all(finding.level == "warning" for finding in found)
    return [finding.message for finding in found]


@pytest.mark.parametrize("name", ["minimal", "full", "miniwdl", "snakemake", "throughput"])
def test_a_good_project_has_no_errors(name: str) -> None:
    assert {finding.level for finding in check_project(read_project(PROJECTS / f"{name}.yaml"))} <= {"warning"}


def test_the_examples_surprise_with_nothing_but_the_bill_that_one_of_them_announces() -> None:
    examples = sorted((PROJECTS.parents[1] / "examples").glob("*/*.yaml"))
    told = {file.parent.name: [finding.message for finding in check_project(read_project(file))] for file in examples}
    [bill] = told.pop("miniwdl")

    assert bill.startswith("256 MiB/s cost about 1,536 USD a month")
    assert set(told) >= {"demo", "snakemake"}
    assert not any(told.values())


@pytest.mark.parametrize("file", sorted((PROJECTS / "agc").glob("*.yaml")), ids=lambda file: file.stem)
def test_an_agc_project_has_no_error(file: Path) -> None:
    assert [finding for finding in check_project(read_project(file)) if finding.level == "error"] == []


def test_an_unknown_engine_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ProjectFileError) as caught:
        parse_project(ON_S3.replace("engine: miniwdl", "engine: abacus").encode())

    [finding] = caught.value.findings
    assert finding.message == "there is no engine 'abacus'"
    assert "miniwdl (wdl), snakemake (snakemake)" in finding.allowed
    assert finding.line == 7


def test_contexts_that_are_not_deployed_may_have_errors(tmp_path: Path) -> None:
    file = tmp_path / "agc-project.yaml"
    file.write_text(f"{ON_S3}  right:\n{ENGINE}")

    project, found = validate_project(file, ["right"])

    assert set(project.contexts) == {"wrong", "right"}
    assert found == []
    with pytest.raises(ProjectFileError):
        validate_project(file)


def test_fails_when_a_context_to_deploy_does_not_exist() -> None:
    with pytest.raises(WorkflowContextError, match="did you mean 'miniContext'"):
        validate_project(PROJECTS / "agc" / "demo-wdl-project.yaml", ["minContext"])


def test_a_context_is_found_by_its_name() -> None:
    project = load_project(PROJECTS / "minimal.yaml")

    assert find_context(project, "dev") is project.contexts["dev"]


def test_a_fallback_without_spot_is_a_warning() -> None:
    assert warnings(of_context("fallbackToOnDemand: true")) == [
        "this has no effect without Spot instances: tasks run on demand anyway"
    ]
    assert of_context("fallbackToOnDemand: true\nrequestSpotInstances: true") == []


def test_gpu_instances_without_gpu_are_a_warning() -> None:
    assert warnings(of_context("instanceTypes: [g5.xlarge]")) == [
        "the family 'g5' has GPUs, which tasks cannot use without gpu: true"
    ]
    assert of_context("instanceTypes: [g5.xlarge]\ngpu: true") == []
    assert of_context("gpu: true") == []


def test_a_family_of_unknown_letters_is_a_warning() -> None:
    assert warnings(of_context("instanceTypes: [q7.xlarge]")) == ["no instance family is known that begins with 'q'"]


@pytest.mark.parametrize(("vcpus", "count"), [(3, 1), (4, 0)])
def test_fewer_vcpus_than_the_smallest_instance_has_are_a_warning(vcpus: int, count: int) -> None:
    assert len(warnings(of_context(f"maxVCpus: {vcpus}\ninstanceTypes: [m7i.xlarge, r7i.8xlarge]"))) == count


def test_families_fit_any_number_of_vcpus() -> None:
    assert of_context("maxVCpus: 1\ninstanceTypes: [m7i, r7i.8xlarge]") == []


@pytest.mark.parametrize(("contexts", "spot", "count"), [(25, False, 0), (26, False, 1), (16, True, 0), (17, True, 1)])
def test_more_than_50_queues_are_a_warning(contexts: int, spot: bool, count: int) -> None:
    keys = f"    requestSpotInstances: {str(spot).lower()}\n"
    text = "name: Test\nschemaVersion: 1\ncontexts:\n"
    text += "".join(f"  c{number}:\n{keys}{ENGINE}" for number in range(contexts))

    assert len(warnings(findings(text))) == count


def test_a_project_without_contexts_is_a_warning() -> None:
    assert warnings(findings("name: Test\nschemaVersion: 1\n")) == [
        "the project has no context: nothing can be deployed"
    ]


def test_a_workflow_that_no_context_runs_is_a_warning_at_its_line() -> None:
    text = "name: Test\nschemaVersion: 1\nworkflows:\n  a: {type: {language: cwl, version: 1.2}, sourceURL: a.cwl}\n"
    [finding] = findings(f"{text}contexts:\n  dev:\n{ENGINE}")

    assert (finding.level, finding.line) == ("warning", 4)
    assert finding.path == "workflows.a.type.language"


def test_a_location_that_is_listed_twice_and_once_read_only_is_a_warning() -> None:
    text = "name: Test\nschemaVersion: 1\ndata:\n  - {location: s3://genomes/*, readOnly: false}\n"
    text += "  - {location: s3://genomes, %s}\n"

    assert len(warnings(findings(f"{text % 'readOnly: true'}contexts:\n  dev:\n{ENGINE}"))) == 1
    assert findings(f"{text % 'readOnly: false'}contexts:\n  dev:\n{ENGINE}") == []


def test_a_stack_name_of_more_than_128_characters_is_an_error() -> None:
    text = f"name: {'P' * 64}\nschemaVersion: 1\ncontexts:\n  {'c' * 64}:\n{ENGINE}"

    assert ["128 characters" in finding.message for finding in findings(text)] == [True]


def test_findings_come_in_the_order_of_the_file() -> None:
    found = of_context("instanceTypes: [odd one, other odd one]\nfallbackToOnDemand: true")

    assert [finding.line for finding in found] == [6, 6, 7]


def test_every_check_of_a_context_is_in_the_table() -> None:
    written = {
        function
        for name, function in vars(context_checks).items()
        if callable(function)
        and not name.startswith("_")
        and getattr(function, "__annotations__", {}).get("context") == "Context"
    }

    assert written == set(context_checks.CONTEXT_CHECKS)


@pytest.mark.parametrize(
    ("written", "architecture"),
    [
        ("m5", "x86_64"),
        ("m5.24xlarge", "x86_64"),
        ("c7i-flex.large", "x86_64"),
        ("g5", "x86_64"),
        ("g4dn.metal", "x86_64"),
        ("p4de", "x86_64"),
        ("p6-b200", "x86_64"),
        ("x2iedn", "x86_64"),
        ("hpc7a", "x86_64"),
        ("u-6tb1.metal", "x86_64"),
        ("u7i-12tb.224xlarge", "x86_64"),
        ("m7g", "arm64"),
        ("m7gd.metal", "arm64"),
        ("c6gn", "arm64"),
        ("t4g.small", "arm64"),
        ("r8g.metal-24xl", "arm64"),
        ("x2gd", "arm64"),
        ("is4gen", "arm64"),
        ("im4gn", "arm64"),
        ("g5g", "arm64"),
        ("hpc7g", "arm64"),
        ("a1", "arm64"),
        ("p6e-gb200", "arm64"),
    ],
)
def test_the_name_of_an_instance_tells_its_processor(written: str, architecture: str) -> None:
    name = instances.parse(written)

    assert name is not None
    assert name.architecture == architecture
    assert name.is_known_prefix


@pytest.mark.parametrize("written", ["p3", "p4d", "p5en", "g4dn", "g5.xlarge", "g6e", "gr6", "g5g"])
def test_the_name_of_an_instance_tells_its_gpu(written: str) -> None:
    name = instances.parse(written)

    assert name is not None
    assert name.has_gpu


@pytest.mark.parametrize("written", ["m5", "inf2", "trn1n", "g4ad", "dl1", "vt1", "f2"])
def test_other_accelerators_are_not_gpus_for_batch(written: str) -> None:
    name = instances.parse(written)

    assert name is not None
    assert not name.has_gpu


@pytest.mark.parametrize(
    "written", ["", "m", "5", "m5.", ".large", "m5.large.x", "m5.0xlarge", "m5large", "t3nano", "m5.bare", "M5", "m 5"]
)
def test_other_forms_are_not_instance_names(written: str) -> None:
    assert instances.parse(written) is None


@pytest.mark.parametrize(
    ("keys", "cost"), [("", "12.29"), ("maxVCpus: 1000", "48.00"), ("architecture: arm64", "9.86")]
)
def test_what_instances_cost_that_are_kept_is_a_warning(keys: str, cost: str) -> None:
    text = f"name: Test\nschemaVersion: 1\ncontexts:\n  dev:\n{ENGINE}    minScaleDownDelayMinutes: 60\n    {keys}\n"

    [finding] = findings(text)

    assert finding.level == "warning"
    assert f"paid for 60 minutes more: {cost} USD each time" in finding.message
