"""What it takes to submit, poll and end 10,000 tasks by qsub, qstat and qdel, with an AWS Batch on loopback.

Run it by hand: python tests/benchmarks/bench_submission.py [TASKS] [--write]. It prints the requests, the processor
time of the commands and the most memory that a poll held, and with `--write` puts them into docs/performance.md. An
engine starts a process for each qsub: what that takes is measured by itself, with some hundred of them.
"""

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from performance_page import write

sys.path.insert(0, str(Path(__file__).parents[1] / "pbs"))
from fake_batch import ARN, TEMPLATE, FakeBatch, fake_batch

from workflow_context import pbs
from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.qsub import qsub
from workflow_context.pbs.settings import Settings
from workflow_context.pbs.submission import flush

SCRIPT = "#!/bin/bash\n#PBS -N task\n#PBS -l nodes=1:ppn=2\n#PBS -l mem=2gb\necho\n"
PROCESSES = 200


def main(count: int) -> list[str]:
    """Measure, and return a table."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    table = [
        f"{count:,} tasks that are alike:",
        "",
        "| step | requests | CPU | elapsed | peak memory |",
        "|---|---|---|---|---|",
    ]
    with fake_batch() as batch, TemporaryDirectory() as name:
        folder = Path(name)
        queue = f"{ARN}:job-queue/TaskQueue"
        settings = Settings("bench", TEMPLATE, queue, "", folder, "run", 0, "us-east-1", 1e6, 0)
        (folder / "task.sh").write_text(SCRIPT)
        journal, api = Journal(folder, "run"), BatchApi("us-east-1", batch.endpoint)

        def submit() -> None:
            for _ in range(count):
                with qsub(["task.sh"], folder, {}, settings):
                    pass

        measure(table, batch, "qsub: queue them", submit)
        measure(table, batch, "submit what waits", lambda: flush(journal, api, settings))
        measure(table, batch, "qstat: poll all", lambda: qstat(["-f"], api, settings))
        batch.become("RUNNING")
        measure(table, batch, "qdel: half of them, by their ids", lambda: qdel(ids(journal)[::2], api, settings))
        measure(table, batch, "qdel: the rest of the run", lambda: qdel(["--run"], api, settings))
        if batch.living():
            raise SystemExit("some tasks were not ended")
        seconds = processes(folder, batch)
    return [
        *table,
        "",
        (
            f"A process for each qsub takes {seconds / PROCESSES * 1000:.0f} ms, of which Python takes to start "
            f"{python_start() * 1000:.0f} ms."
        ),
    ]


def ids(journal: Journal) -> list[str]:
    """The ids of the jobs, for the engine."""
    return list(journal.jobs())


def measure(table: list[str], batch: FakeBatch, step: str, command: Callable[[], object]) -> None:
    """Run a step; memory is counted for polls alone, since counting it takes most of the time."""
    before = sum(batch.calls.values())
    if step.startswith("qstat"):
        tracemalloc.start()
    cpu, began = time.thread_time(), time.monotonic()
    command()
    cpu, seconds = time.thread_time() - cpu, time.monotonic() - began
    peak = f"{tracemalloc.get_traced_memory()[1] / 2**20:.0f}" if tracemalloc.is_tracing() else ""
    tracemalloc.stop()
    requests = sum(batch.calls.values()) - before
    table.append(f"| {step} | {requests:,} | {cpu:.2f} s | {seconds:.2f} s | {peak and peak + ' MiB'} |")


def processes(folder: Path, batch: FakeBatch) -> float:
    """Seconds for many qsub, each a process."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL_BATCH": batch.endpoint,
        "AWS_REGION": "us-east-1",
        "WORKFLOW_CONTEXT": "bench",
        "WORKFLOW_TASK_DEFINITION": TEMPLATE,
        "WORKFLOW_TASK_QUEUE": f"{ARN}:job-queue/TaskQueue",
        "WORKFLOW_STATE": str(folder),
        "WORKFLOW_RUN": "processes",
    }
    program = folder / "program"
    program.mkdir()
    (program / "__main__.py").write_text("import sys\nfrom pbs.__main__ import main\nsys.exit(main(sys.argv[1:]))\n")
    (program / "pbs").symlink_to(Path(pbs.__file__).parent)
    command = [sys.executable, "-S", "-E", str(program), "qsub", "task.sh"]
    began = time.monotonic()
    for _ in range(PROCESSES):
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def python_start() -> float:
    """Seconds for a Python that does nothing."""
    began = time.monotonic()
    for _ in range(20):
        subprocess.run([sys.executable, "-S", "-E", "-c", ""], check=True)
    return (time.monotonic() - began) / 20


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "--write"]
    lines = main(int(arguments[0]) if arguments else 10_000)
    print("\n".join(lines))
    if "--write" in sys.argv:
        write("submission", lines)
