"""`workflow-context diagram`: the architecture of what was synthesized."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from workflow_stacks.cli import app

DEMO = Path(__file__).parents[2] / "examples" / "demo" / "agc-project.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["diagram", *arguments])


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    file = tmp_path_factory.mktemp("diagram") / "context.svg"
    outcome = run("wdlSpot", "--project", str(DEMO), "--output", str(file), "--json")
    assert outcome.exit_code == 0, outcome.output
    return file, json.loads(outcome.stdout)


def test_the_picture_is_xml_and_holds_the_name_of_every_box(picture: tuple[Path, dict]) -> None:
    file, told = picture
    texts = {element.text for element in ET.parse(file).iter() if element.text}
    frames = {"network", "subnets"}

    assert {node["name"] for node in told["nodes"] if node["kind"] not in frames} <= texts
    assert {"Demo: context wdlSpot", "VPC, 10.0.0.0/16", "private subnets, 2 zones"} <= texts


def test_the_same_context_gives_the_same_picture(picture: tuple[Path, dict], tmp_path: Path) -> None:
    again = tmp_path / "again.svg"

    assert run("wdlSpot", "--project", str(DEMO), "--output", str(again)).exit_code == 0
    assert again.read_text() == picture[0].read_text()


def test_the_picture_in_the_documentation_is_that_of_the_demo(picture: tuple[Path, dict]) -> None:
    shown = DEMO.parents[2] / "docs" / "pictures" / "context.svg"
    texts = [{element.text for element in ET.parse(file).iter() if element.text} for file in (shown, picture[0])]

    assert texts[0] == texts[1]


def test_json_names_the_context_its_stacks_and_where_rights_hold(picture: tuple[Path, dict]) -> None:
    told = picture[1]

    assert (told["project"], told["context"], told["stacks"]) == ("Demo", "wdlSpot", ["Demo-core", "Demo-wdlSpot"])
    assert {edge["at"] for edge in told["edges"] if edge["relation"].startswith("reads")} == {"contexts/wdlSpot/"}


def test_without_a_file_the_arrows_are_printed_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("snakeOnDemand", "--project", str(DEMO)).stdout.splitlines()

    assert any(line.split() == ["head", "environment", "submits", "task", "queue"] for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wdlSpo",), "did you mean 'wdlSpot'?"),
        (("wdlSpot", "--output", "context.gif"), "context.gif: a picture is one of .svg, .png, .pdf"),
        (("wdlSpot", "--output", "absent/context.svg"), "there is no folder absent"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_synthesized(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflow_stacks.synthesis.synthesized", None)
    outcome = run(*arguments, "--project", str(DEMO))

    assert outcome.exit_code == 1
    assert message in outcome.stderr
    assert "Traceback" not in outcome.output


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken.svg").mkdir()
    outcome = run("wdlSpot", "--project", str(DEMO), "--output", str(tmp_path / "taken.svg"))

    assert outcome.exit_code == 1
    assert "taken.svg: cannot be written" in outcome.stderr


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = run("wdlSpot", "--project", str(DEMO), "--output", "context.svg")

    assert outcome.exit_code == 1
    assert "pip install 'cdk-workflow-context[plots]'" in outcome.stderr
