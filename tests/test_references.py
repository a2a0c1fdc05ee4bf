"""File systems that jobs read beside the one that they work on: which there can be, where, and for which engines."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_s3 as s3

from workflow_context import (
    EfsFileSystem,
    MiniwdlEngine,
    NextflowEngine,
    Reference,
    S3FilesFileSystem,
    S3FileSystem,
    S3Location,
    SnakemakeEngine,
    WorkflowContext,
)
from workflow_context.catalog import ENGINES


@pytest.fixture(scope="module")
def lab() -> "Lab":
    return Lab()


class Lab(cdk.Stack):
    """A stack with a network and a file system, in which contexts can be made."""

    def __init__(self) -> None:
        super().__init__(cdk.App(), "Lab")
        self.vpc = ec2.Vpc(self, "Vpc", max_azs=1)
        self.bucket = s3.Bucket.from_bucket_name(self, "Bucket", "lab-results")
        self.efs = EfsFileSystem(self, "Storage", placement=self.vpc)
        self.genomes = self.efs.directory("References", "/references")
        self._contexts = 0

    def context(self, engine: Any, *references: Reference, storage: Any = None) -> WorkflowContext:
        self._contexts += 1
        return WorkflowContext(
            self,
            f"Context{self._contexts}",
            engine=engine,
            placement=self.vpc,
            storage=storage or self.efs,
            outputs=S3Location(self.bucket, "results"),
            references=references,
        )


@pytest.mark.parametrize(
    "path", ["references", "/", "/mnt/../etc", "/mnt//references", "/mnt/references/", "/mnt/$HOME"]
)
def test_a_path_is_absolute_and_plain(lab: Lab, path: str) -> None:
    with pytest.raises(ValueError, match="path must be an absolute path such as /mnt/references"):
        Reference(lab.genomes, path)


def test_no_path_lies_in_another(lab: Lab) -> None:
    with pytest.raises(ValueError, match="the reference /mnt/efs/references overlaps /mnt/efs"):
        lab.context(SnakemakeEngine, Reference(lab.genomes, "/mnt/efs/references"))
    one, other = Reference(lab.genomes, "/mnt/references"), Reference(lab.genomes, "/mnt/references/human")
    with pytest.raises(ValueError, match="the reference /mnt/references/human overlaps /mnt/references"):
        lab.context(SnakemakeEngine, one, other)


def test_engines_whose_tasks_mount_nothing_beside_it_are_refused(lab: Lab) -> None:
    reference = Reference(lab.genomes, "/mnt/references")
    in_bucket = S3FileSystem(lab, "InBucket", location=S3Location(lab.bucket, "work"))
    files = S3FilesFileSystem(lab, "Files", placement=lab.vpc, location=S3Location(lab.bucket, "files"))
    with pytest.raises(ValueError, match="tasks of MiniwdlEngine on EfsFileSystem mount nothing beside it"):
        lab.context(MiniwdlEngine, reference)
    with pytest.raises(ValueError, match="tasks of NextflowEngine on S3FileSystem mount nothing beside it"):
        lab.context(NextflowEngine, reference, storage=in_bucket)
    with pytest.raises(ValueError, match="tasks of SnakemakeEngine on S3FilesFileSystem mount nothing beside it"):
        lab.context(SnakemakeEngine, reference, storage=files)


def test_the_catalog_says_of_engines_what_their_constructs_say(lab: Lab) -> None:
    for engine in (SnakemakeEngine, NextflowEngine, MiniwdlEngine):
        [entry] = [one for one in ENGINES.values() if one.load() is engine]
        assert lab.context(engine).engine.takes_references is ("EFS" in entry.references_on), entry.name


def test_what_jobs_do_not_mount_is_no_reference(lab: Lab) -> None:
    bucket = S3FileSystem(lab, "Bucketful", location=S3Location(lab.bucket, "references"))
    with pytest.raises(
        ValueError, match="S3FileSystem is not mounted beside another file system; EfsFileSystem can be"
    ):
        lab.context(SnakemakeEngine, Reference(bucket, "/mnt/references"))
    with pytest.raises(ValueError, match="S3FileSystem has no directories with rights of their own"):
        bucket.directory("One", "/one")
