"""What somebody writes without this package, for the same stacks: the L2s of aws-cdk-lib, and no checks.

A core stack (`handwritten_core.py`), and a stack for each context (`handwritten_context.py`, with the statements of its
roles in `handwritten_rights.py`). There are no choices, no project file, and no reasons for security rules. Only
the program of head jobs and the scripts of machines are read from the package: they are no CDK code.
`tests/stacks/test_handwritten_app.py` holds that the templates are those of the package; `bench_synth.py` compares the
time that the two take.

Run it by hand: python tests/benchmarks/handwritten_app.py OUTDIR CONTEXTS
"""

import hashlib
import json
import sys
from pathlib import Path

import aws_cdk as cdk
from handwritten_context import Context
from handwritten_core import Core

from workflow_context.engines.miniwdl import backend_files
from workflow_context.program import archive, head_files

ROOT = Path(__file__).parents[2]


def main(outdir: str, contexts: int) -> None:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=outdir, context=flags)
    core = Core(app, "Bench-core", "Bench")
    content = archive({**head_files(["fetched.sh", "miniwdl_head.sh"]), **backend_files()})
    program = Path(outdir) / f"{hashlib.sha256(content).hexdigest()}.zip"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_bytes(content)
    for number in range(contexts):
        Context(app, "Bench", f"context{number}", core, program)
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
