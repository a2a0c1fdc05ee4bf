"""The whole table: every engine on every file system, on Spot and on demand, on each kind of machine.

A combination is either deployable, and then it passes what a reviewer runs and the rules of test_rules.py; or the
project file is refused, with a message that names what would work. All are synthesized in one app.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import cloudformation_include
from rights import assert_granted, read_table
from templates import Template, Templates, resources
from test_rules import TestBatch, TestOrder, TestRights  # noqa: F401  rules that hold on every file system
from test_security_review import findings_of, own_rules

from workflow_context.catalog import ENGINES
from workflow_stacks import build_app
from workflow_stacks.project import ProjectFileError, validate_project
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS
from workflow_stacks.security_packs import PACKS, security_packs

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs"
REQUIRED = {
    "OFS": {
        "expectedSizeTb": 1,
        "licenseSecretArn": f"{SECRET}-license-AbCdEf",
        "packageUri": "s3://lab-software/objectivefs-7.2-1.{arch}.rpm",
    }
}
"""What a kind of file system must be told."""

HASH = re.compile(r"((?:Context|Matrix)\w*?)[0-9A-F]{8}(?:(988|10181023)[0-9A-F]{8})?")
"""The hashes in logical ids and names that have the name of the context or the stack in them. Those of rules for the
ports of Lustre have two."""

MACHINES = {"x86": {}, "arm64": {"architecture": "arm64"}, "gpu": {"gpu": True}}


@dataclass(frozen=True)
class Cell:
    """A combination: what a project file asks for."""

    engine: str
    storage: str
    spot: bool
    machine: str

    @property
    def name(self) -> str:
        """The name of its context."""
        return f"{self.engine}{self.storage}{'Spot' if self.spot else ''}{self.machine}"

    @property
    def is_supported(self) -> bool:
        """Whether the catalog says that the engine works on the file system, and on the processor."""
        entry = ENGINES[self.engine]
        processor = MACHINES[self.machine].get("architecture", "x86_64")
        return self.storage in entry.storages and processor in entry.architectures

    def context(self) -> dict[str, object]:
        """What stands in the project file."""
        filesystem = {"fsType": self.storage, "configuration": REQUIRED.get(self.storage, {})}
        engine = {"type": ENGINES[self.engine].languages[0], "engine": self.engine, "filesystem": filesystem}
        return {"requestSpotInstances": self.spot, **MACHINES[self.machine], "engines": [engine]}


CELLS = [Cell(*parts) for parts in product(ENGINES, FILE_SYSTEMS, (False, True), MACHINES)]


def project_file(folder: Path, *cells: Cell) -> Path:
    """Write the project file with a context for each combination. JSON is YAML."""
    file = folder / "agc-project.yaml"
    written = {cell.name: cell.context() for cell in cells}
    places = {"s3://public-references": True, "s3://lab-cohorts/wgs/*": False}
    data = [{"location": place, "readOnly": read_only} for place, read_only in places.items()]
    file.write_text(json.dumps({"name": "Matrix", "schemaVersion": 1, "data": data, "contexts": written}, indent=1))
    return file


@dataclass(frozen=True)
class Review:
    """What came of all combinations that are supported.

    Attributes:
        templates: Stack name to template.
        nag: Open findings of cdk-nag.
        own: Those of the CDK itself.
        lint: What cfn-lint prints.
    """

    templates: Templates
    nag: list[str]
    own: list[str]
    lint: str


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    """Synthesize them, once, under both rule packs of cdk-nag, and lint."""
    folder = tmp_path_factory.mktemp("matrix")
    file = project_file(folder, *(cell for cell in CELLS if cell.is_supported))
    app = build_app(file, outdir=str(folder / "out"))
    nag = findings_of(app, folder / "out", *security_packs(PACKS).values())
    templates = {
        one.name.removesuffix(".template.json"): json.loads(one.read_text())
        for one in (folder / "out").glob("*.template.json")
    }
    files = write_merged(templates, folder)
    return Review(templates, nag, own_findings(files, folder / "own"), lint(files))


def write_merged(templates: Templates, folder: Path) -> list[Path]:
    """Write every resource once: most resources of a context are those of another one too."""
    files = []
    for storage in FILE_SYSTEMS:
        # By file system: what has the same name in all of them is of the same type.
        names = {f"Matrix-{cell.name}" for cell in CELLS if cell.storage == storage and cell.is_supported}
        files.append(folder / f"{storage}.json")
        files[-1].write_text(json.dumps(merged({name: templates[name] for name in names})))
    files.append(folder / "core.json")
    files[-1].write_text(json.dumps(templates["Matrix-core"]))
    return files


def own_findings(files: list[Path], outdir: Path) -> list[str]:
    """What the CDK itself finds in templates."""
    app = cdk.App(outdir=str(outdir))
    for file in files:
        stack = cdk.Stack(app, file.stem, synthesizer=cdk.BootstraplessSynthesizer())
        cloudformation_include.CfnInclude(stack, "Template", template_file=str(file))
    return findings_of(app, outdir, own_rules())


def lint(files: list[Path]) -> str:
    """Run cfn-lint over templates."""
    command = shutil.which("cfn-lint", path=str(Path(sys.executable).parent))
    assert command, "cfn-lint is not installed beside Python"
    run = subprocess.run([command, "--ignore-checks", "W3005", "--", *map(str, files)], capture_output=True, text=True)
    return run.stdout + run.stderr


def merged(templates: Templates) -> Template:
    """One template with every different resource of them; what differs under one name gets a number.

    References stay good, since there is a resource of each name.
    """
    found: Template = {}
    seen = set()
    for name, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            body = json.dumps({key: value for key, value in resource.items() if key != "Metadata"}, sort_keys=True)
            key, text = (
                HASH.sub(r"\1\2", one.replace(name.removeprefix("Matrix-"), "Context")) for one in (logical_id, body)
            )
            if (key, text) not in seen:
                seen.add((key, text))
                again = f"X{len(found)}" if key in found else ""
                found[f"{key}{again}"] = json.loads(text)
                if "JobDefinitionName" in found[f"{key}{again}"]["Properties"]:
                    found[f"{key}{again}"]["Properties"]["JobDefinitionName"] += again
    parameters = {
        name: parameter
        for template in templates.values()
        for name, parameter in template.get("Parameters", {}).items()
        if f'"{name}"' in json.dumps(found)  # others are read by the CDK or by a rule, not by a resource
    }
    return {"Parameters": parameters, "Resources": found}


@pytest.fixture(scope="module")
def templates(review: Review) -> Templates:
    """What the imported rules look at."""
    return review.templates


@pytest.fixture(scope="module")
def contexts(templates: Templates) -> dict[str, Template]:
    """Those of contexts."""
    return {name: template for name, template in templates.items() if resources(template, "AWS::Batch::JobQueue")}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_combination_is_deployable_or_is_refused_with_what_would_work(
    cell: Cell, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if cell.is_supported:
        review: Review = request.getfixturevalue("review")
        stack = f"Matrix-{cell.name}"
        assert resources(review.templates[stack], "AWS::Batch::JobQueue")
        assert [one for one in review.nag if f": {stack}/" in one] == []
    else:
        with pytest.raises(ProjectFileError) as error:
            validate_project(project_file(tmp_path, cell))
        findings = {finding.path.rpartition(".")[2]: finding for finding in error.value.findings}
        finding = findings.pop("fsType", None)
        assert findings.keys() <= {"architecture"}
        if finding is None:
            assert findings
            return
        assert finding.allowed == ", ".join(ENGINES[cell.engine].storages)
        assert f"leave 'filesystem' out for {ENGINES[cell.engine].default_storage}" in finding.remedy


def test_what_the_contexts_share_has_no_finding_either(review: Review) -> None:
    assert review.nag == []


def test_the_cdk_itself_finds_nothing(review: Review) -> None:
    assert review.own == []


def test_cfn_lint_finds_no_error(review: Review) -> None:
    assert review.lint == ""


@pytest.mark.parametrize("spot", [False, True], ids=["on demand", "Spot"])
@pytest.mark.parametrize("pair", read_table())
def test_the_table_of_rights_has_what_the_roles_of_a_pair_are_granted(
    pair: str, spot: bool, templates: Templates
) -> None:
    cell = Cell(*pair.split(), spot, "x86")
    assert_granted(pair, templates[f"Matrix-{cell.name}"])


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.is_supported], ids=lambda cell: cell.name)
def test_tasks_have_their_machines_and_head_jobs_need_none_of_them(cell: Cell, templates: Templates) -> None:
    kinds = {
        "x86": ("ECS_AL2023", ["default_x86_64"]),
        "arm64": ("ECS_AL2023", ["default_arm64"]),
        "gpu": ("ECS_AL2023_NVIDIA", ["g4dn", "g5", "g6"]),
    }
    found = {
        name.removeprefix(f"{cell.name}Compute")[:-8]: environment["Properties"]["ComputeResources"]
        for name, environment in resources(templates[f"Matrix-{cell.name}"], "AWS::Batch::ComputeEnvironment").items()
    }
    on_fargate = FILE_SYSTEMS[cell.storage].heads_on_fargate(ENGINES[cell.engine])
    head = "HeadEnvironment" if on_fargate else "HeadInstances"
    assert found.keys() == {"TaskEnvironment", head, *(["FallbackEnvironment"] if cell.spot else [])}
    for name in found.keys() - {head}:
        computing = found[name]
        [image] = computing["Ec2Configuration"]
        assert (image["ImageType"], computing["InstanceTypes"]) == kinds[cell.machine], name
        assert computing["Type"] == ("SPOT" if cell.spot and name == "TaskEnvironment" else "EC2"), name
    heads = found[head]
    if on_fargate:
        assert heads["Type"] == "FARGATE"
    else:
        [image] = heads["Ec2Configuration"]
        assert (heads["Type"], image["ImageType"], heads["InstanceTypes"]) == ("EC2", "ECS_AL2023", ["default_x86_64"])
