"""Deletes the storage of runs that ended: directory, access point and record, in an order that a crash cannot harm.

A volume goes when every run on it is marked as ended, and its time is over. It is moved aside, looked at again, and
written down as being deleted; then the job definitions and roles of its runs go, then the access point, then the
directory, and the record last. Wherever a pass is stopped, the next one goes on from what it finds.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from workflow_context.pbs.script import PbsError

from .ended import GoingError, Rule, end_of, runs_on
from .times import UNUSED_HOURS, kept_hours

Record = dict[str, Any]

HOUR = 3600.0
MOST = 100
"""How many volumes one pass deletes; the next one comes within an hour."""


class Cloud(Protocol):
    """What is known of volumes outside of the file system."""

    def records(self) -> list[Record]:
        """The record of every volume."""
        ...

    def save(self, record: Record) -> None:
        """Write a record."""
        ...

    def forget(self, record: Record) -> None:
        """Delete a record, if it is there."""
        ...

    def remove_jobs(self, record: Record) -> None:
        """Delete the job definitions and roles of jobs on a volume, if a run used it."""
        ...

    def remove_access_point(self, record: Record) -> None:
        """Delete the access point of a volume, if it has one."""
        ...


class Expiry:
    """One pass over the volumes of a context.

    Args:
        root: The directory that holds a directory for each volume.
        rule: How the engine marks runs that ended.
        cloud: The records and access points.
        now: The time, in seconds since 1970.
        tell: Is told what happens, a line each.
        dry_run: Delete nothing, and say what would be.
        only: Look at the volume of this name, and say why it stays if it does. A dry run takes it for one that was told
            to expire. Default: look at all.
        most: How many volumes are deleted at most.
    """

    def __init__(
        self,
        root: Path,
        rule: Rule,
        cloud: Cloud,
        now: float,
        tell: Callable[[str], None],
        *,
        dry_run: bool = False,
        only: str = "",
        most: int = MOST,
    ) -> None:
        self._root = root
        self._rule = rule
        self._cloud = cloud
        self._now = now
        self._tell = tell
        self._dry_run = dry_run
        self._only = only
        self._left = most

    def run(self) -> bool:
        """Look at every volume, and return whether nothing went wrong."""
        with _alone(self._root) as alone:
            if not alone:
                self._tell("another pass is at work")
                return True
            well = True
            for record in self._records():
                try:
                    self._look_at(record)
                except (PbsError, OSError) as error:
                    # The others are no reason to keep; this one comes again with the next pass.
                    self._tell(f"cannot delete {record['name']}: {error}")
                    well = False
                if not self._left:
                    self._tell("the rest is left to the next pass")
                    break
        return well

    def measure(self) -> bool:
        """Write down the runs and bytes that each volume holds, and when it goes; return whether nothing went wrong."""
        well = True
        for record in self._records():
            try:
                volume, _ = self._places(record)
                self._cloud.save({**record, **self._seen(record, volume), "measuredAt": self._now})
            except (PbsError, OSError) as error:
                self._tell(f"cannot measure {record['name']}: {error}")
                well = False
        return well

    def _seen(self, record: Record, volume: Path) -> Record:
        """What a volume holds; it expires at no moment while a run may be going."""
        try:
            expires_at, _ = self._due(record, volume)
        except GoingError:
            expires_at = None
        runs = sum(1 for _ in runs_on(volume, self._rule))
        return {"bytes": _bytes(volume), "runs": runs, "expiresAt": expires_at}

    def _records(self) -> list[Record]:
        known = sorted(self._cloud.records(), key=lambda one: str(one["name"]))
        return [one for one in known if self._only in ("", one["name"])]

    def _places(self, record: Record) -> tuple[Path, Path]:
        """Where a volume is, and where it is moved aside."""
        name = str(record["name"])
        if "/" in name or name.startswith("."):
            raise PbsError(f"{name!r} is no name of storage")
        return self._root / name, self._root / f".expired-{name}"

    def _look_at(self, record: Record) -> None:
        volume, aside = self._places(record)
        name = volume.name
        if record["state"] == "deleting":
            if not self._dry_run:
                self._delete(record, volume, aside)
            return
        if aside.is_dir() and not self._dry_run:
            _back(aside, volume)  # a pass was stopped before it was decided
        why = self._reason(record, volume)
        if not why:
            if self._only:
                self._tell(f"kept: {name}, {self._obstacle(volume) or 'whose time is not over'}")
            return
        if self._dry_run:
            self._tell(f"would delete {name}: {why}")
            return
        if volume.is_dir():
            volume.rename(aside)
            # What began to use it before it was moved is seen by a second look.
            if not self._reason(record, aside):
                self._tell(f"kept: {name}, which is in use again")
                _back(aside, volume)
                return
        self._tell(f"deleting {name}: {why}")
        try:
            self._cloud.save({**record, "state": "deleting"})
        except (PbsError, OSError):
            if aside.is_dir():
                _back(aside, volume)
            raise
        self._delete(record, volume, aside)

    def _delete(self, record: Record, volume: Path, aside: Path) -> None:
        self._cloud.remove_jobs(record)
        self._cloud.remove_access_point(record)
        # The access point makes an empty directory for a client that comes late.
        if volume.is_dir():
            volume.rmdir()
        freed = 0
        if aside.is_dir():
            freed = _bytes(aside)
            shutil.rmtree(aside)
        self._cloud.forget(record)
        self._left -= 1
        # A metric filter on the log of the context reads it.
        self._tell(json.dumps({"expired": record["name"], "bytesFreed": freed}))

    def _reason(self, record: Record, volume: Path) -> str:
        """Why a volume can go; nothing when it stays."""
        try:
            moment, words = self._due(record, volume)
        except GoingError:
            return ""
        if record.get("state") == "expired" or (self._dry_run and self._only):
            return "it was told to expire, and no run is going"
        return words if self._now >= moment else ""

    def _due(self, record: Record, volume: Path) -> tuple[float, str]:
        """When the time of a volume is over, and why it goes then.

        Raises:
            GoingError: A run on it may be going.
        """
        end = end_of(volume, self._rule)
        hours = kept_hours(record, succeeded=end.succeeded if end else None)
        used = float(record.get("usedAt", 0))
        if end is None:
            return max(float(record["createdAt"]), used) + hours * HOUR, f"no run used it for {hours} hours"
        if used > end.at:
            # A run was submitted, and its head job waits for a machine.
            hours = max(hours, UNUSED_HOURS)
            return used + hours * HOUR, f"the run that was to use it has not begun for {hours} hours"
        words = f"its last run {'succeeded' if end.succeeded else 'failed'}, and {hours} hours are over"
        return end.at + hours * HOUR, words

    def _obstacle(self, volume: Path) -> str:
        """Why nothing on a volume can be deleted; nothing when all its runs have ended."""
        try:
            end_of(volume, self._rule)
        except GoingError as error:
            return f"on which a run may be going: {error}"
        return ""


def _back(aside: Path, volume: Path) -> None:
    """Put a volume back. The empty directory that its access point may have made meanwhile gives way."""
    aside.rename(volume)


@contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Hold the lock of the volumes, which at most one pass has."""
    descriptor = os.open(root / ".expiry", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _bytes(folder: Path) -> int:
    """How many bytes the files of a folder take, each counted once."""
    found, seen = 0, set()
    for place, _, names in os.walk(folder):
        for name in names:
            status = (Path(place) / name).lstat()
            if stat.S_ISREG(status.st_mode) and status.st_ino not in seen:
                seen.add(status.st_ino)
                found += status.st_size
    return found


def say(line: str) -> None:
    """Write a line to the log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
