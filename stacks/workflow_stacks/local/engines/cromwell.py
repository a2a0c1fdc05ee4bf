"""Cromwell on the local cloud, with a jar of yours, as no package brings it."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from workflow_context.scripts import read_script

from .aws_cli import AWS
from .base import LocalEngine

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
    """A java that takes your jar for that of the image, and what machines get at boot."""

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
