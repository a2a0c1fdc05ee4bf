"""The published projects of Amazon Genomics CLI, unchanged: they deploy, show no difference and go again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from remaining_resources import leftovers

from workflow_stacks import build_app, define_stacks
from workflow_stacks.local import CdkCli, LocalCloud
from workflow_stacks.local.cloud.resources import deployed_stacks

pytestmark = pytest.mark.cycle

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests" / "projects" / "agc").glob("*.yaml"))


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, synthesized into one folder, with buckets that go when the stacks go: the CDK CLI starts once."""
    folder = tmp_path_factory.mktemp("published")
    context = {"bucketRemovalPolicy": "destroy", "terminationProtection": "false"}
    first, *others = FILES
    app = build_app(first, context=context, outdir=str(folder))
    for file in others:
        define_stacks(app, file)
    app.synth()
    return folder


@pytest.fixture(scope="module")
def cdk(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CdkCli]:
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        cli = CdkCli(cloud, app=[str(assembly)], search=[ROOT])
        cli.bootstrap()
        yield cli


def test_published_projects_deploy_differ_in_nothing_and_leave_nothing(assembly: Path, cdk: CdkCli) -> None:
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = {id for id, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
    assert len({id for id in stacks if id.endswith("-core")}) == len(FILES) == 6

    cdk.deploy()

    assert set(deployed_stacks(cdk.cloud.client)) - {"CDKToolkit"} == stacks
    changed, words = cdk.diff()
    assert not changed, words
    cdk.destroy()
    assert leftovers(cdk.cloud) == {}
