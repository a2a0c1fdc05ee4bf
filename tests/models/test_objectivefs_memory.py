"""The memory table of the Latch documentation, row by row, and what lies between its rows."""

import pytest

from workflow_context.models.errors import ModelError
from workflow_context.models.objectivefs_memory import extra_task_memory_gb


@pytest.mark.parametrize(
    ("first_tb", "last_tb", "memory_gb"),
    [(0, 1, 2), (2, 10, 3), (11, 20, 4), (21, 30, 5), (31, 40, 6), (41, 50, 7)],
)
def test_both_ends_of_each_row_give_its_memory(first_tb, last_tb, memory_gb):
    assert extra_task_memory_gb(first_tb) == memory_gb
    assert extra_task_memory_gb(last_tb) == memory_gb


@pytest.mark.parametrize(
    ("size_tb", "memory_gb"), [(1.001, 3), (1.5, 3), (10.5, 4), (20.01, 5), (30.9, 6), (40.0001, 7)]
)
def test_between_two_rows_the_larger_one_counts(size_tb, memory_gb):
    assert extra_task_memory_gb(size_tb) == memory_gb


@pytest.mark.parametrize("size_tb", [-0.1, 50.1, float("nan")])
def test_a_size_outside_the_table_is_refused(size_tb):
    with pytest.raises(ModelError, match="covers 0 to 50 TB"):
        extra_task_memory_gb(size_tb)
