"""The published projects of Amazon Genomics CLI, unchanged: each deploys, shows no difference and goes again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from remaining_resources import leftovers

from workflow_stacks import build_app
from workflow_stacks.local import CdkCli, LocalCloud
from workflow_stacks.local.cloud.resources import deployed_stacks

pytestmark = pytest.mark.cycle

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests" / "projects" / "agc").glob("*.yaml"))


@pytest.fixture(scope="module")
def empty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path_factory.mktemp("published")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def cdk(empty_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], CdkCli]:
    """The CDK CLI on a project that is synthesized in this process, with buckets that go when the stacks go."""

    def on(file: Path) -> CdkCli:
        folder = tmp_path_factory.mktemp(file.stem)
        build_app(
            file, context={"bucketRemovalPolicy": "destroy", "terminationProtection": "false"}, outdir=str(folder)
        ).synth()
        return CdkCli(empty_cloud, app=[str(folder)], search=[ROOT])

    on(FILES[0]).bootstrap()
    return on


def test_there_are_six() -> None:
    assert len(FILES) == 6


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_published_project_deploys_differs_in_nothing_and_leaves_nothing(
    file: Path, cdk: Callable[[Path], CdkCli], empty_cloud: LocalCloud
) -> None:
    cli = cdk(file)

    cli.deploy()

    assert any(name.endswith("-core") for name in deployed_stacks(empty_cloud.client))
    changed, words = cli.diff()
    assert not changed, words
    cli.destroy()
    assert leftovers(empty_cloud) == {}
