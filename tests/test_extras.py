"""What is optional is optional: without its libraries each part says how to install them."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from workflow_context.engines import bundled_plugin as module


def run_without(packages: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that finds none of some packages."""
    block = f"import sys; sys.modules.update(dict.fromkeys({packages.split()!r}))\n"
    return subprocess.run([sys.executable, "-c", block + code], capture_output=True, text=True)


def test_the_command_line_says_that_it_needs_its_extra() -> None:
    found = run_without("typer", "from workflow_stacks.console import main; main()")
    assert found.returncode == 1
    assert found.stderr == "the command line needs the package 'typer': pip install 'cdk-workflow-context[cli]'\n"


def test_constructs_and_stacks_need_neither_the_command_line_nor_the_local_cloud() -> None:
    found = run_without(
        "typer rich ministack matplotlib syrupy cdk_nag",
        "import workflow_context, workflow_stacks; workflow_context.WorkflowContext; workflow_stacks.build_app",
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_snakemake_on_a_shared_directory_says_that_it_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(module, "distribution", missing)
    module.bundled_plugin.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"pip install 'cdk-workflow-context\[snakemake\]'"):
            module.bundled_plugin()
    finally:
        module.bundled_plugin.cache_clear()
