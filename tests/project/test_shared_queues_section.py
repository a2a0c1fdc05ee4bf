"""`sharedQueues` of a project, and `useSharedQueues` of its contexts."""

import pytest

from workflow_stacks.project import Finding, check_project, parse_project
from workflow_stacks.project.checks import queue_count

ELASTIC = "throughputMode: elastic"
EXISTING = (
    "{fileSystemId: fs-0123456789abcdef0, accessPointId: fsap-0123456789abcdef0, "
    "securityGroupId: sg-0123456789abcdef0, path: /mnt/genomes}"
)
EFS = f"{{fsType: EFS, configuration: {{{ELASTIC}}}}}"


def findings(context: str, shared: str = "sharedQueues: {}\n", *, file_system: str = EFS) -> list[Finding]:
    engine = f"[{{type: nextflow, engine: nextflow, filesystem: {file_system}}}]"
    context = context if "engines" in context else f"useSharedQueues: true, engines: {engine}, {context}"
    text = f"name: Test\nschemaVersion: 1\n{shared}contexts:\n  one: {{{context.rstrip(', ')}}}\n"
    return check_project(parse_project(text.encode()))


def test_a_context_of_nextflow_or_snakemake_on_efs_uses_them() -> None:
    assert findings("") == []
    assert (
        findings(f"useSharedQueues: true, engines: [{{type: snakemake, engine: snakemake, filesystem: {EFS}}}]") == []
    )


def test_they_count_once_among_the_queues_of_the_account() -> None:
    engine = f"engines: [{{type: nextflow, engine: nextflow, filesystem: {EFS}}}]"
    contexts = "".join(f"  c{number}: {{useSharedQueues: true, {engine}}}\n" for number in range(40))
    own = f"  own: {{{engine}}}\n"
    text = f"name: T\nschemaVersion: 1\nsharedQueues: {{requestSpotInstances: true}}\ncontexts:\n{contexts}{own}"
    source = parse_project(text.encode())
    assert check_project(source) == []
    assert queue_count(source.project) == 3 + 2


def test_a_context_has_the_machines_of_the_queues() -> None:
    text = (
        "name: T\nschemaVersion: 1\nsharedQueues: {requestSpotInstances: true, maxVCpus: 64, usePublicSubnets: true}\n"
        "contexts:\n  one:\n    useSharedQueues: true\n"
        f"    engines: [{{type: nextflow, engine: nextflow, filesystem: {EFS}}}]\n"
    )
    context = parse_project(text.encode()).project.contexts["one"]
    assert (context.max_vcpus, context.use_public_subnets) == (64, True)
    assert [queue for queue, _ in context.queues] == ["head", "task", "fallback"]
    assert context.model_fields_set == {"use_shared_queues", "engines"}


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("requestSpotInstances: true", "contexts.one.requestSpotInstances"),
        ("maxVCpus: 64", "contexts.one.maxVCpus"),
        ("usePublicSubnets: false", "contexts.one.usePublicSubnets"),
        ("machines: {large: {memoryFromGib: 64}}", "contexts.one.machines"),
        ("amiId: ami-0123456789abcdef0", "contexts.one.amiId"),
    ],
)
def test_a_context_on_them_says_nothing_of_machines(key: str, path: str) -> None:
    [finding] = findings(key)
    assert (finding.level, finding.path, finding.line) == ("error", path, 5)
    assert finding.message == "jobs of this context run on the machines of the project's sharedQueues"
    assert "write it in sharedQueues" in finding.remedy


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("ioMibps: 100", "tasks that wait for the throughput of this file system would be before those of other"),
        ("compliance: hipaa", "the context says compliance: hipaa, and its tasks would run on machines beside"),
        (
            f"references: [{EXISTING}]",
            "whether an existing file system admits tasks without a right to it is not known here",
        ),
        (
            f"useSharedQueues: on, engines: [{{maxWorkflows: 4, type: nextflow, engine: nextflow, filesystem: {EFS}}}]",
            "this bounds the queue of head jobs, which the contexts on the project's sharedQueues have in common",
        ),
        (
            f"useSharedQueues: true, engines: [{{type: wdl, engine: miniwdl, filesystem: {EFS}}}]",
            "tasks of 'miniwdl' on 'EFS' need machines with rights of their context",
        ),
        (
            "useSharedQueues: true, engines: [{type: nextflow, engine: nextflow}]",
            "tasks of 'nextflow' on 'S3' need machines with rights of their context",
        ),
    ],
)
def test_what_needs_machines_or_bounds_of_its_own_is_refused(context: str, message: str) -> None:
    errors = [one for one in findings(context) if one.level == "error"]
    assert len(errors) == 1, errors
    assert message in errors[0].message


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ("availabilityZone: us-east-1a", "machines of shared queues are in every zone"),
        ("fileSystemId: fs-0123456789abcdef0", "whether an existing file system admits tasks without a right"),
    ],
)
def test_a_file_system_that_others_could_reach_or_jobs_could_not_is_refused(configuration: str, message: str) -> None:
    found = findings("", file_system=f"{{fsType: EFS, configuration: {{{configuration}}}}}")
    [error] = [one for one in found if one.level == "error"]
    assert message in error.message


def test_a_context_cannot_use_what_is_not_there() -> None:
    [finding] = findings("", "")
    assert finding.message == "the project has no queues that contexts share"
    assert "add 'sharedQueues: {}'" in finding.remedy


def test_queues_that_nobody_uses_are_pointed_out() -> None:
    [finding] = findings(f"engines: [{{type: nextflow, engine: nextflow, filesystem: {EFS}}}]")
    assert (finding.level, finding.path) == ("warning", "sharedQueues")
    assert "no context uses these queues" in finding.message


@pytest.mark.parametrize(
    ("machines", "path", "message"),
    [
        ("instanceTypes: [m7g.large]", "sharedQueues.instanceTypes[0]", "has arm64 processors"),
        ("machines: {big: {instanceTypes: [m7g]}}", "sharedQueues.machines.big.instanceTypes[0]", "has arm64"),
        ("architecture: arm64, gpu: false, instanceTypes: [m6i]", "sharedQueues.instanceTypes[0]", "has x86_64"),
    ],
)
def test_what_is_said_of_their_machines_is_checked_once_and_where_it_stands(
    machines: str, path: str, message: str
) -> None:
    [finding] = findings("", f"sharedQueues: {{{machines}}}\n")
    assert finding.path == path
    assert message in finding.message


def test_an_engine_without_an_image_for_their_processor_says_so_at_the_context() -> None:
    found = findings(
        f"useSharedQueues: true, engines: [{{type: snakemake, engine: snakemake, filesystem: {EFS}}}]",
        "sharedQueues: {architecture: arm64}\n",
    )
    [error] = [one for one in found if one.level == "error"]
    assert error.path == "contexts.one.useSharedQueues"
    assert "does not exist for arm64" in error.message
