"""Snakemake on the local cloud: its released AWS Batch plugin, on a context whose files are in S3."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .base import LocalEngine, Place, Store, Submission, WorkflowInputError

# Every job installs the storage plugin before it begins. Here it is there already, and nothing is fetched.
PIP = """\
#!/usr/bin/env python
import sys
from importlib.metadata import PackageNotFoundError, version

wanted = [one for before, one in zip(sys.argv, sys.argv[1:]) if not one.startswith("-") and before != "--target"]
for name in wanted[1:]:
    try:
        print(f"{name} {version(name)} is on this machine: not installed", file=sys.stderr)
    except PackageNotFoundError:
        sys.exit(f"{name} is not on this machine: pip install {name}, or name its environment with --software")
"""

# Jobs of another machine get the Snakefile only when it lies in the working directory: by a URL, they do not find it.
FETCH = """\
mkdir -p "$2"; cd "$2"
python -c 'import boto3, sys
bucket, _, key = sys.argv[1].removeprefix("s3://").partition("/")
boto3.client("s3").download_file(bucket, key, "Snakefile")' "$1"
shift 2
exec "$@"
"""


class Snakemake(LocalEngine):
    """Puts the Snakefile into the context's folder of S3."""

    programs: Mapping[str, str] = {
        "snakemake": "snakemake snakemake-executor-plugin-aws-batch snakemake-storage-plugin-s3"
    }
    images: Sequence[str] = ("docker.io/snakemake/snakemake", "snakemake/snakemake")

    def image_files(self) -> Mapping[str, str]:
        """A pip that installs nothing."""
        return {"/opt/image/bin/pip": PIP}

    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        """Inputs are the configuration of the workflow: `name=value`."""
        command = list(place.command)
        if "--aws-batch-job-definition" in command:
            raise WorkflowInputError(
                "Snakemake's released AWS Batch plugin (0.2.1) has no --aws-batch-job-definition, by which jobs would "
                "find the file system. On the local cloud, run it in a context with 'filesystem: {fsType: S3}'."
            )
        wrong = [given for given in inputs if "=" not in given]
        if wrong:
            raise WorkflowInputError(f"Inputs of a Snakefile are its configuration, as name=value: {', '.join(wrong)}")
        content = workflow.read_bytes()
        name = f"snakefiles/{hashlib.sha256(content).hexdigest()[:16]}/{workflow.name}"
        folder = command[command.index("--default-storage-prefix") + 1]
        fetch = ["bash", "-ec", FETCH, "bash", place.stage.put(name, content), "Ref::directory"]
        return Submission(
            {"snakefile": "Snakefile"},
            f"{folder.rstrip('/')}/",
            command=[*fetch, *command, *(("--config", *inputs) if inputs else ())],
        )

    def outputs(self, store: Store, results: str, *, since_ms: int) -> Mapping[str, Any]:
        """The files that the run wrote; Snakemake does not say which of them are results."""
        found = store.addresses(results, since_ms=since_ms)
        names = {address.removeprefix(results): address for address in found}
        return {name: address for name, address in names.items() if not name.startswith("snakemake-workflow-sources")}
