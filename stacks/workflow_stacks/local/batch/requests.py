"""Whether a request has what the API of AWS Batch demands: its keys and their types, by the published model."""

from functools import cache
from typing import Any

from .errors import ClientError

Record = dict[str, Any]


def check_request(action: str, request: Any) -> None:
    """Refuse a request that lacks a key, or has a value of another type. Keys that the model does not know pass.

    Args:
        action: The name of the operation in lower case.
        request: Its body.

    Raises:
        ClientError: With every mistake.
    """
    from botocore.validate import ParamValidator

    shape = _shapes().get(action)
    if shape is None:
        return
    report = ParamValidator().validate(request, shape)
    wrong = [line for line in report.generate_report().splitlines() if not line.startswith("Unknown parameter")]
    if wrong:
        raise ClientError("; ".join(wrong))


@cache
def _shapes() -> dict[str, Any]:
    import botocore.session

    model = botocore.session.Session().get_service_model("batch")
    return {name.lower(): model.operation_model(name).input_shape for name in model.operation_names}
