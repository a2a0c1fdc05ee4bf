"""The layout of the repository, and who may import whom."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import workflow_context
import workflow_stacks

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("root", ["constructs", "stacks"])
def test_source_roots_are_not_packages(root: str) -> None:
    """constructs/__init__.py would hide the package `constructs` that aws-cdk-lib imports."""
    assert not (ROOT / root / "__init__.py").exists()


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def test_constructs_never_import_stacks() -> None:
    for file in (ROOT / "constructs").rglob("*.py"):
        assert not [name for name in imported(file) if name.startswith("workflow_stacks")], file


@pytest.mark.parametrize("module", ["workflow_context.models", "workflow_context.catalog", "workflow_stacks.project"])
def test_models_and_project_start_no_cdk(module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('aws_cdk', 'jsii', 'constructs') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd="/").strip() == "[]"


@pytest.mark.parametrize("package", [workflow_context, workflow_stacks])
def test_the_public_names_are_those_of_all(package) -> None:
    assert sorted(package.__all__) == package.__all__
    assert {name: getattr(package, name).__name__ for name in package.__all__} == {
        name: name for name in package.__all__
    }


def test_the_public_models_are_those_that_their_docstring_lists() -> None:
    from workflow_context import models

    assert models.__all__ == sorted(models.__all__)
    assert all(f"- `{name}`:" in str(models.__doc__) for name in models.__all__)
    assert all(importlib.import_module(f"workflow_context.models.{name}") for name in models.__all__)


@pytest.mark.parametrize("package", [workflow_context, workflow_stacks])
def test_the_public_names_are_completed_in_a_shell(package) -> None:
    assert set(package.__all__) <= set(dir(package))


def test_the_public_api_is_this() -> None:
    """A name that goes from here breaks somebody's stack."""
    assert workflow_context.__all__ == [
        "BatchCompute",
        "ComputeFactory",
        "ContextParts",
        "CromwellEngine",
        "DebugInstance",
        "EfsFileSystem",
        "EngineFactory",
        "FileBrowser",
        "FileSystemGuard",
        "FsxLustreFileSystem",
        "JobQueues",
        "MiniwdlEngine",
        "Monitoring",
        "MountScript",
        "Network",
        "NetworkFileSystem",
        "NextflowEngine",
        "ObjectiveFsFileSystem",
        "Placement",
        "Reference",
        "S3FileSystem",
        "S3FilesFileSystem",
        "S3Location",
        "SharedQueues",
        "SnakemakeEngine",
        "StorageDispatcher",
        "StorageExpiry",
        "TaskMachines",
        "ToilEngine",
        "WorkflowBucket",
        "WorkflowContext",
        "WorkflowEngine",
        "WorkflowFileSystem",
    ]
    assert workflow_stacks.__all__ == [
        "Context",
        "ContextStack",
        "CoreStack",
        "Project",
        "ProjectStacks",
        "WesEndpoint",
        "WorkflowContextError",
        "build_app",
        "define_stacks",
        "validate_project",
    ]


def test_no_code_asks_which_kind_it_has() -> None:
    """The object itself answers: no `if engine == …`, no `if fs_type == …`."""
    for root in ("constructs", "stacks"):
        for file in (ROOT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.If) and isinstance(node.test, ast.Compare):
                    left = ast.unparse(node.test.left).rsplit(".", 1)[-1]
                    asks = left in ("engine", "fs_type") and isinstance(
                        getattr(node.test.comparators[0], "value", None), str
                    )
                    assert not asks, f"{file}:{node.lineno}"


def test_cdk_json_at_the_root_is_that_of_the_package() -> None:
    """A copy, since links are text files on Windows and in downloads."""
    assert not (ROOT / "cdk.json").is_symlink()
    assert (ROOT / "cdk.json").read_bytes() == (ROOT / "stacks" / "workflow_stacks" / "cdk.json").read_bytes()
