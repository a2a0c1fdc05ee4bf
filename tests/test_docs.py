"""The documentation is true: its project files are valid, its code runs, its commands exist and take what is typed."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml

from workflow_stacks.cli.commands import COMMANDS
from workflow_stacks.cli.group import real_command
from workflow_stacks.project import parse_project, validate_project

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"sh", "yaml", "python", "text", "json", "wdl", "nextflow", "console"}
COMMAND_NAMES = {command.name: command for command in COMMANDS}


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[2].strip(), re.sub(f"(?m)^{found[1]}", "", found[3]))
        for found in re.finditer(r"(?ms)^( *)```(\w*)[^\n]*\n(.*?)^\1```", text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def blocks(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def test_every_block_names_its_language() -> None:
    assert not [f"{block}: {block.language!r}" for block in BLOCKS if block.language not in LANGUAGES]


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_project_files_are_valid_and_other_yaml_is_yaml(block: Block, tmp_path: Path) -> None:
    written = yaml.safe_load(block.text)
    if not isinstance(written, dict) or "contexts" not in written:
        assert written is not None
        return
    whole = block.text if "schemaVersion" in written else f"name: Page\nschemaVersion: 1\n{block.text}"
    assert parse_project(whole.encode()).project.contexts
    (tmp_path / "agc-project.yaml").write_text(whole)
    validate_project(tmp_path / "agc-project.yaml")


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs(block: Block) -> None:
    import aws_cdk as cdk
    from aws_cdk import aws_ec2 as ec2, aws_iam as iam, aws_kms as kms, aws_s3 as s3

    app = cdk.App()
    stack = cdk.Stack(app, "Page")
    exec(
        compile(block.text, str(block), "exec"),
        {
            "app": app,
            "self": stack,
            "stack": stack,
            "my_vpc": ec2.Vpc(stack, "Vpc", restrict_default_security_group=False),
            "my_bucket": s3.Bucket(stack, "Mine"),
            "my_references": s3.Bucket(stack, "References"),
            "my_key": kms.Key(stack, "Key"),
            "my_role": iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()),
        },
    )


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_shell_is_shell(block: Block) -> None:
    check = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


def commands_of(block: Block) -> list[list[str]]:
    """The command lines of `workflow-context`, as words; `\\` at the end of a line continues it."""
    lines = block.text.replace("\\\n", " ").splitlines()
    found = [re.search(r"(?:^|[|;&] *|\$\()(workflow-context [^|;&)>]*)", line) for line in lines]
    return [shlex.split(one[1], comments=True)[1:] for one in found if one]


TYPED = [(block, words) for block in blocks("sh") for words in commands_of(block)]


@pytest.mark.parametrize(
    ("block", "words"), TYPED, ids=lambda value: str(value) if isinstance(value, Block) else " ".join(value)
)
def test_commands_exist_and_take_what_is_typed(block: Block, words: list[str]) -> None:
    assert words, block
    if words[0].startswith("-"):
        return
    name, *arguments = words
    command = real_command(COMMAND_NAMES[name])
    context = click.Context(command, info_name=name)
    while isinstance(command, click.Group):
        command = command.commands[arguments.pop(0)]
        context = click.Context(command, info_name=command.name, parent=context)
    plain = [re.sub("…", "x", word) for word in arguments]
    command.parse_args(context, plain)


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"(?m)^make ([a-z-]+)", text))
        assert named <= targets, page


def test_links_between_files_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target and not target.startswith("reference/"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert (build.returncode, build.stdout) == (0, ""), build.stderr
    assert (tmp_path / "site" / "reference" / "api" / "index.html").exists()
