"""In place of S3, for tests of inputs: files of this machine are uploaded nowhere."""

from pathlib import Path


class NoStage:
    """Keeps nothing, and says where it would be."""

    def put_file(self, file: Path) -> str:
        """The address of a file."""
        return f"s3://bucket/{file.name}"

    def put_folder(self, files: dict[str, Path]) -> str:
        """The address of a folder, which tells how many files were in it."""
        return f"s3://bucket/folder-of-{len(files)}/"
