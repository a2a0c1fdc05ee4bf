"""Which machines a task goes to, where a context has several kinds of them.

It stands alone: backends of other engines have it as a file beside them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

VARIABLE = "WORKFLOW_MACHINES"
"""The variable by which a head job is told of them."""


class NoMachinesError(ValueError):
    """No machines of the context have what a task asks for."""


@dataclass(frozen=True)
class Machines:
    """One kind of machines, and the queues before them.

    Attributes:
        name: Its name; empty for those that the context has anyway.
        queue: The ARN of the queue.
        fallback: The ARN of the queue for tasks that lost a Spot machine; empty when there is none.
        gpu: Whether they have GPUs.
        architecture: Their processor architecture.
        memory_mib: Tasks that ask for less memory do not go there, where others can run them.
    """

    name: str
    queue: str
    fallback: str = ""
    gpu: bool = False
    architecture: str = "x86_64"
    memory_mib: int = 0


def read_machines(text: str, queue: str, fallback: str) -> tuple[Machines, ...]:
    """Read what a head job is told, those of the context first.

    Args:
        text: The value of the variable; empty where there is one kind only.
        queue: The queue of tasks.
        fallback: The queue for tasks that lost a Spot machine; empty when there is none.
    """
    own, *others = json.loads(text or "[{}]")
    prefix = queue[: queue.rfind("/") + 1]  # of the ARNs; the names of the others are told
    return (Machines("", queue, fallback, **own), *(Machines(**_with_arns(one, prefix)) for one in others))


def machines_for(kinds: Sequence[Machines], *, gpus: int = 0, memory_mib: int = 0, architecture: str = "") -> Machines:
    """The kind of machines that a task gets: of those that can run it, the ones for so much memory, without idle GPUs.

    Args:
        kinds: What the context has, its own first; of two that fit equally well, the first is taken.
        gpus: How many GPUs the task asks for.
        memory_mib: How much memory.
        architecture: Which processor architecture. Default: that of the context.

    Raises:
        NoMachinesError: None can run it.
    """
    if len(kinds) == 1 and not architecture:
        return kinds[0]  # AWS Batch itself says what they cannot run
    wanted = architecture or kinds[0].architecture
    able = [one for one in kinds if one.architecture == wanted and (one.gpu or not gpus)]
    if not able:
        what = f"{wanted} processors{' and GPUs' if gpus else ''}"
        raise NoMachinesError(f"no machines of this workflow context have {what}; they are {_described(kinds)}")
    fitting = [one for one in able if one.gpu == bool(gpus)] or able
    large = [one for one in fitting if one.memory_mib <= memory_mib]
    if large:
        return max(large, key=lambda one: one.memory_mib)
    return min(fitting, key=lambda one: one.memory_mib)


def _with_arns(told: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {**told, **{key: prefix + told[key] for key in ("queue", "fallback") if told.get(key)}}


def _described(kinds: Sequence[Machines]) -> str:
    return ", ".join(
        f"{one.name or 'its own'} ({one.architecture}{', GPUs' if one.gpu else ''}"
        f"{f', from {one.memory_mib // 1024} GiB' if one.memory_mib else ''})"
        for one in kinds
    )
