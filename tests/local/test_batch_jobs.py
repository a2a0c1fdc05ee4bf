"""Jobs of AWS Batch on the local cloud, asked over its API: states, retries, timeouts, arrays, dependencies."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from workflow_stacks.local.batch.faults import draw_fault
from workflow_stacks.local.batch.job_tags import SPOT_INTERRUPTION, SUBMITTED_BY, TASK_FAILURE
from workflow_stacks.local.batch.retries import Outcome, runs_again

STUCK = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"


def test_a_job_ends_with_the_exit_code_of_its_command(lab):
    done, failed = lab.run("echo well; exit 0"), lab.run("exit 7")

    assert (done["status"], done["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert (failed["status"], failed["container"]["exitCode"]) == ("FAILED", 7)
    assert failed["statusReason"] == "Essential container in task exited"
    assert failed["createdAt"] <= failed["startedAt"] <= failed["stoppedAt"]


def test_a_command_that_is_not_there_cannot_start(lab):
    definition = lab.new_definition(command=["no-such-program"])

    job = lab.run("", definition=definition)

    assert (job["container"]["exitCode"], job["container"]["reason"]) == (127, "CannotStartContainerError")


def test_a_job_that_is_killed_ends_with_137(lab):
    assert lab.run("kill -KILL $$")["container"]["exitCode"] == 137


def test_the_log_is_where_the_definition_wants_it(lab):
    options = {"awslogs-group": "lab-group", "awslogs-stream-prefix": "head"}
    definition = lab.new_definition(logConfiguration={"logDriver": "awslogs", "options": options})

    first, second = lab.run("echo one; echo; echo two >&2; printf three"), lab.run("echo own", definition=definition)

    assert sorted(lab.log(first)) == ["one", "three", "two"]
    name = lab.definition.rpartition("/")[2].rpartition(":")[0]
    assert first["container"]["logStreamName"].startswith(f"{name}/default/")
    assert lab.log(second) == ["own"]
    assert second["container"]["logStreamName"].startswith("head/default/")


def test_a_log_can_be_read_while_the_job_runs(lab):
    job = lab.submit("echo begun; sleep 20")
    running = lab.wait(job, "RUNNING")
    deadline = time.monotonic() + 10
    while not lab.log(running) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert lab.log(running) == ["begun"]
    lab.batch.terminate_job(jobId=job, reason="seen")
    lab.wait(job)


def test_parameters_overrides_and_the_environment_of_batch_reach_the_command(lab):
    definition = lab.new_definition(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    overrides = {"environment": [{"name": "B", "value": "3"}]}
    script = "echo $A $B $AWS_BATCH_JOB_ATTEMPT $AWS_BATCH_JQ_NAME; [ $AWS_BATCH_JOB_ID ] && aws --version >/dev/null"

    job = lab.run(script, definition=definition, containerOverrides=overrides)

    assert lab.log(job) == [f"1 3 1 {lab.queue.rpartition('/')[2]}"]
    assert job["container"]["command"] == ["bash", "-c", script]


def test_a_job_that_fails_twice_and_then_works_has_three_attempts(lab):
    job = lab.run("[ $AWS_BATCH_JOB_ATTEMPT = 3 ]", retryStrategy={"attempts": 5})

    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 0]
    assert len({attempt["container"]["logStreamName"] for attempt in job["attempts"]}) == 3


def test_a_retry_strategy_looks_at_the_exit_code(lab):
    rules = [{"onExitCode": "42", "action": "EXIT"}, {"onExitCode": "4*", "action": "RETRY"}]
    strategy = {"attempts": 3, "evaluateOnExit": rules}

    assert len(lab.run("exit 42", retryStrategy=strategy)["attempts"]) == 1
    assert len(lab.run("exit 43", retryStrategy=strategy)["attempts"]) == 3


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (Outcome(None, "Host EC2 (instance i-1) terminated."), True),
        (Outcome(1), False),
        (Outcome(None, "Host EC2 (instance i-1) terminated.", final=True), False),
    ],
)
def test_the_strategy_of_our_definitions_repeats_only_what_lost_its_machine(outcome, again):
    rules = [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ]
    assert runs_again({"attempts": 3, "evaluateOnExit": rules}, 1, outcome) is again
    assert not runs_again({"attempts": 3, "evaluateOnExit": rules}, 3, outcome)


def test_a_job_that_exceeds_its_timeout_is_ended_and_not_repeated(lab):
    job = lab.run("sleep 60", seconds=1, retryStrategy={"attempts": 3})

    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert job["stoppedAt"] - job["startedAt"] < 10_000


def test_a_timeout_that_aws_would_refuse_is_refused(lab):
    with pytest.raises(lab.batch.exceptions.ClientException, match="at least 60"):
        lab.submit("true", timeout={"attemptDurationSeconds": 59})


def test_a_terminated_job_can_clean_up_and_says_why_it_ended(lab):
    job = lab.submit("trap 'echo cleaned; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
    while not lab.log(lab.wait(job, "RUNNING")):
        time.sleep(0.05)

    lab.batch.terminate_job(jobId=job, reason="enough")

    ended = lab.wait(job)
    assert (ended["status"], ended["statusReason"], ended["isTerminated"]) == ("FAILED", "enough", True)
    assert ended["container"]["exitCode"] == 3
    assert lab.log(ended) == ["ready", "cleaned"]


def test_cancelling_ends_what_waits_and_leaves_what_runs(lab):
    queue = lab.new_queue("EC2", 1)
    running = lab.submit("sleep 1", queue=queue)
    lab.wait(running, "RUNNING")
    waiting = lab.submit("true", queue=queue)

    for job in (running, waiting):
        lab.batch.cancel_job(jobId=job, reason="changed my mind")

    cancelled = lab.wait(waiting)
    assert (cancelled["status"], cancelled["statusReason"]) == ("FAILED", "changed my mind")
    assert cancelled["attempts"] == []
    assert lab.wait(running)["status"] == "SUCCEEDED"


def test_no_more_runs_at_once_than_the_environment_has_vcpus(lab):
    queue = lab.new_queue("EC2", 2)
    jobs = [lab.wait(lab.submit("sleep 0.4", queue=queue, arrayProperties={"size": 5}))]
    children = [lab.job(f"{jobs[0]['jobId']}:{index}") for index in range(5)]

    begun = [(child["startedAt"], 1) for child in children]
    over = [(child["stoppedAt"], -1) for child in children]
    running, most = 0, 0
    for _, change in sorted(begun + over):
        running += change
        most = max(most, running)
    assert most == 2


def test_a_job_that_can_never_fit_waits_and_is_cancelled_by_the_rule_of_its_queue(lab):
    rule = {"reason": STUCK, "state": "RUNNABLE", "maxTimeSeconds": 1, "action": "CANCEL"}
    queue = lab.new_queue("EC2", 2, jobStateTimeLimitActions=[rule])
    large = {"resourceRequirements": [{"type": "VCPU", "value": "64"}]}

    stuck = lab.submit("true", queue=queue, containerOverrides=large)
    behind = lab.submit("true", queue=queue)
    time.sleep(0.3)

    assert lab.job(stuck)["status"] == lab.job(behind)["status"] == "RUNNABLE"
    assert "at most 2 vCPUs, and the job wants 64" in lab.job(stuck)["statusReason"]
    cancelled = lab.wait(stuck)
    assert (cancelled["status"], cancelled["statusReason"]) == ("FAILED", STUCK)
    assert lab.wait(behind)["status"] == "SUCCEEDED"


def test_an_array_job_is_as_many_jobs_that_know_their_index(lab):
    parent = lab.wait(lab.submit("echo $AWS_BATCH_JOB_ARRAY_INDEX; [ $AWS_BATCH_JOB_ARRAY_INDEX != 1 ]",
                                 arrayProperties={"size": 3}))  # fmt: skip

    assert (parent["status"], parent["statusReason"]) == ("FAILED", "Array Child Job failed")
    children = [lab.job(f"{parent['jobId']}:{index}") for index in range(3)]
    assert [child["status"] for child in children] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert [lab.log(child) for child in children] == [["0"], ["1"], ["2"]]
    assert {state: n for state, n in parent["arrayProperties"]["statusSummary"].items() if n} == {
        "SUCCEEDED": 2,
        "FAILED": 1,
    }
    listed = lab.batch.list_jobs(arrayJobId=parent["jobId"], jobStatus="FAILED")["jobSummaryList"]
    assert [job["jobId"] for job in listed] == [f"{parent['jobId']}:1"]


def test_a_list_counts_the_children_of_an_array_job_too(lab):
    """https://docs.aws.amazon.com/batch/latest/APIReference/API_ArrayPropertiesSummary.html."""
    id_ = lab.submit("exit $AWS_BATCH_JOB_ARRAY_INDEX", arrayProperties={"size": 2})
    ended, deadline = [], time.monotonic() + 60
    while not ended and time.monotonic() < deadline:
        created = [{"name": "AFTER_CREATED_AT", "values": ["1"]}]
        listed = lab.batch.list_jobs(jobQueue=lab.queue, filters=created)["jobSummaryList"]
        ended = [job for job in listed if job["jobId"] == id_ and job["status"] == "FAILED"]
        time.sleep(0.05)

    summary = ended[0]["arrayProperties"]["statusSummary"]
    assert {state: n for state, n in summary.items() if n} == {"SUCCEEDED": 1, "FAILED": 1}


