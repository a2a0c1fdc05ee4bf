"""Tasks that together ask more of a slow file system than it gives: all at once, and as many as it feeds.

On the local cloud, whose file system is held to so many MiB/s. Each task must end within a time limit.

Run it by hand: python tests/benchmarks/bench_io_admission.py [--write]; `--write` puts the table into
docs/performance.md.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from performance_page import write

sys.path.insert(0, str(Path(__file__).parents[1] / "local"))
from batch_fixture import MOUNT, Lab

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.batch.job_tags import EFS_THROTTLE

TASKS, MIB, LIMIT_MIBPS, AT_A_TIME, TIMEOUT = 12, 32, 16, 2, 15
WRITE = f"dd if=/dev/zero of={MOUNT}/$AWS_BATCH_JOB_ID bs=256k count={MIB * 4} conv=fsync"
UNITS = 1000


def rehearse(lab: Lab, queue: str, **more: object) -> tuple[float, int]:
    """Seconds from the first submission to the last end, and how many tasks failed."""
    tags = {"tags": {EFS_THROTTLE: str(LIMIT_MIBPS)}}
    jobs = [lab.submit(WRITE, queue=queue, seconds=TIMEOUT, **tags, **more) for _ in range(TASKS)]
    ended = [lab.wait(job, patience=600) for job in jobs]
    began, over = min(job["createdAt"] for job in ended), max(job["stoppedAt"] for job in ended)
    return (over - began) / 1000, sum(job["status"] == "FAILED" for job in ended)


def main() -> list[str]:
    with TemporaryDirectory(dir=Path.cwd()) as folder, LocalCloud(Path(folder)) as cloud:
        lab = Lab(cloud)
        queue = lab.new_queue("EC2", TASKS)
        free = rehearse(lab, queue)
        total = LIMIT_MIBPS * UNITS
        made = lab.batch.create_consumable_resource(
            consumableResourceName="io", totalQuantity=total, resourceType="REPLENISHABLE"
        )
        share = {"consumableResource": made["consumableResourceArn"], "quantity": total // AT_A_TIME}
        bound = rehearse(lab, queue, consumableResourcePropertiesOverride={"consumableResourceList": [share]})
    return [
        (
            f"{TASKS} tasks that each write {MIB} MiB to a file system of {LIMIT_MIBPS} MiB/s and must end within "
            f"{TIMEOUT} seconds:"
        ),
        "",
        "| | all together | tasks that failed |",
        "|---|---|---|",
        f"| all at once | {free[0]:.0f} s | {free[1]} |",
        f"| each with a share of {LIMIT_MIBPS // AT_A_TIME} MiB/s | {bound[0]:.0f} s | {bound[1]} |",
    ]


if __name__ == "__main__":
    lines = main()
    print("\n".join(lines))
    if "--write" in sys.argv:
        write("admission", lines)
