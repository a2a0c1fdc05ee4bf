"""The contract by which an engine runs on the local cloud where its images are not used: what stands in for them.

How its workflows are staged, started and resumed is the same everywhere: `workflow_stacks.runs.engines`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path


class LocalEngine:
    """What stands in for the images of an engine.

    Attributes:
        programs: What its head job runs, and the package that brings it.
        images: The repositories of its container images, without tags.
        packages: The Python packages of its image as pip names them, with all that they require. Jobs in it see no
            others of this machine.
        entry_point: What its image runs, with the command of the job as arguments. Default: the command itself.
    """

    programs: Mapping[str, str]
    images: Sequence[str]
    entry_point: Sequence[str] = ()
    packages: Sequence[str] = ()

    def image_files(self) -> Mapping[str, str]:
        """Files that its image would bring: path to text. Those in /opt/image/bin are found as programs first."""
        return {}

    def machine_files(self) -> Mapping[str, str]:
        """Programs that the machines of its contexts get at boot, for tasks to mount: path to text."""
        return {}

    def obstacle(self, mount_path: str, software: Sequence[Path]) -> str:
        """Why it does not run in a context, and what would; nothing when it does.

        Args:
            mount_path: Where jobs of the context find its file system; empty when they mount none.
            software: Directories of programs that jobs may use.
        """
        del mount_path, software
        return ""

    def how_to_get(self, missing: Sequence[str]) -> str:
        """What to do about packages that are not here."""
        return (
            f"pip install {' '.join(missing)} (into another virtual environment, if you like: name it with --software)"
        )
