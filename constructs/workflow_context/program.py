"""The program of head jobs as an asset: what they fetch from S3 when they start, since no image has it."""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from workflow_context.place import Place
from workflow_context.scripts import read_script

_EPOCH = (1980, 1, 1, 0, 0, 0)
PROGRAM_PREFIX = "workflow-program-"
"""How the names of programs begin in the assets bucket."""
_MAIN = "import sys\nfrom pbs.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"


class HeadProgram(Construct):
    """Files that head jobs fetch from the assets bucket of the CDK (`cdk bootstrap`) when they start.

    A job definition has no room for a program: AWS Batch hands its command and environment to Amazon ECS as container
    overrides, of 8,192 characters at most. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

    The object is named after its content, and holds no times, so that every machine makes the same one.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        files: Path in the program to text; `head.sh` is what a head job goes on with.

    Attributes:
        url: The address of the object, `https://s3.REGION.DOMAIN/BUCKET/KEY`; the key holds the SHA-256 of the content.
            `scripts/fetch_program.py` fetches it with the role of the job.

    Security considerations:
        A head job runs the program only if its content has the SHA-256 that the job definition names: who may write to
        the assets bucket cannot change what the head jobs of a deployed context run.
    """

    def __init__(self, scope: Construct, id: str, *, files: Mapping[str, str]) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        content, digest = _archived(tuple(files.items()))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "program.zip"
            file.write_bytes(content)
            # With the hash that is known, Node.js does not read the file for one of its own.
            staged = cdk.AssetStaging(self, "Stage", source_path=str(file), asset_hash=digest)
        # Not aws_s3_assets.Asset: it names objects by a bare hash, and so can only grant the whole bucket, or not the
        # object that a job of an older definition still needs.
        self._location = stack.synthesizer.add_file_asset(
            source_hash=f"{PROGRAM_PREFIX}{digest}",
            packaging=cdk.FileAssetPackaging.FILE,
            file_name=staged.relative_staged_path(stack),
        )
        self.url: str = self._location.http_url

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to read the programs of head jobs, of this version and of those deployed before: jobs may still wait.

        Args:
            grantee: Who may.
        """
        key = self._location.object_key
        prefix = f"{key[: key.index(PROGRAM_PREFIX)]}{PROGRAM_PREFIX}"
        objects = f"arn:{Place.of(self).partition}:s3:::{self._location.bucket_name}/{prefix}*"
        return iam.Grant.add_to_principal(grantee=grantee, actions=["s3:GetObject"], resource_arns=[objects])


@cache
def _archived(files: tuple[tuple[str, str], ...]) -> tuple[bytes, str]:
    """The archive of files, and its SHA-256: contexts of one engine have the same program."""
    content = archive(dict(files))
    return content, hashlib.sha256(content).hexdigest()


def archive(program: Mapping[str, str]) -> bytes:
    """A zip file that depends on nothing but names and texts: sorted, without times, and not compressed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as zipped:
        for name, text in sorted(program.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, wherever it is made
            zipped.writestr(entry, text)
    return content.getvalue()


def head_files(scripts: Sequence[str]) -> dict[str, str]:
    """What the program of every head job holds: path in the program to text.

    Args:
        scripts: The engine's script in parts, each a file of `scripts`.
    """
    head = "".join(read_script(part) for part in ("check.sh", "run_end.sh", *scripts))
    return {**pbs_files(), "head.sh": head, "check_task.sh": read_script("check_task.sh")}


def volume_files() -> dict[str, str]:
    """The program that deletes the storage of runs: path in the program to text."""
    return {
        "__main__.py": "import sys\nfrom workflow_context.volumes.__main__ import main\nsys.exit(main(sys.argv[1:]))\n",
        "head.sh": 'exec "${python:?}" -S -E "${folder:?}" "$@"\n',
        "workflow_context/__init__.py": "",
        **_package("workflow_context.pbs", "workflow_context/pbs"),
        **_package("workflow_context.volumes", "workflow_context/volumes"),
    }


def pbs_files() -> dict[str, str]:
    """qsub, qstat and qdel: path in the program to text."""
    return {"__main__.py": _MAIN, **_package("workflow_context.pbs", "pbs")}


@cache
def _package(name: str, folder: str) -> dict[str, str]:
    found = files(name)
    names = sorted(one.name for one in found.iterdir() if one.name.endswith(".py"))
    return {f"{folder}/{one}": found.joinpath(one).read_text(encoding="utf-8") for one in names}
