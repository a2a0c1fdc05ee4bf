"""Ends many jobs of AWS Batch at once: fifty a request, or one by one where the service cannot do that yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .batch_api import BatchApi, BatchError, ResponseLostError

JOBS_PER_REQUEST = 50
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_TerminateJobs.html"""

_REASON = "Ended by qdel"
_IN_PARALLEL = 8


def terminate(api: BatchApi, jobs: Iterable[str]) -> None:
    """End jobs by their ids in AWS Batch; a job that has ended already stays as it is.

    Every job is tried, whatever becomes of the others.

    Raises:
        BatchError: AWS Batch refused to end at least one of them.
        ResponseLostError: AWS Batch could not be reached for at least one of them.
    """
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and qsub and qstat do without it

    ids = list(dict.fromkeys(jobs))
    groups = [ids[start : start + JOBS_PER_REQUEST] for start in range(0, len(ids), JOBS_PER_REQUEST)]
    failures: list[Exception] = []
    with ThreadPoolExecutor(_IN_PARALLEL) as pool:
        for found in pool.map(lambda group: list(_terminate_group(api, group)), groups):
            failures += found
    if failures:
        raise failures[0]


def _terminate_group(api: BatchApi, ids: list[str]) -> Iterator[Exception]:
    """The failures of one group of jobs.

    Jobs that a bulk request did not end are tried one by one, and so are all where the service refuses that request.
    """
    remaining = ids
    if len(ids) > 1:
        try:
            errors = api.call("TerminateJobs", {"jobs": ids, "reason": _REASON})["errors"]
            remaining = [one["job"] for one in errors if one.get("job") in ids]
        except BatchError as error:
            if error.is_throttling:
                yield error
                return
        except ResponseLostError as error:
            yield error
            return
    for id_ in remaining:
        try:
            api.call("TerminateJob", {"jobId": id_, "reason": _REASON})
        except (BatchError, ResponseLostError) as error:
            yield error
