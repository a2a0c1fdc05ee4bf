"""The README says what is true: its project file is valid, its code runs, its tables are those of the catalog."""

import re
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_s3 as s3

from workflow_context.catalog import ENGINES
from workflow_stacks.cli.commands import COMMANDS
from workflow_stacks.cli.init import CDK_CLI
from workflow_stacks.project import parse_project, validate_project
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS
from workflow_stacks.settings import KEYS

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
    code, _ = blocks("python")
    stack = cdk.Stack()
    names = {
        "self": stack,
        "my_vpc": ec2.Vpc(stack, "Vpc", restrict_default_security_group=False),
        "my_bucket": s3.Bucket(stack, "Mine"),
        "my_references": s3.Bucket(stack, "References"),
        "my_role": iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()),
    }
    exec(compile(code, "README.md", "exec"), names)
    assert stack.node.find_child("JointCalling")


def test_its_tests_pass(tmp_path: Path) -> None:
    _, code = blocks("python")
    [project] = blocks("yaml")
    (tmp_path / "agc-project.yaml").write_text(project)
    (tmp_path / "test_templates.py").write_text(code)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--snapshot-update"]
    run = subprocess.run(pytest, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted(file.stem.split("[")[-1].rstrip("]") for file in tmp_path.rglob("*.json")) == [
        "Lab-core",
        "Lab-joint",
    ]


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
    rows = re.findall(r"^\| \[(\w+)\]\(docs/engines/\w+\.md\) \| ([\w, ]+) \| ([\w, ]+) \|", README, re.MULTILINE)
    table = {
        name.lower(): (set(languages.lower().split(", ")), storages.split(", ")) for name, languages, storages in rows
    }
    assert {name: languages for name, (languages, _) in table.items()} == {
        name: set(engine.languages) for name, engine in ENGINES.items()
    }
    assert {name: set(storages) for name, (_, storages) in table.items()} == {
        name: set(engine.storages) for name, engine in ENGINES.items()
    }
    assert {storage for engine in ENGINES.values() for storage in engine.storages} <= set(FILE_SYSTEMS)


def test_its_table_of_file_systems_is_that_of_the_registry() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\(docs/file-systems/\w+\.md\) \|.*\| ([^|]+) \|$", README, re.MULTILINE)
    assert [name for name, _ in rows] == list(FILE_SYSTEMS)
    for name, heads in rows:
        on = {
            engine.name: FILE_SYSTEMS[name].heads_on_fargate(engine)
            for engine in ENGINES.values()
            if name in engine.storages
        }
        on_ec2 = sorted(engine for engine, on_fargate in on.items() if not on_fargate)
        everywhere = "Fargate" if any(on.values()) else "EC2"
        assert heads == (f"Fargate; EC2 for {', '.join(on_ec2)}" if on_ec2 and any(on.values()) else everywhere), name


def test_its_table_of_cdk_context_keys_is_complete() -> None:
    table = README.partition("| CDK context key")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert [key for row in rows for key in re.findall(r"`(\w+)`", row)] == list(KEYS)


def test_it_names_the_cdk_cli_that_is_tested() -> None:
    assert set(re.findall(r"aws-cdk@[\d.]+\d", README)) == {CDK_CLI}
    assert f'"aws-cdk": "{CDK_CLI.partition("@")[2]}"' in (ROOT / "package.json").read_text()
