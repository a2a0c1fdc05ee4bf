"""What a job is told beside its definition: tags of the job, which the jobs that it submits inherit.

AWS ignores such tags. So faults can be set for one workflow and leave the others alone.
"""

from typing import Any

Record = dict[str, Any]

# How all of them begin; jobs cannot give them to others.
OWN_TAGS = "local:"
# Added by the local cloud to each job that another job submitted: the id of that one.
SUBMITTED_BY = "local:submitted-by"
# Directories of programs for the job, beside those of this Python, with `:` between them.
SOFTWARE = "local:software"
# The size of /tmp in bytes.
SCRATCH_BYTES = "local:scratch-bytes"
# Any value: a timeout may be shorter than the 60 seconds that AWS insists on.
SHORT_TIMEOUTS = "local:short-timeouts"
# Of jobs that this one submits: the share of attempts that lose their Spot instance, and that fail.
SPOT_INTERRUPTION = "local:spot-interruption"
TASK_FAILURE = "local:task-failure"
# The throughput in MiB/s of the file system that the job and those it submits share.
EFS_THROTTLE = "local:efs-throttle"


def inherited(job: Record, jobs: Any, tag: str) -> str | None:
    """The tag of a job, or of the nearest one above it."""
    return next((one["tags"][tag] for one in (job, *submitters(job, jobs)) if tag in one["tags"]), None)


def submitters(job: Record, jobs: Any) -> list[Record]:
    """Who submitted a job, and who submitted that one."""
    above: list[Record] = []
    while (parent := jobs.get(job["tags"].get(SUBMITTED_BY))) is not None and parent not in above:
        above.append(parent)
        job = parent
    return above
