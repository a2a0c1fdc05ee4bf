"""The file systems that a workload can be put on, one file for each kind.

A new kind is a file here with a `FileSystemModel`, and a line in `CHOICES`.
"""

from .base import FileSystemModel, Use
from .efs import EfsThroughput
from .fsx_lustre import FsxLustreChoice
from .objectivefs import ObjectiveFsChoice
from .s3 import S3Choice
from .s3_files import S3FilesChoice

CHOICES: tuple[FileSystemModel, ...] = (
    EfsThroughput("bursting"),
    EfsThroughput("elastic"),
    EfsThroughput("provisioned"),
    ObjectiveFsChoice(),
    S3Choice(),
    S3FilesChoice(),
    FsxLustreChoice(),
)
"""Everything that is weighed against each other."""

__all__ = ["CHOICES", "FileSystemModel", "Use"]
