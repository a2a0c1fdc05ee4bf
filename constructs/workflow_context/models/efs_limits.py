"""The throughput limits of Amazon EFS, as its user guide states them.

Sources, by page of the Amazon EFS User Guide: "Amazon EFS performance specifications" (performance.html) for
the bursting rates, the per-client limits and the rule that read share plus write share may reach 100 percent
together; "Amazon EFS quotas" (limits.html) for the ceilings of each Region. The copies read are undated and
include the Region changes announced on 2025-05-02. AWS raises the elastic and
provisioned ceilings on request; those of bursting are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflow_context.limits import MAX_EFS_PROVISIONED_MIBPS

GIB_IN_MIB = 1024.0
TIB_IN_GIB = 1024.0
TIB_IN_MIB = TIB_IN_GIB * GIB_IN_MIB

READ_DISCOUNT = 3.0
"""Reads count one third of their bytes against throughput and credits."""

BASELINE_MIBPS_PER_GIB = 50.0 / 1024.0
"""50 KiB/s for each GiB in the Standard storage class."""

FLOOR_MIBPS = 1.0
"""Every file system is metered at 1 MiB/s or more, even with no credits."""

BURST_MIBPS_PER_GIB = 100.0 / TIB_IN_GIB
BURST_MINIMUM_MIBPS = 100.0
CREDIT_TIB = 2.1
"""The largest credit balance

2.1 TiB, or 2.1 TiB for each TiB stored above 1 TiB. A new file system starts full.
"""

PROVISIONED_MIBPS_MAX = MAX_EFS_PROVISIONED_MIBPS
"""The largest ProvisionedThroughputInMibps that the API takes, in the Regions that allow the most."""

CLIENT_MIBPS = 500.0
CLIENT_MIBPS_ELASTIC = 1500.0
"""One client, reads and writes together

1,500 with Elastic throughput and efs-utils 2.0 or later, else 500.
"""


class ThroughputMode(StrEnum):
    """The throughput mode of an EFS file system."""

    BURSTING = "bursting"
    PROVISIONED = "provisioned"
    ELASTIC = "elastic"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What all clients of one file system together may do in a Region.

    Attributes:
        read_mibps: Reads alone, in MiB/s.
        write_mibps: Writes alone, in MiB/s.
    """

    read_mibps: float
    write_mibps: float


_BURSTING_LARGE = frozenset({"us-east-1", "us-east-2", "us-west-2", "ap-southeast-2", "eu-west-1"})
_PROVISIONED_LARGE = frozenset({"us-east-1", "us-east-2", "us-west-2", "eu-west-1"})
_ELASTIC_LARGE = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-2", "ap-south-1", "ap-northeast-1", "ap-northeast-2"),
        *("ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-west-1", "eu-west-2"),
    }
)
_LARGE_REGIONS = {
    ThroughputMode.BURSTING: _BURSTING_LARGE,
    ThroughputMode.PROVISIONED: _PROVISIONED_LARGE,
    ThroughputMode.ELASTIC: _ELASTIC_LARGE,
}
_LARGE = {
    ThroughputMode.BURSTING: Ceiling(5 * GIB_IN_MIB, 3 * GIB_IN_MIB),
    ThroughputMode.PROVISIONED: Ceiling(10 * GIB_IN_MIB, 10 * GIB_IN_MIB / 3),
    ThroughputMode.ELASTIC: Ceiling(60 * GIB_IN_MIB, 5 * GIB_IN_MIB),
}
_OTHER = {
    ThroughputMode.BURSTING: Ceiling(3 * GIB_IN_MIB, 1 * GIB_IN_MIB),
    ThroughputMode.PROVISIONED: Ceiling(3 * GIB_IN_MIB, 1 * GIB_IN_MIB),
    ThroughputMode.ELASTIC: Ceiling(20 * GIB_IN_MIB, 1 * GIB_IN_MIB),
}
_ONE_ZONE = Ceiling(3 * GIB_IN_MIB, 1 * GIB_IN_MIB)


def ceiling(mode: ThroughputMode, region: str, *, one_zone: bool = False) -> Ceiling:
    """Return what a file system may do at most in a Region, before any quota increase.

    Args:
        mode: Its throughput mode.
        region: For example `us-east-1`.
        one_zone: Whether it is a One Zone file system. One Zone with bursting has the ceilings of Regional
            bursting.

    Returns:
        The ceiling for reads alone and for writes alone, in MiB/s.
    """
    if one_zone and mode is not ThroughputMode.BURSTING:
        return _ONE_ZONE
    return (_LARGE if region in _LARGE_REGIONS[mode] else _OTHER)[mode]


def metered(read_mibps: float, write_mibps: float) -> float:
    """Return the metered throughput of reads and writes, in MiB/s: 30 read and 30 written count as 40."""
    return write_mibps + read_mibps / READ_DISCOUNT
