"""Which sizes of jobs AWS Fargate offers."""

from collections.abc import Sequence
from functools import cache

import aws_cdk as cdk

# vCPUs to the memory that they can have, in MiB: https://docs.aws.amazon.com/batch/latest/userguide/fargate.html
_SIZES: dict[float, Sequence[int]] = {
    0.25: (512, 1024, 2048),
    0.5: range(1024, 4096 + 1, 1024),
    1: range(2048, 8192 + 1, 1024),
    2: range(4096, 16384 + 1, 1024),
    4: range(8192, 30720 + 1, 1024),
    8: range(16384, 61440 + 1, 4096),
    16: range(32768, 122880 + 1, 8192),
}


@cache
def check_fargate_size(vcpus: float, memory: cdk.Size) -> None:
    """Refuse a size of job that Fargate does not offer.

    Args:
        vcpus: vCPUs of the job.
        memory: Memory of the job.

    Raises:
        ValueError: There is no such size.
    """
    if vcpus not in _SIZES:
        message = f"a job on Fargate has {', '.join(map(str, _SIZES))} vCPUs, not {vcpus:g}"
        raise ValueError(message)
    offered = _SIZES[vcpus]
    if memory.to_mebibytes() not in offered:
        message = (
            f"a job on Fargate with {vcpus:g} vCPUs can have {offered[0]} to {offered[-1]} MiB of memory in steps of "
            f"{offered[-1] - offered[-2]} MiB, not {memory.to_mebibytes():g} MiB"
        )
        raise ValueError(message)