def test_a_job_waits_for_those_it_depends_on_and_fails_with_them(lab):
    first = lab.submit("sleep 0.3")
    second = lab.submit("true", dependsOn=[{"jobId": first}])
    failing = lab.submit("exit 1", dependsOn=[{"jobId": second}])
    last = lab.submit("true", dependsOn=[{"jobId": failing}])

    ended = [lab.wait(job) for job in (first, second, failing, last)]

    assert [job["status"] for job in ended] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED"]
    assert ended[1]["startedAt"] >= ended[0]["stoppedAt"]
    assert ended[3]["statusReason"] == "Dependent Job failed"


def test_array_jobs_can_depend_on_each_other_index_by_index(lab):
    size = {"arrayProperties": {"size": 2}}
    first = lab.submit("sleep 0.$((1 + 5 * AWS_BATCH_JOB_ARRAY_INDEX))", **size)
    second = lab.wait(lab.submit("true", dependsOn=[{"jobId": first, "type": "N_TO_N"}], **size))

    assert second["status"] == "SUCCEEDED"
    for index in range(2):
        assert lab.job(f"{second['jobId']}:{index}")["startedAt"] >= lab.job(f"{first}:{index}")["stoppedAt"]


def test_a_dependency_that_does_not_exist_is_refused(lab):
    with pytest.raises(lab.batch.exceptions.ClientException, match="does not exist"):
        lab.submit("true", dependsOn=[{"jobId": "nobody"}])


