"""The memory that ObjectiveFS needs beside each task.

ObjectiveFS is a FUSE process on every machine; it keeps the index of the file system in memory. The table is that
of the Latch documentation, "OFS task memory requirement":

| file system size (TB) | additional task memory (GB) |
|---|---|
| 0-1 | 2 |
| 2-10 | 3 |
| 11-20 | 4 |
| 21-30 | 5 |
| 31-40 | 6 |
| 41-50 | 7 |

Between two rows (1.5 TB, 10.2 TB) the table says nothing; the larger row counts, because a task that is given too
little memory is killed, and one that is given too much costs a cent. Above 50 TB there is no figure.
"""

from __future__ import annotations

from .errors import ModelError

ROWS = ((1.0, 2), (10.0, 3), (20.0, 4), (30.0, 5), (40.0, 6), (50.0, 7))
"""Up to this size in TB: this many GB more for each task."""

MAX_SIZE_TB = ROWS[-1][0]


def extra_task_memory_gb(size_tb: float) -> int:
    """Return the memory to add to each task, in GB.

    Args:
        size_tb: The expected size of the file system, in TB: inputs, intermediates and outputs together.

    Raises:
        ModelError: The size is negative, or above the 50 TB that the table covers.
    """
    if not 0 <= size_tb <= MAX_SIZE_TB:
        raise ModelError(
            f"an ObjectiveFS of {size_tb:g} TB: the memory table covers 0 to {MAX_SIZE_TB:g} TB; "
            "split the work over several contexts, or choose another file system"
        )
    return next(memory for limit, memory in ROWS if size_tb <= limit)
