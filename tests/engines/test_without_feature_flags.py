"""The rules hold for every engine in a bare `cdk.App()` too, where no feature flag is set."""

import pytest
from templates import PROJECTS, Template, Templates, bare, resources
from test_rules import TestBatch, TestOrder, TestRights  # noqa: F401  rules that hold on every file system


@pytest.fixture(scope="module")
def templates() -> Templates:
    """What the imported rules look at."""
    return bare(PROJECTS / "engines.yaml")


@pytest.fixture(scope="module")
def contexts(templates: Templates) -> dict[str, Template]:
    """Those of contexts."""
    return {name: template for name, template in templates.items() if resources(template, "AWS::Batch::JobQueue")}
