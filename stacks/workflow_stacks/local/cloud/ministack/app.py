"""What the server of the local cloud serves: ministack, with all that it lacks installed."""

from ministack import app as ministack
from ministack.core.router import detect_service

from workflow_stacks.local.batch.jobs import caller
from workflow_stacks.local.functions.http_apis import HttpApis
from workflow_stacks.local.functions.invoke import Functions
from workflow_stacks.local.iam.gate import Gate

from . import batch, logs, resource_types, stacks, state
from .access import ACCOUNT, CREDENTIALS, known_session, session_role
from .batch import ATTEMPTS, AUTHORIZER
from .settings import PORT, REGION, STATE

for part in (resource_types, stacks, state, logs, batch):
    part.install()


_gate = Gate(
    ministack.app,
    CREDENTIALS,
    AUTHORIZER,
    service_of=lambda method, path, headers, query: str(detect_service(method, path, headers, query)),
    known_session=known_session,
    caller=caller,
    account=ACCOUNT,
    region=REGION,
)
_functions = Functions(STATE, PORT, REGION, AUTHORIZER, CREDENTIALS, lambda: ATTEMPTS.system_files({}), logs.call)
APP = HttpApis(_gate, stacks.resources, _functions, AUTHORIZER, CREDENTIALS, session_role, ACCOUNT, REGION)
"""The services behind IAM, and the HTTP APIs of stacks before them."""
