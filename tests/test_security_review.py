"""What a security reviewer runs: cdk-nag and cfn-lint, over every variant and every example."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from templates import PROJECTS, Template, Templates

from workflow_stacks import build_app
from workflow_stacks.security_packs import PACKS, security_packs

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("agc-project.yaml"))


@cache
def own_rules() -> cdk.CloudFormationValidatePlugin:
    """The CDK's own rules; each of these takes ten seconds to begin with."""
    return cdk.CloudFormationValidatePlugin()


def findings(app: cdk.App, outdir: Path) -> list[str]:
    """Synthesize under every rule pack and the CDK's own rules, and return what is not acknowledged."""
    return findings_of(app, outdir, *security_packs(PACKS).values(), own_rules())


def findings_of(app: cdk.App, outdir: Path, *plugins: cdk.IPolicyValidationPlugin) -> list[str]:
    """Synthesize under rules, and return what is not acknowledged.

    That is of every severity, since the CDK's own rules call all that they find warnings; but not the warnings of this
    project, which are about costs and quotas.
    """
    cdk.Validations.of(app).add_plugins(*plugins)
    try:
        app.synth()
    except RuntimeError as error:
        assert "Validation" in str(error)  # noqa: PT017  the report says the rest
    report = json.loads((outdir / "validation-report.json").read_text())
    return [
        f"{violation['ruleName']}: {resource['constructPath']}"
        for plugin in report["pluginReports"]
        if plugin["pluginName"] != "Construct Annotations"
        for violation in plugin["violations"]
        for resource in violation["violatingConstructs"]
    ]


def test_an_open_finding_fails_the_review(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    s3.Bucket(cdk.Stack(app, "Plain"), "Bucket")
    assert any("S3BucketLevelPublicAccess" in one or "AwsSolutions-S" in one for one in findings(app, tmp_path))


def test_what_the_cdk_itself_finds_fails_the_review(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    bucket = cdk.CfnResource(cdk.Stack(app, "Plain"), "Bucket", type="AWS::S3::Bucket")
    bucket.add_property_override("VersioningConfiguration.Status", "On")
    assert "W3030: Plain/Bucket" in findings(app, tmp_path)


@pytest.mark.parametrize(
    "file",
    [PROJECTS / "variants.yaml", PROJECTS / "storages.yaml", *EXAMPLES],
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)
def test_cdk_nag_and_cdk_itself_find_nothing(file: Path, tmp_path: Path) -> None:
    app = build_app(file, outdir=str(tmp_path))
    assert findings(app, tmp_path) == []


def properties(template: Template) -> set[tuple[str, ...]]:
    """The paths of all that is said in a template, each beginning with the type of a resource."""

    def paths(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        parts = value.items() if isinstance(value, dict) else [("*", one) for one in value or ("",)]
        for key, one in parts:
            yield from paths(one, (*path, key)) if isinstance(one, dict | list) else [(*path, key)]

    return {path for one in template["Resources"].values() for path in paths(one, (one["Type"],))}


def without_repetition(templates: Templates) -> list[str]:
    """Names of templates in which every property of all of them is used: cfn-lint takes seconds for each."""
    used = {name: properties(template) for name, template in templates.items()}
    missing, chosen = set().union(*used.values()), []
    while missing:
        chosen.append(max(used, key=lambda name: len(used[name] & missing)))
        missing -= used[chosen[-1]]
    return chosen


def test_cfn_lint_finds_no_error(variants: Templates, storages: Templates, tmp_path: Path) -> None:
    templates = {**variants, **storages}
    for name in without_repetition(templates):
        (tmp_path / f"{name}.json").write_text(json.dumps(templates[name]))
    command = shutil.which("cfn-lint", path=str(Path(sys.executable).parent))
    assert command, "cfn-lint is not installed beside Python"
    # W3005: said twice is not wrong. W3010: a template for one account and region names its zones. W6001: that of the
    # project's bucket is said where the context is looked at.
    run = subprocess.run(
        [command, "--ignore-checks", "W3005", "W3010", "W6001", "--", *map(str, tmp_path.glob("*.json"))],
        capture_output=True,
        text=True,
    )
    assert run.stdout + run.stderr == ""
