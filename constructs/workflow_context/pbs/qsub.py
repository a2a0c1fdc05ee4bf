"""qsub: submits a script as a job of AWS Batch."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path

from .batch_api import (
    BatchApi,
    BatchError,
    Record,
    ResponseLostError,
)
from .definitions import definition_for
from .journal import Journal, wait_for_turn
from .resources import requirements, seconds
from .script import (
    PbsError,
    Request,
    read_request,
    script_of,
)
from .settings import TAG, Settings

INDEX = "WORKFLOW_ARRAY_INDEX"
_LOOK_AFTER = (2.0, 4.0, 8.0)  # a job that was taken may be seen late
_TRIES = 4
# Nothing of a request stands in the text of the shell: it gets all as arguments. Nextflow's script would note an exit
# code when it is told to end, and Nextflow go by that, although its machine went and the job is moved: so it is killed.
_RUN = (
    f'export PBS_ARRAYID="${{AWS_BATCH_JOB_ARRAY_INDEX:-${{{INDEX}:-}}}}" PBS_JOBID="$AWS_BATCH_JOB_ID"\n'
    'cd "$1" || exit\n'
    'if [ -n "$3" ]; then exec >"$3"; fi\n'
    'if [ "$4" = "&" ]; then exec 2>&1; elif [ -n "$4" ]; then exec 2>"$4"; fi\n'
    'if [ "${2##*/}" != .command.run ]; then exec bash "$2"; fi\n'
    "set -m\n"
    'told=; trap "told=1; kill -KILL -- -\\$!" TERM\n'
    'bash "$2" &\n'
    'if [ "$told" ]; then kill -KILL -- -$!; fi\n'
    # A signal ends the waiting too: only what the next one says is the code of the script.
    'while told=; wait $!; code=$?; [ "$told" ]; do :; done\n'
    "exit $code\n"
)


def qsub(arguments: list[str], directory: Path, environment: dict[str, str], api: BatchApi, settings: Settings) -> str:
    """Submit a script and return its id.

    Raises:
        PbsError: It asks for what there is not.
    """
    try:
        text = (directory / script_of(arguments)).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise PbsError(f"the script cannot be read: {error}") from error
    request = read_request(arguments, text, directory, environment)
    payload = job_of(request, settings)
    payload["jobDefinition"] = definition_for(api, settings, request.image)
    journal = Journal(settings.state, settings.run)
    try:
        batch = submit(api, settings, journal, payload)
    except BatchError as error:
        if error.code != "ClientException" or not request.image:
            raise
        # Another run may have tidied up the job definition meanwhile.
        payload["jobDefinition"] = definition_for(api, settings, request.image, anew=True)
        batch = submit(api, settings, journal, payload)
    if request.array is None:
        journal.add(what="id", name=payload["jobName"], id=batch)
        return batch
    journal.add(what="id", name=payload["jobName"], id=batch, size=request.array)
    return f"{batch}[]"


def job_of(request: Request, settings: Settings) -> Record:
    """What SubmitJob is asked, but for the job definition."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", request.name).lstrip("_-")[:100] or "job"
    error = "&" if request.joined else request.error or ""
    variables = dict(request.variables)
    if request.array == 1:
        variables[INDEX] = "0"
    overrides: Record = {
        "command": ["bash", "-c", _RUN, "qsub", request.directory, request.script, request.output or "", error]
    }
    needed = requirements(request.limits, request.gpus, settings.overhead_mib)
    if needed:
        overrides["resourceRequirements"] = needed
    if variables:
        overrides["environment"] = [{"name": one, "value": value} for one, value in sorted(variables.items())]
    limit = seconds(request.limits)
    return {
        # No other job has this name: by it a job is found whose id was lost on the way.
        "jobName": f"{name}-{secrets.token_hex(8)}",
        "jobQueue": settings.queue_of(request.queue),
        "containerOverrides": overrides,
        "tags": {TAG: settings.context},
        **({"timeout": {"attemptDurationSeconds": limit}} if limit else {}),
        **({"arrayProperties": {"size": request.array}} if request.array and request.array > 1 else {}),
        # With a fallback queue, the job that lost its machine goes there; without one AWS Batch tries again.
        **({"retryStrategy": {"attempts": 1}} if settings.fallback else {}),
    }


def submit(api: BatchApi, settings: Settings, journal: Journal, payload: Record) -> str:
    """Submit a job once, whatever becomes of the answers, and return its id for AWS Batch.

    Raises:
        BatchError: It was refused.
        ResponseLostError: AWS Batch cannot be reached.
    """
    journal.add(what="sent", name=payload["jobName"], queue=payload["jobQueue"])
    for left in reversed(range(_TRIES)):
        wait_for_turn(settings.state, settings.submissions_per_second)
        try:
            return str(api.call("SubmitJob", payload, once=True)["jobId"])
        except ResponseLostError:
            found = _look(api, payload["jobQueue"], payload["jobName"])
            if found:
                return found
            if not left:
                raise
        except BatchError:
            journal.add(what="gone", name=payload["jobName"])
            raise
    raise ResponseLostError("SubmitJob")


def find_by_name(api: BatchApi, queue: str, name: str) -> str:
    """The id of the job of a name, or nothing."""
    found = api.call("ListJobs", {"jobQueue": queue, "filters": [{"name": "JOB_NAME", "values": [name]}]})
    return next((str(one["jobId"]) for one in found["jobSummaryList"]), "")


def _look(api: BatchApi, queue: str, name: str) -> str:
    for pause in _LOOK_AFTER:
        time.sleep(pause)
        found = find_by_name(api, queue, name)
        if found:
            return found
    return ""
