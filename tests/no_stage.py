"""In place of S3, for tests of inputs: files of this machine are uploaded nowhere."""

from pathlib import Path


class NoStage:
    """Keeps nothing, and says where it would be."""

    def put_file(self, file: Path) -> str:
        """The address of a file."""
        return f"s3://bucket/{file.name}"

    def put_directory(self, directory: Path) -> str:
        """The address of a directory."""
        return f"s3://bucket/{directory.name}/"
