"""The README says what is true: its project file is valid, its code runs, its tables are those of the catalog."""

import re
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_s3 as s3

from workflow_context.catalog import ENGINES
from workflow_stacks.cli.commands import COMMANDS
from workflow_stacks.project import parse_project, validate_project
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_its_project_file_is_valid(tmp_path: Path) -> None:
    [text] = blocks("yaml")
    assert list(parse_project(text.encode()).project.contexts) == ["joint"]
    (tmp_path / "agc-project.yaml").write_text(text)
    _, warnings = validate_project(tmp_path / "agc-project.yaml")
    assert not warnings


def test_its_code_runs() -> None:
    [code] = blocks("python")
    stack = cdk.Stack()
    names = {
        "self": stack,
        "my_vpc": ec2.Vpc(stack, "Vpc", restrict_default_security_group=False),
        "my_bucket": s3.Bucket(stack, "Mine"),
        "my_references": s3.Bucket(stack, "References"),
    }
    exec(compile(code, "README.md", "exec"), names)
    assert stack.node.find_child("JointCalling")


def test_the_larger_stack_of_the_examples_synthesizes(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "genomics_stack.py")],
        env={"CDK_OUTDIR": str(tmp_path), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "Genomics.template.json").exists()


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"workflow-context ([a-z]+)", README))
    assert named <= {command.name for command in COMMANDS}


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"`make ([a-z]+)`", README)) | set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
        <= targets
    )


def test_its_table_of_engines_is_that_of_the_catalog() -> None:
    rows = re.findall(r"^\| (\w+) \| [\w, ]+ \| ([\w, ]+) \|", README, re.MULTILINE)
    table = {engine.lower(): set(storages.split(", ")) for engine, storages in rows if engine.lower() in ENGINES}
    assert table == {name: set(engine.storages) for name, engine in ENGINES.items()}
    assert {storage for engine in ENGINES.values() for storage in engine.storages} <= set(FILE_SYSTEMS)
