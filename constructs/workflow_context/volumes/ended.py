"""Whether the runs on a volume have ended, and how: by the same marks as the runs of a context."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_LONGEST_CODE = 16


@dataclass(frozen=True)
class Rule:
    """How an engine keeps its runs, as `ended_runs.RunDirectories` says it.

    Attributes:
        directory: A path below the volume; each run is a directory in it.
        markers: Names of files, one of which is in the directory of a run that ended.
        failure_markers: Those of them that say that it failed.
    """

    directory: str
    markers: Sequence[str]
    failure_markers: Sequence[str] = ()


@dataclass(frozen=True)
class End:
    """The end of the last run on a volume.

    Attributes:
        at: When, in seconds since 1970.
        succeeded: Whether every run on the volume did.
    """

    at: float
    succeeded: bool


class GoingError(Exception):
    """A run on the volume has no mark: it may be going, however silent it is."""


def end_of(volume: Path, rule: Rule) -> End | None:
    """The end of the runs on a volume; None when there never was one.

    Raises:
        GoingError: One may be going.
        OSError: Not all could be looked at.
    """
    ends = [_end(run, rule) for run in runs_on(volume, rule)]
    return End(max(one.at for one in ends), all(one.succeeded for one in ends)) if ends else None


def runs_on(volume: Path, rule: Rule) -> Iterator[Path]:
    """The directories of runs on a volume.

    Raises:
        OSError: Not all could be looked at.
    """
    root = volume
    for part in ("", *rule.directory.split("/")):
        root = root / part
        # What tasks wrote may be a link, and is followed nowhere.
        if not _is_directory(root):
            return
    for entry in sorted(root.iterdir()):
        if not entry.name.startswith(("_", ".")) and _is_directory(entry):
            yield entry


def _end(run: Path, rule: Rule) -> End:
    for name in rule.markers:
        mark = run / name
        try:
            descriptor = os.open(mark, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise GoingError(f"{mark} is no mark: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise GoingError(f"{mark} is no file")
            code = opened.read(_LONGEST_CODE).strip()
        failed = name in rule.failure_markers or (code.isdigit() and int(code) != 0)
        return End(found.st_mtime, not failed)
    raise GoingError(f"{run} has no mark of its end")


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False
