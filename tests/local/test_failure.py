"""ENG-1, ENG-6, ENG-9: a workflow that failed names the task to blame, and one that fits no machine is told at once."""

import pytest

from workflow_stacks.local.batch.machines import why_it_never_fits
from workflow_stacks.local.runs.failure import failed_by_itself, report, was_ended


def task(name, status="FAILED", at=0, **more):
    container = {"command": ["bash", "-c", "run"], "image": "debian:12", **more.pop("container", {})}
    return {"jobName": name, "status": status, "stoppedAt": at, "container": container, **more}


def test_eng_1_a_sibling_that_was_ended_is_not_to_blame_though_it_ended_last():
    culprit = task("two", at=1, statusReason="Essential container in task exited", container={"exitCode": 7})
    siblings = [
        task("one", at=2, statusReason="terminated by miniwdl", isTerminated=True, container={"exitCode": 143}),
        task("three", at=0, statusReason="Ended by qdel", isCancelled=True),
        task("four", at=3, statusReason="Dependent Job failed"),
        task("five", "SUCCEEDED", at=1),
    ]

    assert failed_by_itself([*siblings, culprit]) == [culprit]
    assert sum(was_ended(one) for one in siblings) == 3


def test_eng_1_of_several_the_first_one_is_named_and_not_one_whose_repetition_worked():
    late, early = task("late", at=9), task("early", at=5)
    repeated = [task("again", at=1), task("again", "SUCCEEDED", at=2)]

    assert failed_by_itself([late, *repeated, early]) == [early, late]


def test_eng_1_a_lost_machine_is_blamed_only_when_nothing_else_failed():
    lost = task("lost", at=1, statusReason="Host EC2 (instance i-0) terminated.")

    assert failed_by_itself([lost, task("own", at=2)])[0]["jobName"] == "own"
    assert failed_by_itself([lost]) == [lost]


def test_eng_6_a_task_that_was_cancelled_since_it_fits_nowhere_failed_by_itself():
    stuck = task("huge", isCancelled=True, statusReason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")

    assert failed_by_itself([stuck]) == [stuck]


def test_eng_1_the_report_has_command_exit_code_and_how_many_were_ended():
    job = task("two", statusReason="Essential container in task exited", container={"exitCode": 7})

    told = report(job, "task", 19, ["no such sample"], lambda _: None)

    assert told == [
        "The task two failed: exit code 7, Essential container in task exited",
        "19 other tasks were ended because of it.",
        "Its command:",
        "  bash -c run",
        "The end of its log:",
        "  no such sample",
    ]


def test_eng_9_of_a_nextflow_task_the_standard_error_is_shown_and_the_command_of_its_process():
    files = {
        "/mnt/efs/work/ab/.command.sh": b"#!/bin/bash -ue\nsamtools sort missing.bam\n",
        "/mnt/efs/work/ab/.command.err": b"[E::hts_open_format] Failed to open\n",
    }
    command = ["bash", "-c", "…", "qsub", "/mnt/efs/work/ab", ".command.run", "/mnt/efs/work/ab/.command.log", "&"]

    told = report(task("nf-sort", container={"command": command, "exitCode": 1}), "task", 0, [], files.get)

    assert told[-5:] == [
        "Its command:",
        "  #!/bin/bash -ue",
        "  samtools sort missing.bam",
        "The end of its standard error:",
        "  [E::hts_open_format] Failed to open",
    ]


def test_eng_9_where_standard_error_is_empty_the_log_of_the_task_stands_in():
    files = {"/w/.command.err": b"\n", "/w/.command.log": b"died\n"}
    command = ["bash", "-c", "…", "qsub", "/w", ".command.run", "", "&"]

    told = report(task("nf", container={"command": command}), "task", 0, [], files.get)

    assert told[-2:] == ["The end of its standard error:", "  died"]


@pytest.mark.parametrize(
    ("asked", "types", "said"),
    [
        ((300, 1024), [], "COMPUTE_ENVIRONMENT_MAX_RESOURCE - a compute environment of the queue has at most 256"),
        ((64, 1024), ["m6i.4xlarge", "c6i.8xlarge"], "JOB_RESOURCE_REQUIREMENT - the job wants 64 vCPUs and 1024 MiB"),
        ((4, 200_000), ["m6i.4xlarge"], "JOB_RESOURCE_REQUIREMENT - the job wants 4 vCPUs and 200000 MiB"),
        ((64, 1024), ["m6i.4xlarge", "r6i"], ""),
        ((16, 65536), ["m6i.4xlarge"], ""),
        ((4, 8192), ["optimal"], ""),
    ],
)
def test_eng_6_a_job_that_no_machine_can_hold_is_known_at_once(asked, types, said):
    needed = [{"type": kind, "value": str(value)} for kind, value in zip(("VCPU", "MEMORY"), asked, strict=True)]
    job = {"container": {"resourceRequirements": needed}}
    environment = {"computeResources": {"maxvCpus": 256, "instanceTypes": types}}

    found = why_it_never_fits(job, [environment])

    assert said in (" - ".join(found) if found else "")
    assert bool(found) is bool(said)
