"""What a rehearsal adds: 200 tasks of one second, 8 at a time, by miniwdl on the local cloud. The ideal is 25 s.

Run it by hand: python tests/benchmarks/bench_rehearsal.py. The goal is 1.5 times what the same engine needs with a
backend of its own. Where Docker works, that is measured too; where it does not, none of miniwdl's own backends
(docker_swarm, singularity, podman, udocker) can run without the network, and the ideal stands for it.
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.rehearsal import stopped_at_the_end
from workflow_stacks.local.run import WorkflowRun
from workflow_stacks.local.sandboxes.base import succeeds

TASKS, AT_ONCE, GOAL = 200, 8, 1.5
IDEAL_SECONDS = TASKS / AT_ONCE
PROJECT = f"""\
name: Bench
schemaVersion: 1
contexts:
  wdl:
    maxVCpus: {AT_ONCE}
    engines: [{{type: wdl, engine: miniwdl}}]
"""
WDL = """\
version 1.0
workflow many {
  input { Int tasks }
  scatter (i in range(tasks)) { call one { input: i = i } }
  output { Int done = length(one.out) }
}
task one {
  input { Int i }
  command { sleep 1; echo ~{i} }
  output { Int out = read_int(stdout()) }
  runtime { docker: "debian:12-slim"  cpu: 1  memory: "1 GiB" }
}
"""


def own_backend(workflow: Path) -> float | None:
    """Seconds with miniwdl's own Docker backend; None where there is no Docker."""
    if not succeeds(["docker", "info"]):
        return None
    settings = ["--no-cache", "--dir", str(workflow.parent / "own"), f"tasks={TASKS}"]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "WDL", "run", str(workflow), *settings], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> int:
    with TemporaryDirectory() as folder:
        project, workflow = Path(folder, "agc-project.yaml"), Path(folder, "many.wdl")
        project.write_text(PROJECT)
        workflow.write_text(WDL)
        cloud = LocalCloud.of_project(project)
        with stopped_at_the_end(cloud):
            running = WorkflowRun(cloud, project, "wdl")
            warm = running.run(workflow, ["tasks=1"], lambda _jobs, _stage: None)
            result = running.run(workflow, [f"tasks={TASKS + 1}"], lambda _jobs, _stage: None)
            spans = spans_of_tasks(cloud)
        reference = own_backend(workflow)
    if not (warm.succeeded and result.succeeded):
        print("\n".join([*warm.why, *result.why]))
        return 1
    tasks_only = max(stopped for _, stopped in spans) - min(created for created, _ in spans)
    against = reference or IDEAL_SECONDS
    print(f"{TASKS} tasks of 1 s, {AT_ONCE} at a time; ideal {IDEAL_SECONDS:.0f} s")
    print(f"miniwdl's own backend: {f'{reference:.1f} s' if reference else 'cannot run here; the ideal stands for it'}")
    print(f"from the first task submitted to the last one done: {tasks_only:.1f} s, {tasks_only / against:.2f} times")
    print(f"the whole workflow, with a head job that starts and uploads: {result.seconds:.1f} s")
    print(f"a workflow of one task: {warm.seconds:.1f} s")
    return int(tasks_only > GOAL * against)


def spans_of_tasks(cloud: LocalCloud) -> list[tuple[float, float]]:
    """When each task of the last workflow was submitted and done, in seconds."""
    batch = cloud.client("batch")
    every = [{"name": "JOB_NAME", "values": ["*"]}]
    jobs = [
        job
        for queue in batch.describe_job_queues()["jobQueues"]
        for page in batch.get_paginator("list_jobs").paginate(jobQueue=queue["jobQueueArn"], filters=every)
        for job in page["jobSummaryList"]
    ]
    heads = sorted((job for job in jobs if job["jobName"].startswith("many-")), key=lambda job: job["createdAt"])
    tasks = [
        job for job in jobs if not job["jobName"].startswith("many-") and job["createdAt"] > heads[-1]["createdAt"]
    ]
    return [(job["createdAt"] / 1000, job["stoppedAt"] / 1000) for job in tasks]


if __name__ == "__main__":
    sys.exit(main())
