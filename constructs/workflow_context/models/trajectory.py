"""The course of a file system's throughput, credits and backlog over time."""

from __future__ import annotations

from dataclasses import dataclass

from .efs_model import EfsModel

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which every rate is constant; credits and backlog change linearly.

    Attributes:
        start_hours: Its begin.
        end_hours: Its end.
        read_mibps: Achieved reads, in MiB/s.
        write_mibps: Achieved writes, in MiB/s.
        permitted_mibps: Permitted throughput for this mix of reads and writes, in MiB/s; infinite when idle.
        credits_start_mib: Credit balance at its begin, in MiB.
        credits_end_mib: Credit balance at its end, in MiB.
        backlog_start_mib: Work that waits at its begin, in MiB.
        backlog_end_mib: Work that waits at its end, in MiB.
    """

    start_hours: float
    end_hours: float
    read_mibps: float
    write_mibps: float
    permitted_mibps: float
    credits_start_mib: float
    credits_end_mib: float
    backlog_start_mib: float
    backlog_end_mib: float


@dataclass(frozen=True)
class Trajectory:
    """What a demand gets from a file system.

    Attributes:
        model: The file system.
        segments: Its piecewise-linear course.
        phase_end_hours: When the work of each phase of the demand was done; phases of zero hours are left
            out.
        demanded_hours: When the last work would be done if nothing slowed it down.
        finished_hours: When the last work is done.
        moved_mib: Read and written together, in MiB.
        credits_exhausted_after_hours: When the credits first ran out; None if they never did.
        credits_earned_mib: Earned in all, in MiB, the forfeited part included.
        credits_forfeited_mib: Earned while the balance was full.
        credits_spent_mib: Metered in all, in MiB.
        credits_granted_mib: The part of `credits_spent_mib` that the 1 MiB/s floor gave without taking
            credits.
    """

    model: EfsModel
    segments: tuple[Segment, ...]
    phase_end_hours: tuple[float, ...]
    demanded_hours: float
    finished_hours: float
    moved_mib: float
    credits_exhausted_after_hours: float | None
    credits_earned_mib: float
    credits_forfeited_mib: float
    credits_spent_mib: float
    credits_granted_mib: float

    @property
    def slowdown(self) -> float:
        """How many times as long the work takes: 1 when nothing slows it down."""
        return self.finished_hours / self.demanded_hours if self.demanded_hours else 1.0

    @property
    def throttled(self) -> bool:
        """Whether any demand had to wait."""
        return any(segment.backlog_end_mib > 0 for segment in self.segments)

    @property
    def achieved_mibps_mean(self) -> float:
        """Reads and writes until the last work is done, in MiB/s; 0 without work."""
        return self.moved_mib / (self.finished_hours * _HOUR) if self.finished_hours else 0.0