def test_jobs_are_listed_by_queue_state_and_name(lab):
    queue = lab.new_queue("EC2", 1)
    job = lab.submit("sleep 1", queue=queue)
    lab.wait(job, "RUNNING")

    def join_words(**request) -> list[str]:
        return [one["jobId"] for one in lab.batch.list_jobs(jobQueue=queue, **request)["jobSummaryList"]]

    assert join_words() == [job]
    assert join_words(jobStatus="SUCCEEDED") == []
    lab.wait(job)
    assert join_words() == []
    assert join_words(filters=[{"name": "JOB_NAME", "values": ["scr*"]}]) == [job]
    assert join_words(filters=[{"name": "JOB_NAME", "values": ["other"]}]) == []


def test_a_definition_that_was_deregistered_takes_no_jobs_and_its_name_means_the_latest(lab):
    old = lab.new_definition(command=["echo", "old"])
    name = old.rpartition("/")[2].rpartition(":")[0]
    lab.batch.register_job_definition(
        jobDefinitionName=name, type="container", containerProperties={"image": "x", "command": ["echo", "new"]}
    )
    lab.batch.deregister_job_definition(jobDefinition=old)

    assert lab.log(lab.run("", definition=name)) == ["new"]
    with pytest.raises(lab.batch.exceptions.ClientException, match="is not active"):
        lab.submit("", definition=old)


@pytest.mark.parametrize(
    ("kind", "job", "share", "found"),
    [
        ("SPOT", {SUBMITTED_BY: "head"}, 1.0, True),
        ("SPOT", {SUBMITTED_BY: "head"}, 0.0, False),
        ("EC2", {SUBMITTED_BY: "head"}, 1.0, False),
        ("SPOT", {}, 1.0, False),
    ],
    ids=["a task on Spot", "never", "a task on demand", "the head job itself"],
)
def test_spot_interruptions_meet_the_tasks_of_whoever_asked_for_them(kind, job, share, found):
    head = {"tags": {SPOT_INTERRUPTION: str(share)}}
    record = {"tags": job} if job else head

    fault = draw_fault(record, {"head": head}, {"computeResources": {"type": kind}})

    assert (fault is not None) is found
    if fault:
        assert fault.status_reason.startswith("Host EC2 (instance i-")


