"""The state of the services in files: written when it changed, whole or not at all, and never taken for empty."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

MAX_SAVE_SECONDS = 120


class DamagedStateError(Exception):
    """A file of the state is not what was written."""


def check_files(folder: Path) -> None:
    """Refuse to begin with a file that is damaged: it would count as empty, and be written over.

    Raises:
        DamagedStateError: Names the file.
    """
    for file in sorted(folder.glob("*.json")):
        try:
            json.loads(file.read_bytes())
        except ValueError as error:
            raise DamagedStateError(
                f"The state of the local cloud is damaged: {file} is not what was written there ({error}). "
                "Restore that file, or begin anew with: workflow-context local down --delete"
            ) from error


def write_file(file: Path, text: str) -> None:
    """Write a file when it does not hold that already: whole or not at all, also when the power fails."""
    content = text.encode()
    if file.exists() and file.stat().st_size == len(content) and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.tmp")
    with part.open("wb") as writing:
        writing.write(content)
        writing.flush()
        os.fsync(writing.fileno())
    part.replace(file)


def in_a_copy(save: Callable[[], None]) -> int:
    """Save in a copy of this process, which sees the state of this moment, while this one goes on serving.

    Returns:
        The id of the process to wait for.
    """
    process = os.fork()
    if process == 0:
        code = 1
        try:
            signal.alarm(MAX_SAVE_SECONDS)
            save()
            code = 0
        finally:
            os._exit(code)
    return process
