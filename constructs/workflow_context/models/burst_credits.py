"""Amazon EFS throughput over time: what a demand gets, and what becomes of the burst credits.

The rates and limits are those of `efs_limits` (Amazon EFS User Guide, performance.html and limits.html).
Between two events (a change of demand, credits used up, credits full, backlog worked off) every rate is
constant, so the model steps from event to event and its result is exact, not sampled.

Where AWS is silent, the model chooses, and on the side that does not promise too much:

- The 1 MiB/s floor is granted when there are no credits, but it earns none: AWS ties earning to size x 50
  KiB/s per GiB.
- Demand that is not met waits and is served later in the order in which it came, in its own mix of reads and
  writes (a work-conserving queue). Nothing is lost: what users ask is how much longer the workflow takes.
  Later work goes on arriving meanwhile, as from tasks that do not depend on the slow ones.
- Credits at zero and demand above the baseline: throughput settles at the baseline, not at a flicker around
  it.
- The size is constant: a file system that fills up meanwhile does better than this.
- Provisioned throughput neither uses nor earns credits, unless the stored data has a higher baseline than
  what is provisioned; then the file system does what a bursting one does.
- Reads and writes share a Region's ceiling as they share the metered rate: share of the read ceiling plus
  share of the write ceiling is at most 1. Requests are taken to be 4 KiB or more, below which EFS meters 4
  KiB each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from .efs_limits import TIB_IN_MIB, ThroughputMode, metered
from .efs_model import Demand, EfsModel
from .errors import ModelError
from .trajectory import Segment, Trajectory

__all__ = ["Demand", "EfsModel", "Segment", "ThroughputMode", "Trajectory", "simulate"]

_HOUR = 3600.0
_NOISE = 1e-9


def simulate(model: EfsModel, demand: Sequence[Demand], *, credits_mib: float | None = None) -> Trajectory:
    """Follow a demand on a file system until all its work is done.

    Args:
        model: The file system.
        demand: The phases, one after the other.
        credits_mib: Credit balance at the start, in MiB. By default the file system is new or well rested:
            full.

    Returns:
        The course, exact between events.

    Raises:
        ModelError: The credits given are negative or above the cap.
    """
    start = model.credit_cap_mib if credits_mib is None else credits_mib
    if not 0 <= start <= model.credit_cap_mib:
        most = model.credit_cap_mib / TIB_IN_MIB
        raise ModelError(f"{start / TIB_IN_MIB:.4g} TiB of burst credits: this file system holds 0 to {most:.4g} TiB")
    return _EventLoop(model, demand, start).run()


class _EventLoop:
    """One simulation. Times in seconds, data in MiB.

    Two clocks: `now` is the time; `served` is the point of the demand's own timetable up to which the work is
    done. While nothing waits both are equal. When the file system is too slow `served` falls behind, at the
    rate of the permitted share of the work it stands at, and it runs ahead faster than time once there is
    room, until it has caught up.
    """

    def __init__(self, model: EfsModel, demand: Sequence[Demand], credits_mib: float) -> None:
        self.model = model
        self.phases = [phase for phase in demand if phase.hours > 0]
        self.bounds = [0.0, *accumulate(phase.hours * _HOUR for phase in self.phases)]
        self.rates = [(phase.read_mibps, phase.write_mibps) for phase in self.phases]
        self.shares = [
            tuple(model.share_permitted(*rates, with_credits=having) for having in (False, True))
            for rates in self.rates
        ]
        self.credits = credits_mib
        self.now = self.served = 0.0
        self.arriving = self.serving = 0  # indices of the phases at `now` and at `served`
        self.backlog = 0.0
        self.segments: list[Segment] = []
        self.phase_ends: list[float] = []
        self.exhausted = 0.0 if model.uses_credits and credits_mib <= 0 else None
        self.moved = self.earned = self.forfeited = self.spent = self.granted = 0.0

    def run(self) -> Trajectory:
        """Step from event to event until the timetable is over and nothing waits."""
        last = len(self.phases)
        while self.arriving < last or self.serving < last:
            if self.served < self.now and self._share() == math.inf:  # an idle phase holds up nothing
                if self.serving < self.arriving:
                    self._finish_phase()
                else:
                    self._catch_up()
            else:
                self._step()
        busy = [index for index, rates in enumerate(self.rates) if sum(rates) > 0]
        return Trajectory(
            model=self.model,
            segments=tuple(self.segments),
            phase_end_hours=tuple(self.phase_ends),
            demanded_hours=self.bounds[busy[-1] + 1] / _HOUR if busy else 0.0,
            finished_hours=self.phase_ends[busy[-1]] if busy else 0.0,
            moved_mib=self.moved,
            credits_exhausted_after_hours=self.exhausted,
            credits_earned_mib=self.earned,
            credits_forfeited_mib=self.forfeited,
            credits_spent_mib=self.spent,
            credits_granted_mib=self.granted,
        )

    def _share(self) -> float:
        return self.shares[self.serving][self.credits > 0]

    def _finish_phase(self) -> None:
        self.serving += 1
        self.served = self.bounds[self.serving]
        self.phase_ends.append(self.now / _HOUR)

    def _step(self) -> None:
        waiting = self.served < self.now
        share = self._share()
        pace = share if waiting else min(1.0, share)  # seconds of the timetable served in each second
        read, write = (rate * pace if rate else 0.0 for rate in self.rates[self.serving])
        gain = self._credit_gain(metered(read, write))

        to_phase_end = (self.bounds[self.serving + 1] - self.served) / pace if pace > 0 else math.inf
        to_arrival = self.bounds[self.arriving + 1] - self.now if self.arriving < len(self.phases) else math.inf
        to_catch_up = math.inf
        if waiting and self.serving == self.arriving and pace > 1:
            to_catch_up = (self.now - self.served) / (pace - 1)
        to_credit_event = math.inf
        if gain < 0 < self.credits:
            to_credit_event = self.credits / -gain
        elif gain > 0 and self.credits < self.model.credit_cap_mib:
            to_credit_event = (self.model.credit_cap_mib - self.credits) / gain
        dt = max(0.0, min(to_phase_end, to_arrival, to_catch_up, to_credit_event))
        until = self.bounds[self.arriving + 1] if dt >= to_arrival else self.now + dt

        self._account(dt, until, read, write, share, gain, hits_credit_event=dt == to_credit_event)
        self._move_clocks(dt, until, pace, arrives=dt >= to_arrival, ends=dt >= to_phase_end, meets=dt >= to_catch_up)

    def _credit_gain(self, used: float) -> float:
        """Credits per second at a metered rate; an empty balance stays empty, whatever the floor grants."""
        if not self.model.uses_credits:
            return 0.0
        gain = self.model.earning_mibps - used
        if self.credits <= 0 and gain <= _NOISE * used:
            return 0.0
        return gain

    def _account(
        self,
        dt: float,
        until: float,
        read: float,
        write: float,
        share: float,
        gain: float,
        *,
        hits_credit_event: bool,
    ) -> None:
        credits_before, backlog_before = self.credits, self.backlog
        used = metered(read, write) * dt
        if self.model.uses_credits:
            earned = self.model.earning_mibps * dt
            self.earned += earned
            self.spent += used
            if self.credits <= 0 and gain == 0:
                self.granted += used - earned
            elif self.credits >= self.model.credit_cap_mib and gain > 0:
                self.forfeited += earned - used
            else:
                self.credits = min(self.model.credit_cap_mib, max(0.0, self.credits + gain * dt))
                if hits_credit_event:
                    self.credits = 0.0 if gain < 0 else self.model.credit_cap_mib
        self.moved += (read + write) * dt
        arriving = sum(self.rates[self.arriving]) if self.arriving < len(self.phases) else 0.0
        self.backlog = max(0.0, self.backlog + (arriving - read - write) * dt)
        start, end = self.now / _HOUR, until / _HOUR
        if self.exhausted is None and credits_before > 0 >= self.credits:
            self.exhausted = end
        if end > start:
            wanted = sum(self.rates[self.serving])
            permitted = share * wanted if wanted else math.inf
            self.segments.append(
                Segment(
                    start,
                    end,
                    read,
                    write,
                    permitted,
                    credits_before,
                    self.credits,
                    backlog_before,
                    self.backlog,
                )
            )

    def _move_clocks(self, dt: float, until: float, pace: float, *, arrives: bool, ends: bool, meets: bool) -> None:
        in_step = self.served >= self.now and pace >= 1.0
        self.now = until
        self.served += dt * pace
        if arrives:
            self.arriving += 1
        if in_step or meets:
            self._catch_up()
        if (in_step and arrives) or (not in_step and ends):
            self._finish_phase()
            if self.served >= self.now or self.serving == len(self.phases):
                self._catch_up()

    def _catch_up(self) -> None:
        """Nothing waits: take the rounding of the sums out of the balance and of the last segment."""
        self.served = self.now
        self.backlog = 0.0
        if self.segments and self.segments[-1].backlog_end_mib:
            self.segments[-1] = replace(self.segments[-1], backlog_end_mib=0.0)
