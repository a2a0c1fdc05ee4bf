"""Short tasks, by Nextflow itself on the local cloud: a job for each, and fifty in a job.

Run it by hand: python tests/benchmarks/bench_short_tasks.py [--write]; `--write` puts the table into
docs/performance.md.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from performance_page import write

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "pbs"))
from head_jobs import HeadJobs
from nextflow_runtime import as_program

from workflow_stacks.local import LocalCloud

PIPELINE = """
process SHORT {
  clusterOptions '-l tasks_per_job=%d'
  input: val n
  output: val n
  script: "sleep %d"
}
workflow { Channel.of(1..%d) | SHORT | count | view { "$it done" } }
"""
CONFIG = "executor.queueSize = 1000\n"


def run(heads: HeadJobs, tasks: int, seconds: int, per_job: int) -> str:
    heads.write(f"pipelines/{tasks}-{per_job}/nextflow.config", CONFIG)
    pipeline = heads.write(f"pipelines/{tasks}-{per_job}/main.nf", PIPELINE % (per_job, seconds, tasks))
    since = time.time()
    status, log = heads.wait(heads.start({"pipeline": pipeline}), 1200)
    if status != "SUCCEEDED" or f"{tasks} done" not in log:
        sys.exit(log[-2000:])
    jobs = heads.tasks(since)
    busy = sum(job["stoppedAt"] - job["startedAt"] for job in jobs) / 1000
    whole = (max(job["stoppedAt"] for job in jobs) - min(job["createdAt"] for job in jobs)) / 1000
    return f"| {tasks:,} of {seconds} s | {per_job} | {len(jobs)} | {busy / tasks - seconds:.2f} s | {whole:.0f} s |"


def main() -> list[str]:
    with TemporaryDirectory() as folder, LocalCloud(Path(folder) / "cloud") as cloud:
        software = as_program(Path(folder) / "software")
        heads = HeadJobs(cloud, "nextflow", Path(folder), software)
        rows = [run(heads, *given) for given in ((200, 0, 1), (200, 0, 50), (1000, 1, 50))]
    return [
        "Tasks of Nextflow on the local cloud:",
        "",
        "| tasks | in a job, at most | jobs | each took beside its own time | first submission to last end |",
        "|---|---|---|---|---|",
        *rows,
    ]


if __name__ == "__main__":
    lines = main()
    print("\n".join(lines))
    if "--write" in sys.argv:
        write("short", lines)
