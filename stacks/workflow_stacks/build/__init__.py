"""From the file system of a project file to its construct: a builder for each kind, in a file of its own."""

from .base import REMOVAL_POLICIES, FileSystemBuilder

__all__ = ["REMOVAL_POLICIES", "FileSystemBuilder"]
