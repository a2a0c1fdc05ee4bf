"""What a script asks for, in the words of AWS Batch."""

from __future__ import annotations

import math
import re

from .script import PbsError

_SIZE = re.compile(r"([0-9]{1,15})\s*([kmgt]?)(b|w|)\Z", re.IGNORECASE)
_MIB = {"": 1 / 1024**2, "k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2}
_MIN_SECONDS = 60  # AWS Batch takes no shorter timeout
_MIN_MIB = 4
_MAX_TOGETHER = 1000
_UNITS_PER_MIBPS = 1000  # as the construct IoAdmission counts


def requirements(limits: dict[str, str], gpus: int, overhead_mib: int) -> list[dict[str, str]]:
    """`resourceRequirements`: what a script is silent about, the job definition says.

    Args:
        limits: What `-l` says, by name.
        gpus: GPUs asked for otherwise.
        overhead_mib: What the file system takes of the machine for each job.

    Raises:
        PbsError: They cannot be understood.
    """
    memory = memory_of(limits)
    wanted = {
        "VCPU": _cpus(limits),
        "MEMORY": memory + overhead_mib if memory else 0,
        "GPU": gpus_of(limits, gpus),
    }
    return [{"type": kind, "value": str(value)} for kind, value in wanted.items() if value]


def memory_of(limits: dict[str, str]) -> int:
    """The memory in MiB that a script asks for; 0 when it is silent.

    Args:
        limits: What `-l` says: `mem`, or `pmem` for each vCPU.

    Raises:
        PbsError: It is no amount of memory.
    """
    if limits.get("mem"):
        return mebibytes(limits["mem"])
    return mebibytes(limits["pmem"]) * max(_cpus(limits), 1) if limits.get("pmem") else 0


def gpus_of(limits: dict[str, str], gpus: int) -> int:
    """How many GPUs a script asks for.

    Args:
        limits: What `-l` says: `gpus` or `ngpus`.
        gpus: GPUs asked for otherwise.

    Raises:
        PbsError: It is no number.
    """
    return gpus or next((_whole(limits[name], name) for name in ("gpus", "ngpus") if limits.get(name)), 0)


def architecture_of(limits: dict[str, str]) -> str:
    """The processor architecture that a script asks for; empty when it is silent.

    Args:
        limits: What `-l` says: `arch`.

    Raises:
        PbsError: It is none that AWS has.
    """
    said = limits.get("arch", "")
    if said not in ("", "x86_64", "arm64"):
        raise PbsError(f"arch={said!r} is no processor architecture: x86_64 or arm64")
    return said


def io_units(limits: dict[str, str], per_vcpu: int) -> int:
    """What a task takes of the throughput of the file system, in thousandths of a MiB per second.

    Args:
        limits: What `-l` says: `io` is in MiB per second.
        per_vcpu: What it takes for each vCPU when it does not say.

    Raises:
        PbsError: It is no number.
    """
    said = limits.get("io")
    if said is None:
        return max(_cpus(limits), 1) * per_vcpu
    if not re.match(r"[0-9]{1,6}(\.[0-9]{1,3})?\Z", said) or float(said) == 0:
        raise PbsError(f"io={said!r} is no number of MiB per second")
    return max(round(float(said) * _UNITS_PER_MIBPS), 1)


def tasks_together(limits: dict[str, str], usual: int) -> int:
    """How many tasks may run one after another in one job.

    Args:
        limits: What `-l` says: `tasks_per_job`.
        usual: How many when it does not say.

    Raises:
        PbsError: It is no number, or 0.
    """
    said = limits.get("tasks_per_job")
    found = usual if said is None else _whole(said, "tasks_per_job")
    if not 1 <= found <= _MAX_TOGETHER:
        raise PbsError(f"tasks_per_job must be 1 to {_MAX_TOGETHER}, not {found}")
    return found


def mebibytes(text: str) -> int:
    """`2gb`, `1536mb`, `4g`: sizes of PBS, which counts in powers of 1024.

    Raises:
        PbsError: It is no size.
    """
    found = _SIZE.match(text.strip())
    if not found:
        raise PbsError(f"{text!r} is no amount of memory")
    words = 8 if found[3].lower() == "w" else 1
    return max(math.ceil(int(found[1]) * words * _MIB[found[2].lower()]), _MIN_MIB)


def seconds(limits: dict[str, str]) -> int | None:
    """`walltime` in seconds, `[[HH:]MM:]SS`; None when a job may run as long as its definition says.

    Raises:
        PbsError: It is no time.
    """
    text = limits.get("walltime")
    if not text:
        return None
    parts = text.split(":")
    if len(parts) > 4 or not all(re.match(r"[0-9]{1,9}\Z", part) for part in parts):
        raise PbsError(f"{text!r} is no time")
    total = 0
    for part, unit in zip(reversed(parts), (1, 60, 3600, 86400)):  # noqa: B905  Python 3.9 has no strict
        total += int(part) * unit
    return max(total, _MIN_SECONDS)


def _cpus(limits: dict[str, str]) -> int:
    return next((_whole(limits[name], name) for name in ("ppn", "ncpus", "mppwidth") if limits.get(name)), 0)


def _whole(text: str, name: str) -> int:
    if not re.match(r"[0-9]{1,6}\Z", text):
        raise PbsError(f"{name}={text!r} is no number")
    return int(text)
