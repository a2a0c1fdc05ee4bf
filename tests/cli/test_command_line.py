"""The command line as a whole: exit codes, help, errors, lazy commands."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from workflow_stacks.cli import app, group
from workflow_stacks.cli.commands import COMMANDS, Command
from workflow_stacks.errors import WorkflowContextError

PROJECTS = Path(__file__).parents[1] / "projects"


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("workflow-context")
    return subprocess.run([script, *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def command(monkeypatch: pytest.MonkeyPatch, target: object, extra: str = "") -> None:
    """Make `try-it` the only command."""
    monkeypatch.setattr(group, "COMMANDS", (Command("try-it", "nowhere:nothing", "Try it.", extra),))
    monkeypatch.setattr(Command, "load", lambda _: target)


def test_the_installed_script_validates_a_project() -> None:
    file = PROJECTS.parents[1] / "examples" / "demo" / "agc-project.yaml"
    result = run("validate", "--project", str(file))

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{file}: valid: project Demo with 2 contexts, 1 workflow, 0 data locations\n"


def test_the_installed_script_finds_agc_project_yaml_in_the_working_directory(tmp_path: Path) -> None:
    assert run("validate", cwd=tmp_path).returncode == 1

    (tmp_path / "agc-project.yaml").write_text((PROJECTS / "minimal.yaml").read_text())

    assert run("validate", cwd=tmp_path).returncode == 0


def test_no_arguments_print_the_help() -> None:
    result = CliRunner().invoke(app, [])

    assert result.exit_code == 0
    for entry in COMMANDS:
        assert f"  {entry.name}" in result.stdout


def test_the_help_imports_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(_: Command) -> None:
        raise AssertionError

    monkeypatch.setattr(Command, "load", deny)

    assert CliRunner().invoke(app, ["--help"]).exit_code == 0


def test_the_version_is_that_of_the_distribution() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"workflow-context {version('cdk-workflow-context')}\n"


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_of_the_table_has_help(entry: Command) -> None:
    result = CliRunner().invoke(app, [entry.name, "--help"])

    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert f" {entry.name} " in result.stdout.splitlines()[0]


@pytest.mark.parametrize(
    "arguments", [["validat"], ["validate", "--no-such-option"], ["describe"], ["validate", "--project"]]
)
def test_wrong_usage_is_exit_code_2_on_stderr(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


def test_a_misspelt_command_is_answered_with_a_suggestion() -> None:
    assert "Did you mean 'validate'?" in CliRunner().invoke(app, ["validat"]).stderr


def test_an_error_of_the_user_is_a_message_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise WorkflowContextError("the world is at fault\n    mend it")

    command(monkeypatch, fail)
    result = CliRunner().invoke(fresh_app(), ["try-it"])

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "the world is at fault\n    mend it\n")


def test_an_error_of_a_nested_command_is_a_message_too(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = typer.Typer()

    @nested.callback()
    def several() -> None: ...

    @nested.command()
    def up() -> None:
        raise WorkflowContextError("no cloud")

    command(monkeypatch, nested)
    result = CliRunner().invoke(fresh_app(), ["try-it", "up"])

    assert (result.exit_code, result.stderr) == (1, "no cloud\n")


def test_a_missing_package_is_answered_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def plot() -> None:
        import no_such_package  # noqa: F401

    command(monkeypatch, plot, extra="plots")
    result = CliRunner().invoke(fresh_app(), ["try-it"])

    assert result.exit_code == 1
    assert result.stderr == (
        "'try-it' needs the package 'no_such_package', which is not installed: "
        "pip install 'cdk-workflow-context[plots]'\n"
    )


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("a fault in the program")

    command(monkeypatch, fail)

    assert isinstance(CliRunner().invoke(fresh_app(), ["try-it"]).exception, RuntimeError)


def test_validate_list_and_describe_import_neither_the_cdk_nor_plots() -> None:
    project = str(PROJECTS / "full.yaml")
    code = f"""
import sys
from typer.testing import CliRunner
from workflow_stacks.cli import app
for arguments in (["validate"], ["list"], ["describe", "gpus"]):
    assert CliRunner().invoke(app, [*arguments, "--project", {project!r}]).exit_code == 0
print([name for name in ("aws_cdk", "jsii", "constructs", "boto3", "matplotlib") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def fresh_app() -> typer.Typer:
    """The application with the table as it is now."""
    fresh = typer.Typer(cls=group.LazyGroup, add_completion=False, rich_markup_mode=None)

    @fresh.callback()
    def nothing() -> None: ...

    return fresh
