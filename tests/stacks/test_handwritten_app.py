"""The app that `make bench` compares with makes the same stacks: else the ratio would compare different things."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from templates import Template, Templates

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CONTEXT = "{type: wdl, engine: miniwdl, filesystem: {fsType: EFS}}"
STACKS = ["Bench-core", "Bench-context0"]


class Comparable:
    """Stacks in which names that follow from construct ids are replaced by what they stand for.

    So these may differ, and nothing else:

    - logical ids, the names of inline policies and exports, and `Name` tags, which the CDK makes of construct ids
    - the mark of a context, a name that the CDK makes of them too
    - the identity of a file system, which is a hash of its logical id
    - metadata of resources: they say nothing of what is deployed
    """

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._names: dict[tuple[str, str], str] = {}
        self._exports = {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack in STACKS
            for output in templates[stack]["Outputs"].values()
            if "Export" in output
        }
        [job] = [
            one for one in self._resources("Bench-context0").values() if one["Type"] == "AWS::Batch::JobDefinition"
        ]
        self._mark = job["Properties"]["Tags"]["workflow-context"]
        self._identity = templates["Bench-context0"]["Parameters"]["FileSystemIdentity"]["Default"]

    def resources(self, stack: str) -> dict[str, Any]:
        """Each resource, under a name that follows from what it is."""
        return {self._name(stack, id): self._resource(stack, id) for id in self._resources(stack)}

    def outputs(self, stack: str) -> dict[str, Any]:
        """What a stack shows under a name of its own."""
        shown = {name: one for name, one in self._templates[stack]["Outputs"].items() if "Export" not in one}
        return {name: self._plain(stack, one, "") for name, one in shown.items()}

    def exports(self, stack: str) -> list[str]:
        """What a stack lets others import."""
        found = [value for of_stack, value in self._exports.values() if of_stack == stack]
        return sorted(json.dumps(self._plain(stack, value, "")) for value in found)

    def rest(self, stack: str) -> dict[str, Any]:
        """Description, parameters and rules."""
        rest = {key: value for key, value in self._templates[stack].items() if key not in ("Resources", "Outputs")}
        return {key: self._plain(stack, value, "") for key, value in rest.items()}

    def _resources(self, stack: str) -> Mapping[str, Template]:
        resources: Mapping[str, Template] = self._templates[stack]["Resources"]
        return resources

    def _name(self, stack: str, id: str) -> str:
        if (stack, id) not in self._names:
            what = json.dumps(self._resource(stack, id), sort_keys=True)
            digest = hashlib.sha256(what.encode()).hexdigest()[:8]
            self._names[stack, id] = f"{self._resources(stack)[id]['Type']} {digest}"
        return self._names[stack, id]

    def _resource(self, stack: str, id: str) -> Any:
        resource = {key: value for key, value in self._resources(stack)[id].items() if key != "Metadata"}
        if "DependsOn" in resource:
            resource["DependsOn"] = sorted(self._name(stack, other) for other in resource["DependsOn"])
        return self._plain(stack, resource, id)

    def _plain(self, stack: str, value: Any, own_id: str) -> Any:
        if isinstance(value, list):
            return [self._plain(stack, one, own_id) for one in value]
        if isinstance(value, str):
            return self._text(value, own_id)
        if not isinstance(value, dict):
            return value
        if "Ref" in value and value["Ref"] in self._resources(stack):
            return {"Ref": self._name(stack, value["Ref"])}
        if "Fn::GetAtt" in value:
            id, attribute = value["Fn::GetAtt"]
            return {"Fn::GetAtt": [self._name(stack, id), attribute]}
        if "Fn::ImportValue" in value:
            other, exported = self._exports[value["Fn::ImportValue"]]
            return {"Fn::ImportValue": self._plain(other, exported, "")}
        return {key: self._plain(stack, one, own_id) for key, one in value.items()}

    def _text(self, text: str, own_id: str) -> str:
        if text == own_id:
            return "<its logical id>"
        if re.fullmatch(r"Bench-\w+/[\w/]+", text):
            return "<a path>"
        return text.replace(self._mark, "<the context>").replace(self._identity, "<the file system>")


@pytest.fixture(scope="module")
def ours(synthesize: Callable[..., Templates], tmp_path_factory: pytest.TempPathFactory) -> Templates:
    file = tmp_path_factory.mktemp("ours") / "agc-project.yaml"
    file.write_text(f"name: Bench\nschemaVersion: 1\ncontexts:\n  context0:\n    engines: [{CONTEXT}]\n")
    return synthesize(file)


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    sys.path.insert(0, str(BENCHMARKS))
    import handwritten_app

    outdir = tmp_path_factory.mktemp("by-hand")
    handwritten_app.main(str(outdir), 1)
    return {stack: json.loads((outdir / f"{stack}.template.json").read_text()) for stack in STACKS}


@pytest.mark.parametrize("stack", STACKS)
def test_the_app_by_hand_makes_the_same_resources(stack: str, ours: Templates, by_hand: Templates) -> None:
    theirs, own = Comparable(by_hand).resources(stack), Comparable(ours).resources(stack)
    assert {name: one for name, one in theirs.items() if name not in own} == {
        name: one for name, one in own.items() if name not in theirs
    }
    assert len(by_hand[stack]["Resources"]) == len(ours[stack]["Resources"])


@pytest.mark.parametrize("stack", STACKS)
def test_and_all_else_in_the_templates(stack: str, ours: Templates, by_hand: Templates) -> None:
    theirs, own = Comparable(by_hand), Comparable(ours)
    assert theirs.outputs(stack) == own.outputs(stack)
    assert theirs.exports(stack) == own.exports(stack)
    assert theirs.rest(stack) == own.rest(stack)


def test_the_comparison_sees_a_property_that_differs(ours: Templates) -> None:
    other = json.loads(json.dumps(ours))
    [queue] = [id for id in other["Bench-context0"]["Resources"] if id.startswith("context0ComputeHeadQueue")]
    other["Bench-context0"]["Resources"][queue]["Properties"]["Priority"] = 2
    first, second = (Comparable(one).resources("Bench-context0") for one in (ours, other))
    assert {name.split()[0] for name in first.keys() ^ second.keys()} == {"AWS::Batch::JobQueue"}
