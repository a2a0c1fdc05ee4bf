"""The cost tables of EFS and ObjectiveFS in the Latch documentation, and its conclusion, from the models.

"For most workloads, OFS is a better, more cost-effective option": true of six presets out of seven when EFS is
paid by Elastic throughput, as that table pays it; false where much is computed on little data.
"""

from pathlib import Path

import pytest
from pydantic.alias_generators import to_camel

from workflow_context.models.break_even import break_even
from workflow_context.models.efs_limits import BURST_MINIMUM_MIBPS, CLIENT_MIBPS_ELASTIC, READ_DISCOUNT
from workflow_context.models.file_systems.efs import EfsThroughput
from workflow_context.models.file_systems.objectivefs import (
    READ_MBPS_PER_MOUNT,
    READ_SHARE_WITH_OTHERS,
    WRITE_MBPS_PER_MOUNT,
    WRITE_SHARE_WITH_OTHERS,
    ObjectiveFsChoice,
)
from workflow_context.models.objectivefs_memory import extra_task_memory_gb
from workflow_context.models.prices import default_prices
from workflow_context.models.published import LATCH_BENCHMARKS, LATCH_CHOICE
from workflow_context.models.workloads import Workload, load_workload, presets

PRICES = default_prices()
HOURS = 730


def workload(**figures) -> Workload:
    given = {"name": "made-up", "input_gib": 100, "tasks": 10, "concurrency": 10, "task_hours": 2.0}
    return Workload.model_validate({to_camel(name): value for name, value in (given | figures).items()})


def usd(use, kind: str) -> float:
    return sum(line.usd for line in use.per_run if line.kind == kind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("efs_standard_storage", 0.30),
        ("efs_elastic_read", 0.03),
        ("efs_elastic_write", 0.06),
        ("s3_standard_storage_first_50tb", 0.023),
        ("objectivefs_mount_hour", 0.18),
        ("task_memory_gib_hour", 0.009972),
    ],
)
def test_the_prices_are_those_of_the_table(name, value):
    assert PRICES[name].value == value


def test_efs_costs_a_gb_month_and_each_gb_read_and_written():
    use = EfsThroughput("elastic").use(
        workload(read_gib=1000, write_gib=500, retention_hours=HOURS - 2), PRICES, "us-east-1"
    )
    assert usd(use, "storage") == pytest.approx(200 * 0.30)
    assert usd(use, "throughput") == pytest.approx(1000 * 0.03 + 500 * 0.06)


def test_objectivefs_costs_s3_storage_mount_hours_and_memory():
    use = ObjectiveFsChoice().use(workload(retention_hours=HOURS - 2), PRICES, "us-east-1")
    memory, mounts = (line for line in use.per_run if line.kind == "mounts")
    assert usd(use, "storage") == pytest.approx(200 * 0.023)
    assert mounts.usd == pytest.approx((10 * 2 + 2) * 0.18)  # ten tasks of two hours and a head job of two
    assert memory.usd == pytest.approx(2 * (1e9 / 2**30) * (10 * 2 + 2) * 0.009972)
    assert use.extra_task_memory_gb == 2


def test_objectivefs_is_the_more_cost_effective_for_most_presets_but_not_for_all():
    cheaper = {name: break_even(load_workload(name), PRICES).objectivefs_is_cheaper for name in presets()}
    assert sum(cheaper.values()) > len(cheaper) / 2
    assert [name for name, ofs in cheaper.items() if not ofs] == ["simulation-cpu-bound"]


def test_against_bursting_efs_the_conclusion_holds_for_fewer_presets():
    # Bursting EFS does not charge for what is read and written, which the table of the document does not consider.
    cheaper = [n for n in presets() if break_even(load_workload(n), PRICES, mode="bursting").objectivefs_is_cheaper]
    assert cheaper == [
        "cohort-archive",
        "nfcore-rnaseq-test-full",
        "nfcore-sarek-tumor-normal",
        "nfcore-scrnaseq-starsolo",
    ]


