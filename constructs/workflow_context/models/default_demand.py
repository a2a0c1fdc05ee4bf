"""How much tasks read and write, where nothing is known about the workflow: a rule of thumb, and labelled as one.

It is the preset that lies in the middle of the presets by metered I/O for each vCPU (`workloads`; a test holds it to
that). Few figures of genomics pipelines are measured, so the presets, and with them this, rest on assumptions.
"""

from __future__ import annotations

from .efs_model import Demand

READ_MIBPS_PER_VCPU = 0.21
WRITE_MIBPS_PER_VCPU = 0.13


def typical_demand(vcpus: int, hours: float) -> Demand:
    """Return what so many busy vCPUs read and write, as a demand that lasts so long."""
    return Demand(hours, vcpus * READ_MIBPS_PER_VCPU, vcpus * WRITE_MIBPS_PER_VCPU)
