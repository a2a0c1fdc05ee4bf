"""The file systems that a workload can be put on, one file for each kind.

Each file has the `MODELS` of its kind. `CHOICES` are those of this package; an application that knows more kinds
gives its own choices to `advise` and `choices_of`.
"""

from . import efs, fsx_lustre, objectivefs, s3, s3_files
from .base import FileSystemDefaults, FileSystemModel, Use

CHOICES: tuple[FileSystemModel, ...] = (
    *efs.MODELS,
    *s3.MODELS,
    *s3_files.MODELS,
    *objectivefs.MODELS,
    *fsx_lustre.MODELS,
)
"""Everything that is compared with each other."""

__all__ = ["CHOICES", "FileSystemDefaults", "FileSystemModel", "Use"]
