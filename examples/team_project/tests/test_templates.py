"""The templates of the project: as reviewed, private, and without loss of data when they are deployed."""

# pip install 'cdk-workflow-context[testing]'
# pytest --snapshot-update         record the templates; read `git diff` before you commit tests/__snapshots__
# pytest                           fails when a template is not the one that was recorded
# python tests/test_templates.py   record what is deployed, after a deployment; commit tests/deployed.json
#
# An update that replaces a file system or takes it away fails test_a_deployment_keeps_the_data. `allow_detached=False`
# refuses those too that retain the old one: its files stay, but jobs begin with an empty file system.

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from workflow_stacks.testing import TemplateSnapshotExtension, assert_no_data_loss, assert_private, synth

PROJECT = Path(__file__).parents[1] / "agc-project.yaml"
DEPLOYED = Path(__file__).parent / "deployed.json"
Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def templates() -> Templates:
    return synth(PROJECT)


@pytest.mark.parametrize("stack", ["TeamLab-core", "TeamLab-development", "TeamLab-production"])
def test_a_template_is_as_it_was_reviewed(stack: str, templates: Templates, snapshot: SnapshotAssertion) -> None:
    assert templates[stack] == snapshot(name=stack, extension_class=TemplateSnapshotExtension)


def test_nothing_can_be_reached_from_the_internet(templates: Templates) -> None:
    assert_private(templates)


@pytest.mark.skipif(not DEPLOYED.exists(), reason="nothing is deployed: tests/deployed.json is not there")
def test_a_deployment_keeps_the_data(templates: Templates) -> None:
    assert_no_data_loss(json.loads(DEPLOYED.read_text()), templates, allow_detached=False)


if __name__ == "__main__":
    DEPLOYED.write_text(json.dumps(synth(PROJECT), indent=1) + "\n")
