"""The whole template of each example project: a second net. What matters is tested by name elsewhere.

After a wanted change: pytest tests/test_snapshots.py --snapshot-update, and read the difference.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension
from templates import PROJECTS, Templates

from workflow_context.catalog import ENGINES
from workflow_stacks.project import load_project

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = [*sorted(EXAMPLES.rglob("agc-project.yaml")), *sorted((PROJECTS / "agc").glob("*.yaml"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name if "agc" in file.name else file.stem)
def test_the_template_of_an_example_is_as_it_was(
    file: Path, synthesize: Callable[..., Templates], snapshot: SnapshotAssertion
) -> None:
    names = [name for name, context in load_project(file).contexts.items() if context.engine.engine in ENGINES]
    if not names:
        pytest.skip("no context of this project has an engine that this version runs")
    templates = synthesize(file, context={"context": ",".join(names)})
    assert json.loads(json.dumps(templates)) == snapshot(extension_class=JSONSnapshotExtension)
