"""How AWS Batch refuses."""


class ClientError(Exception):
    """What AWS Batch calls a ClientException: the caller asked for something impossible."""

    code = "ClientException"
    status = 400


class TooManyRequestsError(ClientError):
    """More calls in a second than the account may make; SDKs wait and try again."""

    code = "TooManyRequestsException"
    status = 429
