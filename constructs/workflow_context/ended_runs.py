"""Which directories on a shared file system are runs that ended: what may be deleted of it, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

END_MARK = ".workflow-ended"
"""The file that our head jobs write into the directory of a run, with the exit code of the engine, when the engine and
every job that it submitted are gone. A head job that goes on with the run takes it away first (`scripts/front_end.sh`).
"""


@dataclass(frozen=True)
class RunDirectories:
    """Where an engine keeps its runs on the shared file system.

    A run is a directory directly in `directory`. It ended when one of the files `end_markers` is in it. A run without
    one may be going, however silent it is, or its head job was killed: it stays. Links are neither runs nor markers.

    Attributes:
        directory: A path below the mount; each run is a directory in it. Names that begin with `_` or `.` are no runs.
        end_markers: Names of files, one of which is written into the directory of a run when it ended, well or not, and
            at no other time. A run that goes on loses it first.
        reused: Whether a run may use files of another, as by a call cache: then none may be deleted while one may be
            going.
        failure_markers: Those of the names that say that the run failed. A mark of our head jobs holds the exit code.
    """

    directory: str
    end_markers: Sequence[str] = (END_MARK,)
    reused: bool = True
    failure_markers: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """What `scripts/expire_runs.sh` is told of them."""
        return [self.directory, ",".join(self.end_markers), "reused" if self.reused else "apart"]
