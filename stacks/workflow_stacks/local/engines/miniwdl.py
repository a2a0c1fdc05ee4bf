"""miniwdl on the local cloud: `miniwdl-run-s3upload` of this machine."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from .base import LocalEngine

# What the image has at this place, but asking more often: here it costs nothing.
CONFIGURATION = """\
[scheduler]
container_backend = aws_batch_job
call_concurrency = 80
[file_io]
root = /mnt/efs
[task_runtime]
defaults = {"docker": "ubuntu:20.04", "preemptible": 2}
[call_cache]
dir = /mnt/efs/miniwdl_run/_CACHE/call
get = true
put = true
[download_cache]
dir = /mnt/efs/miniwdl_run/_CACHE/download
get = true
flock = false
[aws]
job_timeout = 864000
describe_period = 0.5
submit_period = 0.05
retry_wait = 1
"""


class Miniwdl(LocalEngine):
    """Its packages, and the configuration of the image."""

    programs: Mapping[str, str] = {"miniwdl": "miniwdl", "miniwdl-run-s3upload": "miniwdl-aws", "aws": "awscli"}
    images: Sequence[str] = ("ghcr.io/miniwdl-ext/miniwdl-aws",)
    # The AWS CLI is a program there, and a package here.
    # https://github.com/miniwdl-ext/miniwdl-aws/blob/main/Dockerfile
    packages: Sequence[str] = ("miniwdl-aws", "awscli", "setuptools")

    @override
    def image_files(self) -> Mapping[str, str]:
        return {"/etc/xdg/miniwdl.cfg": CONFIGURATION}
