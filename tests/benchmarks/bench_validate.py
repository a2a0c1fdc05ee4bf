"""How long does it take to validate a project of 200 contexts? The goal: under 1 s, without Node.js.

Run it by hand: python tests/benchmarks/bench_validate.py
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from workflow_stacks.project import validate_project

CONTEXTS = 200
ROUNDS = 5
CONTEXT = """\
  context{number}:
    requestSpotInstances: true
    maxVCpus: 1000
    instanceTypes: [m7i, c7i.4xlarge, r7i.8xlarge]
    tags: {{Lab: "7", Number: {number}}}
    engines:
      - type: wdl
        engine: miniwdl
        filesystem:
          fsType: EFS
          configuration:
            provisionedThroughput: 1024
            transitionToIA: AFTER_30_DAYS
"""


def best_of(action: Callable[[], object]) -> float:
    """Seconds of the fastest of a few rounds."""

    def once() -> float:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started

    return min(once() for _ in range(ROUNDS))


def main() -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "agc-project.yaml"
        contexts = "".join(CONTEXT.format(number=number) for number in range(CONTEXTS))
        file.write_text(f"name: Bench\nschemaVersion: 1\ncontexts:\n{contexts}")
        script = Path(sys.executable).with_name("workflow-context")
        command = [script, "validate", "--project", file]

        print(f"{CONTEXTS} contexts, {file.stat().st_size:,} bytes, best of {ROUNDS}")
        print(f"load and check:            {best_of(lambda: validate_project(file)):.3f} s")
        process = best_of(lambda: subprocess.run(command, check=True, capture_output=True))
        print(f"workflow-context validate: {process:.3f} s")
        print(f"aws_cdk imported:          {'aws_cdk' in sys.modules}")


if __name__ == "__main__":
    main()
