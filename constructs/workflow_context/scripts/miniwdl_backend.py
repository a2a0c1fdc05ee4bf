"""miniwdl's backends for AWS Batch, with the mark of the context on all that they make. Head jobs bring it along.

miniwdl-aws names job definitions after tasks alone, and takes no tags for them. AWS lets a program change the
parameters of a request before it is sent: https://docs.aws.amazon.com/boto3/latest/guide/events.html.
"""

import os
from typing import Any

import miniwdl_aws

_LONGEST_NAME = 128
_TAG, _RUN_TAG = "workflow-context", "workflow-context:run"


def mark_definition(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put the context before the name of a job definition, and into its tags; the end of the name is random."""
    context = os.environ["WORKFLOW_CONTEXT"]
    start = f"{os.environ.get('WORKFLOW_DEFINITIONS') or context}-task-"
    name = start + params["jobDefinitionName"][len(start) - _LONGEST_NAME :]
    return {
        **params,
        "jobDefinitionName": name,
        "tags": {**params.get("tags", {}), _TAG: context},
        **_share_of_file_system(params["containerProperties"]),
    }


def _share_of_file_system(container: dict[str, Any]) -> dict[str, Any]:
    """What a task takes of the throughput of the file system, where the context bounds it."""
    resource = os.environ.get("WORKFLOW_IO_RESOURCE")
    if not resource:
        return {}
    vcpus = next(float(one["value"]) for one in container["resourceRequirements"] if one["type"] == "VCPU")
    units = min(round(vcpus * int(os.environ["WORKFLOW_IO_UNITS_PER_VCPU"])), int(os.environ["WORKFLOW_IO_UNITS"]))
    one = {"consumableResource": resource, "quantity": max(units, 1)}
    return {"consumableResourceProperties": {"consumableResourceList": [one]}}


def mark_job(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Tag a job with its context, and with its run when the head job knows of which one it is."""
    run = os.environ.get("WORKFLOW_RUN_ID")
    tags = {_TAG: os.environ["WORKFLOW_CONTEXT"], **({_RUN_TAG: run} if run else {})}
    return {**params, "tags": {**params.get("tags", {}), **tags}}


class _OfContext:
    """Marks what a backend of miniwdl-aws registers and submits, and chooses among several kinds of machines."""

    def _submit_batch_job(self, logger: Any, cleanup: Any, aws_batch: Any) -> str:
        events = aws_batch.meta.events
        # With an id, so that a client that is used again has each handler once.
        events.register("provide-client-params.batch.RegisterJobDefinition", mark_definition, unique_id="definition")
        events.register("provide-client-params.batch.SubmitJob", mark_job, unique_id="job")
        job: str = super()._submit_batch_job(logger, cleanup, aws_batch)  # type: ignore[misc]  # of miniwdl-aws
        return job

    def _select_job_queue(self) -> str:
        chosen: str = super()._select_job_queue()  # type: ignore[misc]  # of miniwdl-aws
        told = os.environ.get("WORKFLOW_MACHINES")
        if not told:
            return chosen
        from workflow_context_machines import machines_for, read_machines  # type: ignore[import-not-found]  # beside it

        values, queue, fallback = self.runtime_values, self._job_queue, self._job_queue_fallback  # type: ignore[attr-defined]
        kind = machines_for(
            read_machines(told, queue, fallback),
            gpus=int(bool(values.get("gpu"))),
            memory_mib=int(values.get("memory_reservation", 0)) // 1024**2,
        )
        return str((chosen == fallback and kind.fallback) or kind.queue)


class OnEfs(_OfContext, miniwdl_aws.BatchJob):  # type: ignore[misc]  # without types
    """The backend for EFS."""


class OnMachines(_OfContext, miniwdl_aws.BatchJobNoEFS):  # type: ignore[misc]  # without types
    """The backend for file systems that machines mount."""
