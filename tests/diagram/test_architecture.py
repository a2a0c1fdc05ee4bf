"""Nodes and edges of what was synthesized: one set of rules for every engine and file system."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workflow_context.models.cfn import Stacks
from workflow_stacks.diagram import Architecture, architecture_of
from workflow_stacks.diagram.drawing import draw
from workflow_stacks.diagram.layout import layout_of

Arrow = tuple[str, str, str, str]
ReadArchitecture = Callable[[str], Architecture]


@pytest.fixture(scope="session")
def templates(
    variants: dict[str, Any], storages: dict[str, Any], engine_templates: dict[str, Any]
) -> Mapping[str, Mapping[str, Any]]:
    engines = {f"Engines-{name}": template for name, template in engine_templates.items()}
    return {**variants, **storages, **engines}


@pytest.fixture(scope="session")
def architecture(templates: Mapping[str, Mapping[str, Any]]) -> ReadArchitecture:
    def read(stack: str) -> Architecture:
        core = f"{stack.partition('-')[0]}-core"
        return architecture_of({name: templates[name] for name in (core, stack)})

    return read


def arrows(architecture: Architecture, *relations: str) -> set[Arrow]:
    names = {node.id: node.name for node in architecture.nodes}
    return {
        (names[edge.source], edge.relation, names[edge.target], edge.at)
        for edge in architecture.edges
        if not relations or edge.relation in relations
    }


def details(architecture: Architecture, name: str) -> tuple[str, ...]:
    [node] = [node for node in architecture.nodes if node.name == name]
    return node.details


def test_a_miniwdl_context_on_spot(architecture: ReadArchitecture) -> None:
    spot = architecture("Variants-spot")

    assert arrows(spot, "submits") == {
        ("your client", "submits", "head queue", ""),
        ("head environment", "submits", "task queue", ""),
        ("head environment", "submits", "fallback queue", ""),
    }
    assert arrows(spot, "runs on") == {
        (f"{name} queue", "runs on", f"{name} environment", "") for name in ("head", "task", "fallback")
    }
    assert arrows(spot, "mounts") == {
        (f"{name} environment", "mounts", "Amazon EFS", "") for name in ("head", "task", "fallback")
    }
    assert arrows(spot, "reads and writes", "reads") >= {
        ("head environment", "reads and writes", "bucket", "contexts/spot/"),
        ("task environment", "reads", "bucket", "contexts/spot/"),
        ("task environment", "reads and writes", "s3://lab-cohorts", "wgs/"),
        ("head environment", "reads", "s3://public-references", ""),
    }
    assert details(spot, "head environment")[:2] == ("Fargate", "up to 16 vCPUs")
    assert details(spot, "head environment")[2].startswith("head job: miniwdl-aws:")
    assert details(spot, "task environment") == ("EC2 Spot, x86_64", "up to 256 vCPUs")
    assert {"bursting throughput", "2 mount targets", "access point /workflow"} <= set(details(spot, "Amazon EFS"))


def test_each_kind_of_machines_has_queues_and_environments_with_its_name(architecture: ReadArchitecture) -> None:
    kinds = architecture("Engines-nextflowKinds")
    names = [f"{kind}{queue}" for kind in ("", "large ", "gpu ", "arm ") for queue in ("task", "fallback")]
    assert arrows(kinds, "runs on") == {
        (f"{name} queue", "runs on", f"{name} environment", "") for name in ("head", *names)
    }
    assert {target for source, _, target, _ in arrows(kinds, "submits") if source == "head environment"} == {
        f"{name} queue" for name in names
    }


def test_a_snakemake_context_runs_its_task_definition_where_its_head_submits(architecture: ReadArchitecture) -> None:
    snakemake = architecture("Variants-snakemake")

    assert [job.partition(":")[0] for job in details(snakemake, "head environment")[2:]] == ["head job"]
    assert [job.partition(":")[0] for job in details(snakemake, "task environment")[2:]] == ["task job"]
    assert ("task environment", "reads and writes", "bucket", "contexts/snakemake/") in arrows(snakemake)
    assert ("task environment", "mounts", "Amazon EFS", "") in arrows(snakemake)


def test_a_role_that_a_head_job_passes_acts_where_its_tasks_run(architecture: ReadArchitecture) -> None:
    nextflow = arrows(architecture("Engines-nextflowSpot"))

    assert ("task environment", "writes", "bucket", "contexts/nextflowSpot/work/") in nextflow
    assert ("head environment", "reads and writes", "bucket", "contexts/nextflowSpot/") in nextflow
    assert not [arrow for arrow in nextflow if arrow[1] == "mounts"]


def test_head_jobs_on_machines_are_told_from_tasks_by_what_they_submit(architecture: ReadArchitecture) -> None:
    ofs = architecture("Storages-ofs")

    assert arrows(ofs, "submits") == {
        ("your client", "submits", "head queue", ""),
        ("head instances", "submits", "task queue", ""),
        ("head instances", "submits", "fallback queue", ""),
    }
    assert [job.partition(":")[0] for job in details(ofs, "head instances")[2:]] == ["head job", "expiry"]
    assert details(ofs, "task environment") == ("EC2 Spot, x86_64", "up to 256 vCPUs")
    assert ("task environment", "reads and writes", "storage bucket", "") in arrows(ofs)


def test_a_file_system_that_shows_objects_has_an_arrow_to_their_bucket(architecture: ReadArchitecture) -> None:
    assert arrows(architecture("Storages-fsxPersistent"), "imports", "exports") == {
        ("FSx for Lustre", "imports", "s3://public-references", ""),
        ("FSx for Lustre", "exports", "s3://lab-results", "cohort/"),
    }
    assert arrows(architecture("Storages-s3filesOwn"), "keeps data") == {
        ("S3 Files", "keeps data", "storage bucket", "runs/2026/")
    }


def test_an_existing_file_system_is_mounted_by_heads_and_tasks(architecture: ReadArchitecture) -> None:
    imported = architecture("Variants-imported")

    assert details(imported, "existing file system") == ("fs-0123456789abcdef0",)
    assert {arrow[0] for arrow in arrows(imported, "mounts")} == {"head environment", "task environment"}


def test_private_subnets_lead_through_nat_and_public_ones_do_not(architecture: ReadArchitecture) -> None:
    private, public = architecture("Variants-onDemand"), architecture("Variants-publicSubnets")
    where = {
        name: {node.inside.rpartition("/")[2] for node in each.of_kind("environment")}
        for name, each in {"private": private, "public": public}.items()
    }

    assert where == {"private": {"private subnets"}, "public": {"public subnets"}}
    assert {
        ("private subnets", "routes", "NAT gateway", ""),
        ("NAT gateway", "routes", "internet gateway", ""),
        ("private subnets", "routes", "VPC endpoint", ""),
        ("public subnets", "routes", "internet gateway", ""),
    } <= arrows(private, "routes")


def test_what_is_in_no_box_is_counted(architecture: ReadArchitecture) -> None:
    left = architecture("Variants-onDemand").not_drawn

    assert left["AWS::Logs::LogGroup"] == 2
    assert left["AWS::S3::Bucket"] == 1  # of the access logs: nothing in the picture uses it
    assert not [name for name in left if name.startswith(("AWS::IAM", "AWS::Batch", "AWS::EFS"))]


def test_every_context_can_be_drawn_without_a_box_upon_another(
    templates: Mapping[str, Mapping[str, Any]], architecture: ReadArchitecture
) -> None:
    contexts = [name for name in templates if not name.endswith(("-core", "-in-account"))]
    assert len(contexts) > 20

    for name in contexts:
        read = architecture(name)
        boxes = layout_of(read).boxes
        kinds = {node.id: node.kind for node in read.nodes}
        rects = [rect for id, rect in boxes.items() if kinds[id] != "endpoint"]
        assert {id for id, kind in kinds.items() if kind in ("queue", "environment", "filesystem", "bucket")} <= set(
            boxes
        )
        for index, one in enumerate(rects):
            for other in rects[index + 1 :]:
                apart = (one.right <= other.x, other.right <= one.x, one.bottom <= other.y, other.bottom <= one.y)
                assert any(apart), (name, one, other)


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_other_forms_of_picture_are_written_too(architecture: ReadArchitecture, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"context{suffix}"
    draw(architecture("Storages-s3"), "S3", file)

    assert file.stat().st_size > 10_000


def test_unknown_types_are_counted_and_nothing_else() -> None:
    read = architecture_of({"Other": {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}})

    assert (read.nodes, read.edges, dict(read.not_drawn)) == ((), (), {"AWS::SQS::Queue": 1})


def test_references_are_followed_through_joins_substitutions_and_other_stacks() -> None:
    core = {
        "Resources": {"Bucket1234ABCD": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Bucket1234ABCD", "Arn"]}}},
    }
    arn = {"Fn::GetStackOutput": {"StackName": "core", "OutputName": "Arn"}}
    properties = {
        "Joined": {"Fn::Join": ["", [arn, "/runs/*"]]},
        "Substituted": {"Fn::Sub": "${Role.Arn} in ${AWS::Region}"},
        "Missing": {"Fn::GetStackOutput": {"StackName": "core", "OutputName": "Other"}},
    }
    stacks = Stacks(
        {"core": core, "own": {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}}
    )
    role = stacks.get("own/Role")

    assert role is not None
    assert role.get("Joined") == "<core/Bucket1234ABCD>/runs/*"
    assert role.get("Substituted") == "<own/Role> in ${AWS::Region}"
    assert role.get("Missing") == "${core.Other}"
    assert stacks.referred(role.properties) == ["core/Bucket1234ABCD", "own/Role"]