def test_a_job_that_loses_its_spot_instance_says_so_as_aws_does(lab):
    with lab.as_job(tags={SPOT_INTERRUPTION: "1"}) as head:
        task = head.client.submit_job(
            jobName="task",
            jobQueue=lab.new_queue("SPOT", 2),
            jobDefinition=lab.definition,
            parameters={"script": "sleep 5"},
            retryStrategy={"attempts": 2, "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"}]},
        )["jobId"]

        job = lab.wait(task)

    assert job["status"] == "FAILED"
    assert len(job["attempts"]) == 2
    assert job["statusReason"].startswith("Host EC2 (instance i-")
    assert job["statusReason"].endswith(") terminated.")
    assert "exitCode" not in job["container"]
    assert job["tags"][SUBMITTED_BY] == head.id


def test_a_task_that_shall_fail_fails_and_its_log_says_that_it_was_asked_for(lab):
    with lab.as_job(tags={TASK_FAILURE: "1"}) as head:
        task = head.client.submit_job(
            jobName="task", jobQueue=lab.queue, jobDefinition=lab.definition, parameters={"script": "echo never"}
        )["jobId"]

        job = lab.wait(task)

    assert job["container"]["exitCode"] == 1
    assert lab.log(job) == ["[local cloud] This attempt fails, as asked for by --task-failure."]


def test_up_to_50_jobs_are_terminated_by_one_call_and_those_that_are_not_there_count_as_done(lab):
    ids = [lab.submit("sleep 60") for _ in range(2)]
    lab.wait(ids[0], "RUNNING")

    answer = lab.batch.terminate_jobs(jobs=[*ids, "nobody"], reason="enough")

    assert answer["successful"] == [*ids, "nobody"]
    assert answer["errors"] == []
    assert {lab.wait(id_)["statusReason"] for id_ in ids} == {"enough"}
    with pytest.raises(lab.batch.exceptions.ClientException, match="Maximum number of jobs supported is 50"):
        lab.batch.terminate_jobs(jobs=["one"] * 51, reason="enough")


def test_up_to_50_jobs_are_cancelled_by_one_call_and_what_runs_goes_on(lab):
    queue = lab.new_queue("EC2", 1)
    running = lab.submit("sleep 60", queue=queue)
    lab.wait(running, "RUNNING")
    waiting = lab.submit("true", queue=queue)

    lab.batch.cancel_jobs(jobs=[running, waiting], reason="not needed")

    assert lab.wait(waiting)["statusReason"] == "not needed"
    assert lab.job(running)["status"] == "RUNNING"
    lab.batch.terminate_job(jobId=running, reason="done")


def test_lif_24_a_queue_is_deleted_when_it_is_disabled_and_its_jobs_end(lab):
    queue = lab.new_queue("EC2", 1)
    running = lab.submit("sleep 60", queue=queue)
    lab.wait(running, "RUNNING")
    waiting = lab.submit("true", queue=queue)
    with pytest.raises(lab.batch.exceptions.ClientException, match="state must be DISABLED"):
        lab.batch.delete_job_queue(jobQueue=queue)
    lab.batch.update_job_queue(jobQueue=queue, state="DISABLED")

    lab.batch.delete_job_queue(jobQueue=queue)

    for id_ in (running, waiting):
        job = lab.wait(id_)
        assert (job["status"], job["statusReason"]) == ("FAILED", f"The job queue {queue} was deleted")


def test_rob_27_a_request_without_a_key_is_a_client_exception_and_no_fault_of_the_server(lab):
    with pytest.raises(ClientError, match="jobQueue") as refused:
        lab.unchecked().submit_job(jobName="no-queue")

    assert refused.value.response["Error"]["Code"] == "ClientException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_submissions_beyond_50_a_second_are_throttled_as_sdks_understand_it(lab):
    batch = lab.unchecked()

    def submit(number):
        try:
            batch.submit_job(jobName=f"n{number}", jobQueue="not-there", jobDefinition="neither")
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(submit, range(400)))

    assert answers == {("ClientException", 400), ("TooManyRequestsException", 429)}
    time.sleep(1)  # for whoever submits next


def test_aws_1_a_job_whose_overrides_are_too_long_is_taken_and_fails_when_it_is_started(lab):
    long = lab.run(f"true {'x' * 8100}")

    assert (long["status"], long["statusReason"]) == ("FAILED", "Container Overrides length must be at most 8192")
    assert long["attempts"] == []
    assert lab.run(f"true {'x' * 7000}")["status"] == "SUCCEEDED"
