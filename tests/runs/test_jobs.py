"""Which jobs belong to a run, and how many there are in each state."""

from typing import Any

from run_records import record_of_run

from workflow_stacks.runs.engines import ENGINES
from workflow_stacks.runs.jobs import OWNER_TAG, RUN_TAG, RunJobs, counted, jobs_at_work

RUN = record_of_run(engine="toil")
TAGS = {
    "tagged": {RUN_TAG: RUN.run_id},
    "owned": {OWNER_TAG: RUN.run_id},
    "child": {"AWS_BATCH_PARENT_JOB_ID": "head"},
    "of another run": {RUN_TAG: "20260101-000000-ffff", OWNER_TAG: "lab"},
    "of nobody": {},
}


class Batch:
    """AWS Batch with these jobs."""

    def get_paginator(self, _: str) -> "Batch":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"jobSummaryList": [{"jobId": name, "createdAt": at} for at, name in enumerate(TAGS)]}]

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [{"jobId": name, "tags": TAGS[name]} for name in jobs]}


class Going:
    """AWS Batch with a job that goes on to the next state after each request."""

    def get_paginator(self, _: str) -> "Going":
        return self

    def paginate(self, *, jobStatus: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803  a name of AWS
        del jobStatus
        return [{"jobSummaryList": [{"jobId": "one"}]}]


def test_a_job_that_goes_on_while_states_are_asked_for_is_listed_once_in_the_last_one() -> None:
    assert jobs_at_work(lambda _: Going(), {"TaskQueue": "queue"}) == [("RUNNING", {"jobId": "one"})]


def test_its_jobs_carry_its_tag_or_name_their_head_job_or_are_owned_by_it() -> None:
    found = RunJobs(lambda _: Batch(), RUN).tasks()
    assert [job["jobId"] for job in found] == ["tagged", "owned", "child"]


def test_a_job_of_cromwell_is_known_by_the_folder_of_its_script() -> None:
    def job(script: str) -> dict[str, Any]:
        return {"container": {"environment": [{"name": "BATCH_FILE_S3_URL", "value": f"s3://lab/scripts/{script}"}]}}

    cromwell = ENGINES["cromwell"]
    assert cromwell.is_task(RUN, job(f"{RUN.run_id}/0f3a"))
    assert not cromwell.is_task(RUN, job("20260101-000000-ffff/0f3a"))
    assert not cromwell.is_task(RUN, {"container": {}})


def test_children_of_arrays_count_one_by_one_and_those_of_one_that_succeeded_have_all_succeeded() -> None:
    early = {"RUNNABLE": 2, "RUNNING": 1, "FAILED": 0}  # lists count them some time later
    going = {"status": "PENDING", "arrayProperties": {"size": 3, "statusSummary": early}}
    well = {"status": "SUCCEEDED", "arrayProperties": {"size": 3, "statusSummary": early}}
    assert counted([going, {"status": "RUNNING"}]) == {"RUNNABLE": 2, "RUNNING": 2}
    assert counted([well, {"status": "FAILED"}]) == {"SUCCEEDED": 3, "FAILED": 1}
