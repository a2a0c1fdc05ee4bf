"""Nextflow on the local cloud, by the program of this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from .aws_cli import AWS
from .base import LocalEngine

# Where tasks with the work directory in S3 find the AWS CLI, which every machine of theirs gets at boot.
AWS_CLI = "/opt/workflow-aws-cli/bin/aws"

PLUGIN = "nf-amazon"


class Nextflow(LocalEngine):
    """Nextflow and Java, which no Python package brings, and the AWS CLI of machines."""

    programs: Mapping[str, str] = {"nextflow": "Nextflow", "java": "Java 17 or later"}
    images: Sequence[str] = ("docker.io/nextflow/nextflow", "nextflow/nextflow")
    # The Python of Amazon Linux, without packages: https://github.com/nextflow-io/nextflow/blob/v25.04.4/docker/Dockerfile
    packages: Sequence[str] = ()

    @override
    def machine_files(self) -> Mapping[str, str]:
        return {AWS_CLI: AWS}

    @override
    def obstacle(self, mount_path: str, software: Sequence[Path]) -> str:
        if mount_path or any(one for folder in software for one in folder.glob(f"{PLUGIN}-*")):
            return ""
        return (
            f"with its work directory in S3, Nextflow would download its plugin {PLUGIN}, which does not find the "
            "local cloud. Run it in a context with a file system, such as 'filesystem: {fsType: EFS}', or name with "
            "--software a directory with the plugin as it is made for the local cloud"
        )

    @override
    def how_to_get(self, missing: Sequence[str]) -> str:
        return (
            f"install {' and '.join(missing)} (https://www.nextflow.io/docs/latest/install.html), "
            "and name the directory above their 'bin' with --software, unless that is /usr or /usr/local"
        )
