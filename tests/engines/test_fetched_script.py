"""The function of head jobs that brings a workflow from S3: without the workflow, the head job ends."""

import subprocess
from pathlib import Path

import pytest

from workflow_context.scripts import read_script

ASKED = '\nfound=$(fetched s3://lab/flow/main.wdl workflow)\necho "goes on with $found"\n'


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [("echo main.wdl", 0, "goes on with {}/workflow/main.wdl\n"), ("echo there is no object >&2; exit 3", 3, "")],
)
def test_a_head_job_whose_workflow_cannot_be_fetched_ends_with_that(
    program: str, code: int, said: str, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/bash\n{program}\n")
    python.chmod(0o755)

    done = subprocess.run(
        ["bash", "-c", read_script("fetched.sh") + ASKED],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "python": str(python), "folder": "program"},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (code, said.format(tmp_path))
