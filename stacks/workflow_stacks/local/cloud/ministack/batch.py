"""AWS Batch: ministack's records and addresses, and behind them the Batch of this package, which runs jobs."""

import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import batch, ec2, efs

from workflow_stacks.local.batch.attempts import Attempts
from workflow_stacks.local.batch.control_plane import Batch
from workflow_stacks.local.batch.errors import ClientError
from workflow_stacks.local.batch.jobs import Jobs
from workflow_stacks.local.batch.requests import check_request
from workflow_stacks.local.batch.volumes import Volumes
from workflow_stacks.local.iam.job_start import JobStart

from . import logs
from .access import ACCOUNT, CREDENTIALS, authorizer
from .handlers import Properties, arn
from .settings import PORT, REGION, STATE

_CONSUMABLES = AccountRegionScopedDict()
_saved, _restore_saved = batch.get_state, batch.load_persisted_state

BATCH = Batch(
    arn=lambda resource: arn("batch", resource),
    environments=batch._compute_envs,
    queues=batch._job_queues,
    definitions=batch._job_definitions,
    consumables=_CONSUMABLES,
)
AUTHORIZER = authorizer(BATCH, batch._jobs)
ATTEMPTS = Attempts(
    state=STATE,
    port=PORT,
    region=REGION,
    jobs=batch._jobs,
    volumes=Volumes(
        STATE,
        lambda id_: id_ in efs._file_systems,
        efs._access_points.get,
        lambda id_: str(ec2._launch_templates[id_]["Versions"][-1]["LaunchTemplateData"].get("UserData", "")),
    ),
    logs=logs.call,
    start=JobStart(AUTHORIZER, CREDENTIALS, ACCOUNT, REGION),
)
JOBS = Jobs(BATCH, batch._jobs, ATTEMPTS.run)


def install() -> None:
    """Answer at ministack's addresses, and keep what Batch knows with ministack's state."""
    batch.get_state = lambda: {**_saved(), "consumables": _CONSUMABLES}
    batch.load_persisted_state = _restore
    batch._DISPATCH.clear()
    batch._DISPATCH.update({f"/v1/{action}": _answer(action) for action in BATCH.actions})


def end_jobs() -> None:
    """End every job at once: the server stops."""
    JOBS.scheduler.close()
    ATTEMPTS.kill_all()


def _answer(action: str) -> Callable[[Properties], Any]:
    def answer(request: Properties) -> Any:
        try:
            check_request(action, request)
            return batch._json(200, BATCH.actions[action](request))
        except ClientError as error:
            words = f"Error executing request, Exception : {error}, RequestId: {uuid.uuid4()}"
            return batch.error_response_json(error.code, words, error.status)

    return answer


def _restore(data: Properties) -> None:
    """No job survives the server that ran it."""
    _restore_saved(data)
    _CONSUMABLES.clear()
    _CONSUMABLES.update((data or {}).get("consumables") or {})
    JOBS.fail_leftovers()
