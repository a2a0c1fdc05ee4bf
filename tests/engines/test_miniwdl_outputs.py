"""Where miniwdl-aws puts the outputs of runs, by its own program with recorders for what it calls."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from templates import Templates, resources

MINIWDL = """\
#!/bin/sh
# A run with one output, in a directory of its own.
run=$(mktemp -d {folder}/runs/$(date +%s)_XXXX)
mkdir -p "$run/out/bam"
echo reads >"$run/out/bam/sample.bam"
echo '{{"w.bam": "'"$run"'/out/bam/sample.bam"}}' >"$run/outputs.json"
echo '{{"dir": "'"$run"'", "outputs": {{"w.bam": "'"$run"'/out/bam/sample.bam"}}}}'
"""
FOLDER = "/contexts/one/miniwdl"
"""The folder of a context as templates name it: with a slash at its end, the client leaves out the name of the run."""
AWS = '#!/bin/sh\necho "$*" >>{folder}/uploads\n'


def test_two_runs_of_one_workflow_write_to_folders_of_their_own(variants: Templates, tmp_path: Path) -> None:
    """AWS-3: with a slash at the end of the folder the second sample replaced the first."""
    program = shutil.which("miniwdl-run-s3upload")
    if program is None:
        pytest.skip("miniwdl-aws is not installed")
    folders = {
        definition["Properties"]["Parameters"]["outputs"]["Fn::Join"][1][-1]
        for template in variants.values()
        for definition in resources(template, "AWS::Batch::JobDefinition").values()
        if "outputs" in definition["Properties"].get("Parameters", {})
    }
    assert {re.sub("/contexts/[^/]+", "/contexts/one", folder) for folder in folders} == {FOLDER}
    (tmp_path / "runs").mkdir()
    for name, text in {"miniwdl": MINIWDL, "aws": AWS}.items():
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    for _ in range(2):
        subprocess.run(
            [program, "w.wdl", "--s3upload", f"s3://bucket{FOLDER}"],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
    words = (tmp_path / "uploads").read_text().split()
    written = {word.split(FOLDER, 1)[1].strip("/").split("/")[0] for word in words if word.startswith("s3://")}
    # The client puts an object beside them, to see whether it may.
    assert len(written - {""}) == 2, words
