"""The queues and machines of a project, for contexts that have none of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .machines import OwnMachines
from .values import INT32, Whole


class SharedQueues(OwnMachines):
    """Queues that contexts use which say `useSharedQueues: true`, and the machines behind them."""

    max_head_vcpus: Annotated[int, Whole(1, INT32, "vCPUs")] = Field(
        default=16,
        alias="maxHeadVCpus",
        description="How many vCPUs the head jobs of all contexts may use at the same time, at least 1: a workflow "
        "takes 1, or 2 or 4 with more headMemory. Default: 16.",
    )

    @property
    def queues(self) -> tuple[tuple[str, str], ...]:
        """The job queues, each with the machines behind it, for people."""
        return self.queues_for("Fargate")
