"""An EFS file system and a demand on it, as far as throughput goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from .efs_limits import (
    BASELINE_MIBPS_PER_GIB,
    BURST_MIBPS_PER_GIB,
    BURST_MINIMUM_MIBPS,
    CLIENT_MIBPS,
    CLIENT_MIBPS_ELASTIC,
    CREDIT_TIB,
    FLOOR_MIBPS,
    PROVISIONED_MIBPS_MAX,
    TIB_IN_GIB,
    TIB_IN_MIB,
    Ceiling,
    ThroughputMode,
    ceiling,
    metered,
)
from .errors import ModelError

_MOST = 1e9
_WORDS = {"hours": "length in hours", "read_mibps": "reading rate in MiB/s", "write_mibps": "writing rate in MiB/s"}


def _given(mibps: float | None) -> str:
    return "; none is given" if mibps is None else f"; {mibps:g} is given"


@dataclass(frozen=True, slots=True)
class Demand:
    """What the tasks would read and write in one phase if nothing slowed them down.

    Attributes:
        hours: How long the phase lasts.
        read_mibps: Reads of all clients together, in MiB/s.
        write_mibps: Writes of all clients together, in MiB/s.
    """

    hours: float
    read_mibps: float = 0.0
    write_mibps: float = 0.0

    def __post_init__(self) -> None:
        for name in ("hours", "read_mibps", "write_mibps"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value < _MOST):
                raise ModelError(
                    f"the {_WORDS[name]} of a demand is {value}: give a number that is 0 or more, and below {_MOST:g}"
                )


@dataclass(frozen=True)
class EfsModel:
    """An EFS file system as far as its throughput goes.

    Attributes:
        stored_gib: Data in the Standard storage class, in GiB. Data in IA and Archive earns no throughput.
        mode: The throughput mode.
        provisioned_mibps: The provisioned throughput, in MiB/s (metered); needed in provisioned mode only.
        region: The Region, which sets the ceilings.
        one_zone: Whether it is a One Zone file system.
        clients: How many machines use it at a time; without it clients are no limit.
    """

    stored_gib: float
    mode: ThroughputMode = ThroughputMode.BURSTING
    provisioned_mibps: float | None = None
    region: str = "us-east-1"
    one_zone: bool = False
    clients: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.stored_gib) and 0 <= self.stored_gib < _MOST):
            raise ModelError(f"the stored data is {self.stored_gib:g} GiB: give 0 or more, and below {_MOST:g}")
        if self.clients is not None and self.clients < 1:
            raise ModelError(f"{self.clients} machines use it at a time: give 1 or more, or leave it out")
        if self.mode is not ThroughputMode.PROVISIONED:
            if self.provisioned_mibps is not None:
                raise ModelError(f"provisioned throughput goes with the mode provisioned, not with {self.mode}")
        elif self.provisioned_mibps is None or not 1 <= self.provisioned_mibps <= PROVISIONED_MIBPS_MAX:
            raise ModelError(
                "the mode provisioned needs a provisioned throughput (--provisioned-mibps) from 1 to "
                f"{PROVISIONED_MIBPS_MAX} MiB/s" + _given(self.provisioned_mibps)
            )

    @cached_property
    def earning_mibps(self) -> float:
        """What the stored data earns, in MiB/s of credit: 50 KiB/s per GiB, without the 1 MiB/s floor."""
        return self.stored_gib * BASELINE_MIBPS_PER_GIB

    @cached_property
    def uses_credits(self) -> bool:
        """Whether burst credits decide.

        They do in bursting mode, and in provisioned mode below the included baseline.
        """
        if self.mode is ThroughputMode.PROVISIONED:
            return self.earning_mibps > (self.provisioned_mibps or 0.0)
        return self.mode is ThroughputMode.BURSTING

    @cached_property
    def credit_cap_mib(self) -> float:
        """The largest credit balance, in MiB; 0 where credits play no part."""
        return CREDIT_TIB * TIB_IN_MIB * max(1.0, self.stored_gib / TIB_IN_GIB) if self.uses_credits else 0.0

    @cached_property
    def sustained_metered_mibps(self) -> float:
        """The metered rate that is allowed without credits, in MiB/s, before the Region's ceiling."""
        if self.uses_credits:
            return max(self.earning_mibps, FLOOR_MIBPS)
        return self.provisioned_mibps if self.provisioned_mibps is not None else math.inf

    @cached_property
    def burst_metered_mibps(self) -> float:
        """The metered rate that is allowed while there are credits, in MiB/s, before the Region's ceiling."""
        if self.uses_credits:
            return max(self.stored_gib * BURST_MIBPS_PER_GIB, BURST_MINIMUM_MIBPS)
        return self.sustained_metered_mibps

    @cached_property
    def ceiling(self) -> Ceiling:
        """The Region's ceiling, in MiB/s.

        Provisioned below the included baseline is bound by that of bursting.
        """
        mode = ThroughputMode.BURSTING if self.uses_credits else self.mode
        return ceiling(mode, self.region, one_zone=self.one_zone)

    @property
    def baseline_mibps(self) -> float:
        """Writes that can go on for ever, in MiB/s; three times as much for reads, up to the ceiling."""
        return min(self.sustained_metered_mibps, self.ceiling.write_mibps)

    @property
    def burst_mibps(self) -> float:
        """Writes at the highest rate, in MiB/s; three times as much for reads, up to the ceiling."""
        return min(self.burst_metered_mibps, self.ceiling.write_mibps)

    @cached_property
    def clients_mibps(self) -> float:
        """What the clients can move together, reads and writes, in MiB/s."""
        each = CLIENT_MIBPS_ELASTIC if self.mode is ThroughputMode.ELASTIC else CLIENT_MIBPS
        return math.inf if self.clients is None else self.clients * each

    def share_permitted(self, read_mibps: float, write_mibps: float, *, with_credits: bool) -> float:
        """Return the largest multiple of a demand that is permitted; above 1 there is room."""
        both = read_mibps + write_mibps
        if both <= 0:
            return math.inf
        rate = self.burst_metered_mibps if with_credits else self.sustained_metered_mibps
        used = read_mibps / self.ceiling.read_mibps + write_mibps / self.ceiling.write_mibps
        return min(rate / metered(read_mibps, write_mibps), 1.0 / used, self.clients_mibps / both)
