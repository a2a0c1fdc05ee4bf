"""The stacks of a project with queues that contexts share: which has what, and what an edit of them does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from templates import Template, Templates, resources

from workflow_context.models.cfn import Stacks
from workflow_context.models.machines import machines_of
from workflow_stacks import build_app
from workflow_stacks.diagram import architecture_of
from workflow_stacks.errors import WorkflowContextError
from workflow_stacks.plan import Effect, changes

QUEUES, ENVIRONMENTS = "AWS::Batch::JobQueue", "AWS::Batch::ComputeEnvironment"
PROJECT = """\
name: Shared
schemaVersion: 1
tags: {{Lab: seven}}
sharedQueues: {{{queues}}}
contexts:
  nf: {{useSharedQueues: true, storageDispatcher: true, tags: {{Room: '12'}}, engines: [{{{nextflow}}}]}}
  smk: {{useSharedQueues: true, engines: [{{type: snakemake, engine: snakemake}}]}}
  own: {{instanceTypes: [c7i], engines: [{{{nextflow}}}]}}
"""
NEXTFLOW = "type: nextflow, engine: nextflow, filesystem: {fsType: EFS}"


def written(folder: Path, queues: str) -> Path:
    file = folder / "agc-project.yaml"
    file.write_text(PROJECT.format(queues=queues, nextflow=NEXTFLOW))
    return file


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory, synthesize: Callable[..., Templates]) -> Templates:
    file = written(tmp_path_factory.mktemp("shared"), "requestSpotInstances: true, instanceTypes: [r6i]")
    return synthesize(file, context={"natGateways": "1"})


def imports(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["Fn::ImportValue"]} if "Fn::ImportValue" in node else set()
        return own.union(*map(imports, node.values()))
    return set().union(*map(imports, node)) if isinstance(node, list) else set()


def test_the_core_stack_has_the_queues_and_a_context_that_uses_them_has_none(templates: Templates) -> None:
    counts = {name: len(resources(template, QUEUES)) for name, template in templates.items()}
    assert counts == {"Shared-core": 3, "Shared-nf": 0, "Shared-smk": 0, "Shared-own": 2}
    assert counts == {name: len(resources(template, ENVIRONMENTS)) for name, template in templates.items()}


def test_the_core_stack_is_the_same_whichever_contexts_are_chosen_and_exports_all_of_them(
    templates: Templates, tmp_path: Path, synthesize: Callable[..., Templates]
) -> None:
    file = written(tmp_path, "requestSpotInstances: true, instanceTypes: [r6i]")
    only_own = synthesize(file, context={"natGateways": "1", "context": "own"})["Shared-core"]
    assert only_own == templates["Shared-core"]
    exported = {one["Export"]["Name"] for one in only_own["Outputs"].values() if "Export" in one}
    assert imports(templates["Shared-nf"]) | imports(templates["Shared-smk"]) <= exported
    assert imports(only_own) == set()


def test_queues_and_environments_are_not_tagged(templates: Templates) -> None:
    core = templates["Shared-core"]
    for type_ in (QUEUES, ENVIRONMENTS):
        for resource in resources(core, type_).values():
            assert "seven" not in json.dumps(resource)
    assert "seven" in json.dumps(resources(core, "AWS::EC2::LaunchTemplate"))


def test_storage_of_single_runs_expires_at_the_end_of_runs_of_its_own_context(templates: Templates) -> None:
    rules = resources(templates["Shared-nf"], "AWS::Events::Rule").values()
    [detail] = [rule["Properties"]["EventPattern"]["detail"] for rule in rules if "EventPattern" in rule["Properties"]]
    names = [one["prefix"]["Fn::Join"][1][-1].rpartition("/")[2] for one in detail["jobDefinition"]]
    heads = templates["Shared-nf"]["Outputs"]["NameInBatch"]["Value"]
    assert names == [f"{heads}-", f"{heads}_"]


@pytest.mark.parametrize(("context", "stack", "types"), [("nf", "core", ("r6i",)), ("own", "own", ("c7i",))])
def test_estimates_and_pictures_of_a_context_are_of_the_machines_that_it_uses(
    templates: Templates, context: str, stack: str, types: tuple[str, ...]
) -> None:
    of_context = {f"Shared-{name}": templates[f"Shared-{name}"] for name in ("core", context)}
    assert machines_of(Stacks(of_context)).names == types
    drawn = architecture_of(of_context)
    assert {node.id.partition("/")[0] for node in drawn.of_kind("queue", "environment")} == {f"Shared-{stack}"}
    mounting = {edge.source for edge in drawn.edges_of("mounts")}
    assert mounting == {node.id for node in drawn.of_kind("environment")}


def test_a_queue_that_an_edit_takes_away_ends_its_jobs_and_the_plan_says_so(
    templates: Templates, tmp_path: Path, synthesize: Callable[..., Templates]
) -> None:
    def edited(queues: str) -> Template:
        return synthesize(written(tmp_path, queues), context={"natGateways": "1", "context": "own"})["Shared-core"]

    before = templates["Shared-core"]
    larger = changes(before, edited("requestSpotInstances: true, maxVCpus: 512, instanceTypes: [r6i, r7i]"))
    assert {change.effect for change in larger} == {Effect.IN_PLACE}
    without = changes(before, edited("requestSpotInstances: true, fallbackToOnDemand: false, instanceTypes: [r6i]"))
    ended = [change.logical_id for change in without if change.effect is Effect.JOBS_END]
    assert len(ended) == 2
    assert all("Fallback" in name for name in ended)


def test_private_queues_need_a_nat_gateway(tmp_path: Path) -> None:
    with pytest.raises(WorkflowContextError, match="sharedQueues are in private subnets, and -c natGateways=0 leaves"):
        build_app(written(tmp_path, ""), context={"natGateways": "0"})
