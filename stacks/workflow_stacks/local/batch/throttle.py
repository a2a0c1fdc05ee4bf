"""A slow file system on purpose: the processes of jobs are held back as EFS without credits would hold them back."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MIB = 1024 * 1024
LOOK_SECONDS = 0.02
READ_SHARE = 3  # EFS counts a third of the bytes that are read


class Throttle:
    """The throughput of one file system, shared by all jobs that mount it.

    What the processes of a job read from and write to the disk is counted as EFS meters it; when they are ahead of the
    rate, they are stopped until it has caught up. Everything a job writes to a disk counts, not the file system alone;
    what it reads from the page cache does not.

    Args:
        mibps: The rate in MiB/s of metered throughput.
    """

    def __init__(self, mibps: float) -> None:
        self._rate = mibps * MIB
        self._ready_at = time.monotonic()

    async def pace(self, process_id: int) -> None:
        """Hold a process and its children to the rate, until cancelled."""
        seen: dict[int, float] = {}
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                family = list(_family(process_id))
                self._ready_at = max(self._ready_at, time.monotonic() - LOOK_SECONDS)
                for member in family:
                    metered = _metered_bytes(member)
                    self._ready_at += max(0.0, metered - seen.get(member, 0.0)) / self._rate
                    seen[member] = max(metered, seen.get(member, 0.0))
                await self._hold(family)
        finally:
            _send(_family(process_id), signal.SIGCONT)

    async def _hold(self, family: list[int]) -> None:
        ahead = self._ready_at - time.monotonic()
        if ahead <= 0:
            return
        _send(family, signal.SIGSTOP)
        try:
            await asyncio.sleep(ahead)
        finally:
            _send(family, signal.SIGCONT)


def _send(family: "Iterator[int] | list[int]", number: signal.Signals) -> None:
    for member in family:
        with suppress(ProcessLookupError):  # it ended by itself
            os.kill(member, number)


def _family(process_id: int) -> Iterator[int]:
    """A process, its children and theirs."""
    yield process_id
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        with suppress(OSError):  # it ended by itself
            for child in children.read_text().split():
                yield from _family(int(child))


def _metered_bytes(process_id: int) -> float:
    try:
        lines = Path(f"/proc/{process_id}/io").read_text().splitlines()
    except OSError:  # it ended by itself
        return 0.0
    counted = {name: int(value) for name, value in (line.split(": ") for line in lines)}
    return counted["write_bytes"] + counted["read_bytes"] / READ_SHARE
