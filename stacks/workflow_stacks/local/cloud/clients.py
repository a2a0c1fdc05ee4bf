"""How to speak with the local cloud: signed requests that no setting of the caller leads elsewhere."""

import json
import os
import urllib.request
from functools import cache
from typing import Any

Keys = tuple[str, str]
"""An access key and its secret."""
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


def endpoint(port: int) -> str:
    """The address of every service."""
    return f"http://localhost:{port}"


def environment(port: int, region: str, keys: Keys) -> dict[str, str]:
    """The environment of this process, changed so that AWS tools speak with the local cloud and nobody else.

    Args:
        port: Where it listens.
        region: Its region.
        keys: Whose calls they are.
    """
    inherited = {
        key: value
        for key, value in os.environ.items()
        if (not key.startswith(("AWS_", "CDK_")) and key.lower() not in _PROXIES) or key == "CDK_VALIDATION"
    }
    return inherited | {
        "AWS_ENDPOINT_URL": endpoint(port),
        # By number, so that every SDK puts the bucket in the path: bucket.localhost resolves nowhere.
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": keys[0],
        "AWS_SECRET_ACCESS_KEY": keys[1],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def client(service: str, address: str, region: str, keys: Keys) -> Any:
    """A boto3 client.

    Args:
        service: The service, such as `batch`.
        address: Where the local cloud is.
        region: Its region.
        keys: Whose calls they are.
    """
    from botocore.config import Config

    return _session().client(
        service,
        endpoint_url=address,
        config=Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        region_name=region,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
    )


def signed_get(address: str, service: str, region: str, keys: Keys) -> Any:
    """Read JSON from an address that boto3 does not know.

    Args:
        address: The address.
        service: The service that the signature is for.
        region: The region of the local cloud.
        keys: Whose request it is.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("GET", address)
    SigV4Auth(Credentials(*keys), service, region).add_auth(request)
    prepared = urllib.request.Request(address, headers=dict(request.headers))  # noqa: S310  it is http
    with get(prepared, timeout=30) as answer:
        return json.load(answer)


def get(request: str | urllib.request.Request, timeout: float) -> Any:
    """Open an address, past every proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout)


@cache
def _session() -> Any:
    import boto3
    import botocore.session

    nowhere = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
        "ca_bundle": (None, None, None, None),
    }
    return boto3.Session(botocore_session=botocore.session.Session(nowhere))
