"""Inputs that were uploaded with a workflow, on the file system: what lies in S3 beside the file of inputs is copied.

An engine would fetch each by a job of its own. Each is kept by its content, so that a second run finds it again, by
the same path, and with it the results in the engine's cache.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .fetch import Bucket


def localize(address: str, directory: Path, region: str) -> str:
    """Copy the uploaded files that a JSON file of inputs names, and return the path of a file that names the copies.

    Uploaded files have addresses `FOLDER/DIGEST/NAME`, where the file of inputs is `FOLDER/DIGEST/inputs.json`; an
    address that ends in `/` is a folder. Other addresses stay as they are.

    Args:
        address: The `s3://` address of the file of inputs.
        directory: Where to copy to.
        region: The region of the bucket.

    Raises:
        PbsError: Something cannot be copied.
    """
    bucket, _, key = address[len("s3://") :].partition("/")
    folder = key.rsplit("/", 2)[0] + "/"
    s3 = Bucket(bucket, region)

    def local(value: Any) -> Any:
        if isinstance(value, list):
            return [local(one) for one in value]
        if isinstance(value, dict):
            return {name: local(one) for name, one in value.items()}
        begin = f"s3://{bucket}/{folder}"
        return copied(value[len(begin) :]) if isinstance(value, str) and value.startswith(begin) else value

    def copied(name: str) -> str:
        if name.endswith("/"):
            for path, (found, _) in s3.files(folder + name).items():
                copy_once(found, directory / name / path)
            return str(directory / name)
        copy_once(folder + name, directory / name)
        return str(directory / name)

    def copy_once(found: str, file: Path) -> None:
        if not file.exists():
            s3.copy(found, file)

    inputs = local(json.loads(s3.get(key, {})))
    file = directory / key[len(folder) :]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(inputs))
    return str(file)
