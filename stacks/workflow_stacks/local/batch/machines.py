"""Whether a machine of a compute environment could ever hold a job, by the names of its instance types.

Families, and types whose name does not say it, count as large enough: AWS Batch would look further.
"""

from typing import Any

from workflow_stacks.project.instances import parse

from .job_records import memory_mib, vcpus

Record = dict[str, Any]

TOO_LARGE = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
NO_MACHINE = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
_MIB_PER_VCPU = {"c": 2048, "m": 4096, "r": 8192}
_UNKNOWN = (float("inf"), float("inf"))


def why_it_never_fits(job: Record, environments: list[Record]) -> tuple[str, str] | None:
    """Why no machine of any compute environment will ever hold a job: AWS's reason, and words; None when one may."""
    wanted, memory = vcpus(job), memory_mib(job)
    most = max((float(one["computeResources"]["maxvCpus"]) for one in environments), default=0.0)
    if wanted > most:
        has = f"a compute environment of the queue has at most {most:g} vCPUs"
        return TOO_LARGE, f"{has}, and the job wants {wanted:g}"
    types = [name for one in environments for name in one["computeResources"].get("instanceTypes", ())]
    sizes = [_size(name) for name in types]
    if not sizes or any(wanted <= cpus and memory <= mib for cpus, mib in sizes):
        return None
    asked = f"{wanted:g} vCPUs and {memory:g} MiB"
    return (
        NO_MACHINE,
        f"the job wants {asked}, more than any of the instance types has: {', '.join(sorted(set(types)))}",
    )


def _size(name: str) -> tuple[float, float]:
    """The vCPUs and the memory in MiB of an instance type."""
    found = parse(name)
    cpus = found.vcpus if found else None
    if found is None or cpus is None:
        return _UNKNOWN
    return cpus, cpus * _MIB_PER_VCPU.get(found.prefix, float("inf"))
