"""Cromwell on the local cloud: the head job definition of the context, with a jar of yours, as no package brings it."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from workflow_context.scripts import read_script
from workflow_stacks.runs.engines.base import read_values
from workflow_stacks.runs.staging import WorkflowInputError

from .aws_cli import AWS
from .base import (
    LocalEngine,
    Place,
    Submission,
    staged_file,
    staged_together,
)

JAR = "cromwell.jar"
# The image has the jar at /app. The other java is that of this machine.
JAVA = f"""\
#!/bin/sh
PATH=${{PATH#/opt/image/bin:}}
for one; do
    shift
    if [ "$one" = /app/{JAR} ]; then one=$(command -v {JAR}); fi
    set -- "$@" "$one"
done
exec java "$@"
"""
# Where its backend binds the AWS CLI from, which every machine gets at boot.
AWS_CLI = "/usr/local/aws-cli/v2/current/bin/aws"
FETCH_AND_RUN = "/usr/local/bin/fetch_and_run.sh"


class Cromwell(LocalEngine):
    """Stages the workflow, and those beside it that it may import, in S3."""

    programs: Mapping[str, str] = {"java": "Java 17 or later", JAR: JAR, "aws": "awscli"}
    images: Sequence[str] = ("docker.io/broadinstitute/cromwell", "broadinstitute/cromwell")
    # Python without the AWS CLI: https://github.com/broadinstitute/cromwell/blob/93/project/Settings.scala
    packages: Sequence[str] = ("setuptools",)
    entry_point: Sequence[str] = ("bash", "-c", "exec java -jar /app/cromwell.jar", "cromwell")

    @override
    def image_files(self) -> Mapping[str, str]:
        return {"/opt/image/bin/java": JAVA}

    @override
    def machine_files(self) -> Mapping[str, str]:
        return {AWS_CLI: AWS, FETCH_AND_RUN: read_script("fetch_and_run.sh")}

    @override
    def how_to_get(self, missing: Sequence[str]) -> str:
        return (
            f"{', '.join(missing)}. Cromwell's jar (https://github.com/broadinstitute/cromwell/releases) must be an "
            f"executable file: chmod +x DIRECTORY/bin/{JAR}, and --software DIRECTORY"
        )

    @override
    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        if place.mounted:
            raise WorkflowInputError(
                "On the local cloud Cromwell keeps everything in S3: give its context 'filesystem: {fsType: S3}'"
            )
        name = _name_of(workflow)
        values = {
            key if "." in key else f"{name}.{key}": staged_file(value, place.stage)
            for key, value in read_values(inputs).items()
        }
        beside = {str(file.relative_to(workflow.parent)): file for file in workflow.parent.rglob("*.wdl")}
        places = staged_together(place.stage, {**beside, workflow.name: workflow})
        # Cromwell reads workflows by HTTP, and finds what they import beside them.
        url = places[workflow.name].replace("s3://", f"{place.endpoint}/")
        results = place.results.removesuffix("/").rpartition("local-runs/")[0] + "cromwell/results/"
        return Submission({"workflow": url, "inputs": json.dumps(values)}, results)


def _name_of(workflow: Path) -> str:
    found = re.search(r"^\s*workflow\s+(\w+)", workflow.read_text(), re.MULTILINE)
    if found is None:
        raise WorkflowInputError(f"{workflow} has no workflow")
    return found[1]