def test_the_break_even_line_is_where_both_cost_the_same():
    point = break_even(load_workload("gatk-germline-wgs"), PRICES)
    factor = point.mount_hours_at_break_even / point.workload.mount_hours
    assert point.efs_usd == pytest.approx(point.objectivefs_data_usd + factor * point.objectivefs_mounts_usd)
    assert point.objectivefs_is_cheaper == (factor > 1)


@pytest.mark.parametrize("retention", [0, 100, 720])
def test_the_longer_data_is_kept_the_more_mount_hours_objectivefs_may_have(retention):
    now = break_even(workload(retention_hours=retention), PRICES)
    longer = break_even(workload(retention_hours=retention + 100), PRICES)
    assert longer.mount_hours_at_break_even > now.mount_hours_at_break_even


def test_the_benchmarks_and_the_summary_of_the_document_are_data():
    assert {(each.efs, each.objectivefs) for each in LATCH_BENCHMARKS.values()} == {
        (92.55, 122.23),
        (124.20, 125.07),
        (58.39, 77.79),
        (73.69, 87.90),
        (212.31, 188.40),
        (246.64, 208.74),
    }
    assert dict(LATCH_CHOICE) == {"cost": 4, "performance": 5, "execution time": 3}


PAGE = (Path(__file__).parents[2] / "docs/coming-from/latch.md").read_text(encoding="utf-8")
TABLES = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("| ") and (cells := [cell.strip() for cell in line.strip("| ").split(" | ")])
}
ROWS = {
    "sequentialRead": "sequential read",
    "sequentialWrite": "sequential write",
    "randomRead": "random read",
    "randomWrite": "random write",
    "stagingIn": "staging to the work directory",
    "stagingOut": "writing from the work directory",
}


@pytest.mark.parametrize(("name", "row"), ROWS.items())
def test_every_benchmark_stands_in_the_docs(name, row):
    assert TABLES[row][:2] == [f"{LATCH_BENCHMARKS[name].efs:.2f}", f"{LATCH_BENCHMARKS[name].objectivefs:.2f}"]


def test_beside_the_benchmarks_stands_what_the_models_take():
    mb = 2**20 / 1e6
    bursting_read, elastic = BURST_MINIMUM_MIBPS * READ_DISCOUNT * mb, CLIENT_MIBPS_ELASTIC * mb
    assert TABLES["sequential read"][2:] == [f"{bursting_read:.2f} and {elastic:,.2f}", f"{READ_MBPS_PER_MOUNT:.2f}"]
    bursting_write = BURST_MINIMUM_MIBPS * mb
    assert TABLES["sequential write"][2:] == [f"{bursting_write:.2f} and {elastic:,.2f}", f"{WRITE_MBPS_PER_MOUNT:.2f}"]
    for row, mbps, share in (
        ("staging to the work directory", READ_MBPS_PER_MOUNT, READ_SHARE_WITH_OTHERS),
        ("writing from the work directory", WRITE_MBPS_PER_MOUNT, WRITE_SHARE_WITH_OTHERS),
    ):
        assert TABLES[row][3] == f"{mbps * share:.2f} for each mount of several"


@pytest.mark.parametrize(
    ("row", "prices"),
    [
        ("storage, USD per GB and month", ["efs_standard_storage", "s3_standard_storage_first_50tb"]),
        ("reads, USD per GB", ["efs_elastic_read"]),
        ("writes, USD per GB", ["efs_elastic_write"]),
        ("mount, USD per mount and hour", ["objectivefs_mount_hour"]),
        ("memory, USD per GiB and hour", ["task_memory_gib_hour"]),
    ],
)
def test_every_price_stands_in_the_docs_beside_ours(row, prices):
    *latch, ours = TABLES[row]
    assert [float(one) for one in latch if one != "none"] == [PRICES[name].value for name in prices]
    assert all(f"{PRICES[name].value:g}" in ours for name in prices)


@pytest.mark.parametrize("size", [1, 10, 20, 30, 40, 50])
def test_the_memory_table_stands_in_the_docs_beside_ours(size):
    [row] = [cells for title, cells in TABLES.items() if title.endswith(f" to {size}")]
    assert row == [str(extra_task_memory_gb(size))] * 2
