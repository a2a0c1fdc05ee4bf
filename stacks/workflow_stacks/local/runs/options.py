"""How a workflow is run on the local cloud, beside what its context says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workflow_stacks.local.batch.job_tags import EFS_THROTTLE, SOFTWARE, SPOT_INTERRUPTION, TASK_FAILURE


@dataclass(frozen=True)
class Options:
    """How a workflow is run.

    Attributes:
        spot_interruption: The share of attempts on Spot that lose their instance.
        task_failure: The share of attempts of tasks that fail.
        efs_throttle: The throughput of the file system in MiB/s, reads counted at a third; 0 for that of the disk.
        software: More directories with programs for the jobs, such as virtual environments.
        environment: More environment for the head job, such as settings of the engine.
        more_tags: More tags for the head job; see `job_tags`.
    """

    spot_interruption: float = 0.0
    task_failure: float = 0.0
    efs_throttle: float = 0.0
    software: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    more_tags: Mapping[str, str] = field(default_factory=dict)

    def tags(self) -> dict[str, str]:
        """As tags of the head job, which its tasks inherit."""
        software = ":".join(str(folder.resolve()) for folder in self.software)
        said = {
            SPOT_INTERRUPTION: self.spot_interruption,
            TASK_FAILURE: self.task_failure,
            EFS_THROTTLE: self.efs_throttle,
            SOFTWARE: software,
        }
        return {tag: str(value) for tag, value in said.items() if value} | dict(self.more_tags)
