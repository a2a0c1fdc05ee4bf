"""Nextflow on the local cloud: its work directory on the file system, its tasks submitted by qsub."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from typing_extensions import override

from workflow_stacks.runs.engines.base import read_values
from workflow_stacks.runs.staging import WorkflowInputError

from .aws_cli import AWS
from .base import (
    LocalEngine,
    Place,
    Submission,
    staged_by_content,
    staged_file,
    staged_together,
)

# What belongs to a pipeline, beside its main script; whatever else lies there may be data.
# https://www.nextflow.io/docs/latest/sharing.html
FOLDERS = ("assets", "bin", "conf", "lib", "modules", "subworkflows", "templates", "workflows")
# Where tasks with the work directory in S3 find the AWS CLI, which every machine of theirs gets at boot.
AWS_CLI = "/opt/workflow-aws-cli/bin/aws"
SUFFIXES = (".config", ".json", ".nf", ".yaml", ".yml")


class Nextflow(LocalEngine):
    """Stages the pipeline with what belongs to it. The same pipeline with the same inputs is the same session."""

    programs: Mapping[str, str] = {"nextflow": "Nextflow", "java": "Java 17 or later"}
    images: Sequence[str] = ("docker.io/nextflow/nextflow", "nextflow/nextflow")
    # The Python of Amazon Linux, without packages: https://github.com/nextflow-io/nextflow/blob/v25.04.4/docker/Dockerfile
    packages: Sequence[str] = ()

    @override
    def machine_files(self) -> Mapping[str, str]:
        return {AWS_CLI: AWS}

    @override
    def how_to_get(self, missing: Sequence[str]) -> str:
        return (
            f"install {' and '.join(missing)} (https://www.nextflow.io/docs/latest/install.html), "
            "and name the directory above their 'bin' with --software, unless that is /usr or /usr/local"
        )

    @override
    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        if not place.mounted:
            raise WorkflowInputError(
                "On the local cloud Nextflow keeps its work directory on the file system: it would download its plugin "
                "for S3. Run it in a context with one, such as 'filesystem: {fsType: EFS}'."
            )
        parameters = {name: staged_file(value, place.stage) for name, value in read_values(inputs).items()}
        run = place.stage.put(f"local-runs/{PurePosixPath(place.results).name}/run", b"")
        results = str(parameters.setdefault("outdir", f"{PurePosixPath(run).parent}/results"))
        if not results.startswith(("s3://", f"{place.mounted}/")):
            raise WorkflowInputError(f"outdir is {results}; jobs can write to s3:// and below {place.mounted}")
        body = json.dumps(parameters, sort_keys=True).encode()
        files = {str(file.relative_to(workflow.parent)): file for file in _pipeline_files(workflow)}
        told = {name: value for name, value in parameters.items() if name != "outdir"}
        session = uuid.uuid5(uuid.NAMESPACE_URL, f"{workflow.resolve()}\n{json.dumps(told, sort_keys=True)}")
        return Submission(
            {
                "pipeline": staged_together(place.stage, files)[workflow.name],
                "parameters": staged_by_content(place.stage, body, "parameters.json"),
                "session": str(session),
            },
            f"{results.rstrip('/')}/",
        )


def _pipeline_files(workflow: Path) -> Iterator[Path]:
    for path in sorted(workflow.parent.iterdir()):
        if path.is_dir() and path.name in FOLDERS:
            yield from (file for file in sorted(path.rglob("*")) if file.is_file() and "/." not in str(file))
        elif path.is_file() and (path.suffix in SUFFIXES or path.name == workflow.name):
            yield path
