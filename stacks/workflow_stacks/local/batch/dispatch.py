"""What AWS Batch hands to Amazon ECS when it starts a job, and what ECS refuses.

Command and environment of a job, whether its definition or its submission says them, are not part of the task
definition: Batch passes them, with the variables that it adds, as overrides of the container. ECS takes no more than
8,192 characters of these. RegisterJobDefinition and SubmitJob accept such a job; it fails when it is started.
"""

import json
from typing import Any

Record = dict[str, Any]

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
MAX_OVERRIDES = 8192
TOO_LONG = f"Container Overrides length must be at most {MAX_OVERRIDES}"
# The name of the one container of a job.
CONTAINER = "default"


def batch_variables(job: Record, environment: Record, queue: Record) -> dict[str, str]:
    """The variables that AWS Batch adds: https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html."""
    array = job.get("arrayProperties", {})
    return {
        "AWS_BATCH_JOB_ID": job["jobId"],
        "AWS_BATCH_JOB_ATTEMPT": str(len(job["attempts"]) + 1),
        "AWS_BATCH_JQ_NAME": queue["jobQueueName"],
        "AWS_BATCH_CE_NAME": environment["computeEnvironmentName"],
        **(
            {"AWS_BATCH_JOB_ARRAY_INDEX": str(array["index"]), "AWS_BATCH_JOB_ARRAY_SIZE": str(array["size"])}
            if "index" in array
            else {}
        ),
    }


def overrides(job: Record, environment: Record, queue: Record) -> str:
    """The overrides of the container, as compact JSON: parameters are replaced in the command already."""
    container = job["container"]
    added = batch_variables(job, environment, queue)
    variables = {**{one["name"]: one["value"] for one in container["environment"]}, **added}
    one = {
        "name": CONTAINER,
        "command": container["command"],
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return json.dumps({"containerOverrides": [one]}, separators=(",", ":"), ensure_ascii=False)


def refusal(job: Record, environment: Record, queue: Record) -> str | None:
    """The status reason of a job that ECS refuses to start; None when it starts."""
    return TOO_LONG if len(overrides(job, environment, queue)) > MAX_OVERRIDES else None
