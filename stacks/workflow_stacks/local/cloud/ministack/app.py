"""What the server of the local cloud serves: ministack, with all that it lacks installed."""

from ministack import app as ministack
from ministack.core.router import detect_service
from ministack.services import s3

from workflow_stacks.local.batch.jobs import caller
from workflow_stacks.local.functions.callers import Callers
from workflow_stacks.local.functions.http_apis import HttpApis
from workflow_stacks.local.functions.invoke import Functions
from workflow_stacks.local.functions.urls import FunctionUrls
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
    session_role=session_role,
    caller=caller,
    account=ACCOUNT,
    region=REGION,
)
_functions = Functions(
    STATE,
    PORT,
    REGION,
    AUTHORIZER,
    CREDENTIALS,
    lambda: ATTEMPTS.system_files({}),
    logs.call,
    s3._get_object_data,
)
_callers = Callers(AUTHORIZER, CREDENTIALS, session_role, ACCOUNT, REGION)
_apis = HttpApis(_gate, stacks.resources, _functions, _callers)
APP = FunctionUrls(_apis, stacks.resources, _functions, _callers)
"""The services behind IAM; before them the HTTP APIs of stacks, and the URLs of functions."""
