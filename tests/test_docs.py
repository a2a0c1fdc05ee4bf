"""The documentation is true: its project files are valid, its code runs, its commands exist and take what is typed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml
from typer.testing import CliRunner

from workflow_context.catalog import ENGINES
from workflow_stacks.cli import app
from workflow_stacks.cli.commands import COMMANDS
from workflow_stacks.cli.group import real_command
from workflow_stacks.cli.init import CDK_CLI
from workflow_stacks.local.engines import ENGINES as LOCAL_ENGINES
from workflow_stacks.project import json_schema, parse_project, validate_project
from workflow_stacks.project.file_systems.registry import FILE_SYSTEMS
from workflow_stacks.runs.engines import ENGINES as RUN_ENGINES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"sh", "yaml", "python", "text", "json", "wdl", "nextflow", "console", "toml"}
GENERATED = {ROOT / "docs" / "reference" / f"{name}.md" for name in ("api", "cli", "project-file")}
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


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_entry_points_are_those_of_the_example(block: Block) -> None:
    example = tomllib.loads((ROOT / "examples" / "own_kinds" / "pyproject.toml").read_text())
    assert tomllib.loads(block.text)["project"]["entry-points"] == example["project"]["entry-points"]


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


NEED_NO_CLOUD = {"validate", "list", "describe", "engines", "schema", "throughput", "recommend", "init"}


def needs_no_cloud(words: list[str]) -> bool:
    if words[0] == "plan":
        return "--from" in words
    return words[0] in NEED_NO_CLOUD and not {"--deployed", "--live", "--policy"} & set(words)


def project_of(page: Path, folder: Path) -> None:
    """Write what a reader of the page has at hand in the working directory: a project file, and a workload."""
    mappings = [(block, found) for block in blocks_of(page) if isinstance(found := read_yaml(block), dict)]
    projects = [block.text for block, found in mappings if "contexts" in found]
    if projects:
        [whole, *_] = projects
        header = "" if "schemaVersion" in whole else "name: Page\nschemaVersion: 1\n"
        (folder / "agc-project.yaml").write_text(header + whole)
    elif not any(words[0] == "init" for block, words in TYPED if block.page == page):
        assert CliRunner().invoke(app, ["init", "Page"]).exit_code == 0
    if (folder / "agc-project.yaml").exists():
        shutil.copy(folder / "agc-project.yaml", folder / "old.yaml")
    workloads = [block.text for block, found in mappings if "inputGib" in found]
    for _, words in TYPED:
        names = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--workload"]
        for name in (name for name in names if name.endswith(".yaml") and workloads):
            (folder / name).write_text(workloads[0])
    (folder / "docs" / "pictures").mkdir(parents=True)


def read_yaml(block: Block) -> object:
    return yaml.safe_load(block.text) if block.language == "yaml" else None


def steps_of(block: Block) -> list[list[str]]:
    """What of a block can be done here, in its order: changes of folder, and commands that need no cloud."""
    steps = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if found := re.match(r"cd (\S+)", line):
            steps.append(["cd", found[1]])
        steps += [words for words in commands_of(Block(block.page, 0, "sh", line)) if needs_no_cloud([*words, ""])]
    return steps


EXECUTABLE = [block for block in blocks("sh") if any(step[0] != "cd" for step in steps_of(block))]


def test_enough_of_the_pages_is_executed() -> None:
    executed = {step[0] for block in EXECUTABLE for step in steps_of(block)}
    assert executed >= {"validate", "describe", "recommend", "throughput", "init", "schema", "plan", "engines", "list"}


@pytest.mark.parametrize("block", EXECUTABLE, ids=str)
def test_commands_that_need_no_cloud_succeed(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project_of(block.page, tmp_path)
    for step in steps_of(block):
        if step[0] == "cd":
            monkeypatch.chdir(step[1])
            continue
        done = CliRunner().invoke(app, step)
        assert done.exit_code == 0, f"{block}: {' '.join(step)}\n{done.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_within_sentences_exist(page: Path) -> None:
    for name in re.findall(r"`workflow-context ([a-z]+)", page.read_text()):
        assert name in COMMAND_NAMES


def test_messages_name_commands_that_exist() -> None:
    for folder in ("constructs", "stacks"):
        for file in (ROOT / folder).rglob("*.py"):
            for name in re.findall(r"workflow-context ([a-z]+)", file.read_text()):
                assert name in COMMAND_NAMES, file


def test_extras_that_are_installed_exist_and_are_explained() -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    for page in PAGES:
        for listed in re.findall(r"pip install '(?:cdk-workflow-context|\.)\[([\w,]+)\]'", page.read_text()):
            assert set(listed.split(",")) <= extras, page
    table = (ROOT / "docs" / "index.md").read_text().partition("| extra |")[2]
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", table)) == extras - {"dev", "docs"}


def test_every_engine_and_every_file_system_has_a_page() -> None:
    assert {page.stem for page in (ROOT / "docs" / "engines").glob("*.md")} == {"index", *ENGINES}
    assert {page.stem for page in (ROOT / "docs" / "file-systems").glob("*.md")} == {
        "index",
        *(name.lower() for name in FILE_SYSTEMS),
    }


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_the_page_of_a_file_system_has_every_key(name: str) -> None:
    page = (ROOT / "docs" / "file-systems" / f"{name.lower()}.md").read_text()
    rows = re.findall(r"(?m)^\| (`[^|]*) \|", page.partition("## Keys")[2])
    configuration = json_schema()["$defs"][
        f"{FILE_SYSTEMS[name].settings.__name__.removesuffix('Settings')}Configuration"
    ]
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(configuration["properties"])


def test_the_table_of_engines_is_that_of_the_catalog() -> None:
    page = (ROOT / "docs" / "engines" / "index.md").read_text()
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    rows = {first: cells for first, *cells in lines}
    engines = list(ENGINES.values())
    assert [re.sub(r"\[.*\]\((\w+)\.md\)", r"\1", cell) for cell in rows[""]] == list(ENGINES)
    assert rows["default file system"] == [engine.default_storage for engine in engines]
    assert [set(cell.split(", ")) for cell in rows["file systems"]] == [set(engine.storages) for engine in engines]
    assert [cell.startswith("yes") for cell in rows["`workflow-context run`"]] == [
        name in RUN_ENGINES for name in ENGINES
    ]
    assert [cell.startswith("yes") for cell in rows["`local run`"]] == [name in LOCAL_ENGINES for name in ENGINES]
    expiry = "old runs expire (`expirationHours`)"
    assert rows[expiry] == ["yes" if engine.marks_ended_runs else "no" for engine in engines]
    assert [set(cell.split(", ")) for cell in rows["processors of the default image"]] == [
        set(engine.architectures) for engine in engines
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_the_cdk_cli_that_is_tested(page: Path) -> None:
    assert set(re.findall(r"aws-cdk@[\d.]+\d", page.read_text())) <= {CDK_CLI}


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"(?m)^make ([a-z-]+)", text))
        assert named <= targets, page


def test_links_between_files_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target:
                file = (page.parent / target).resolve()
                assert file in GENERATED or file.exists(), f"{page.name}: {target}"


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
