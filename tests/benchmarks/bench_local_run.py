"""What the local cloud adds: 200 tasks of one second, 8 at a time, by miniwdl on the local cloud. The ideal is 25 s.

Run it by hand: python tests/benchmarks/bench_local_run.py. The goal is 1.5 times what the same engine needs with a
backend of its own, which is measured too where Docker or Podman works: miniwdl finds them by its own configuration
(MINIWDL__PODMAN__EXE, say). Where there is neither, the ideal stands for it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.runs.deployment import stopped_at_the_end
from workflow_stacks.local.runs.workflow_run import WorkflowRun
from workflow_stacks.local.sandboxes.containers import ContainerEngine

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
  runtime { docker: "debian:12-slim" }
}
"""


def own_backend(workflow: Path) -> float | None:
    """Seconds with miniwdl's own backend for a container engine; None where there is none that works."""
    backends = {"docker_swarm": ContainerEngine("docker"), "podman": ContainerEngine("podman")}
    backend = next((name for name, engine in backends.items() if engine.works()), None)
    if backend is None:
        return None
    configuration = {"CONTAINER_BACKEND": backend, "TASK_CONCURRENCY": str(AT_ONCE)}
    settings = {f"MINIWDL__SCHEDULER__{name}": value for name, value in configuration.items()}
    command = [sys.executable, "-m", "WDL", "run", str(workflow), f"tasks={TASKS}", "--no-cache"]
    started = time.perf_counter()
    command += ["--dir", str(workflow.parent / "own")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | settings)
    return time.perf_counter() - started


def main() -> int:
    with TemporaryDirectory() as folder:
        project, workflow = Path(folder, "agc-project.yaml"), Path(folder, "many.wdl")
        project.write_text(PROJECT)
        workflow.write_text(WDL)
        cloud = LocalCloud.of_project(project)
        with stopped_at_the_end(cloud):
            running = WorkflowRun(cloud, project, "wdl")
            warm = running.run(workflow, ["tasks=1"], lambda _jobs, _folder: None)
            result = running.run(workflow, [f"tasks={TASKS + 1}"], lambda _jobs, _folder: None)
            spans = spans_of_tasks(cloud)
        reference = own_backend(workflow)
    if not (warm.succeeded and result.succeeded):
        print("\n".join([*warm.why, *result.why]))
        return 1
    tasks_only = max(stopped for _, stopped in spans) - min(created for created, _ in spans)
    ratio = result.seconds / reference if reference else tasks_only / IDEAL_SECONDS
    print(f"{TASKS} tasks of 1 s, {AT_ONCE} at a time; ideal {IDEAL_SECONDS:.0f} s")
    print(f"from the first task submitted to the last one done: {tasks_only:.1f} s")
    print(f"the whole workflow, with a head job that starts and uploads: {result.seconds:.1f} s")
    print(f"the whole workflow with miniwdl's own backend: {f'{reference:.1f} s' if reference else 'cannot run here'}")
    print(f"a workflow of one task: {warm.seconds:.1f} s")
    print(f"{ratio:.2f} times {'its own backend' if reference else 'the ideal'}; the goal is {GOAL}")
    return int(ratio > GOAL)


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
