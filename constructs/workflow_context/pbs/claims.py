"""Makes a repeated qsub the same one: an engine repeats one that failed or was killed, although its job was queued.

A claim is a file, named by what the qsub asks for, that holds an id from before the job is queued until the id has been
printed. Whoever finds the claim of a process that is gone goes on with its id.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from .journal import Journal


@dataclass(frozen=True)
class Claim:
    """An id for a job.

    Attributes:
        id: The id.
        file: The file that holds it.
        is_repeated: Whether an earlier qsub took it, which is gone.
    """

    id: str
    file: Path
    is_repeated: bool = False

    def release(self) -> None:
        """The engine has been told the id."""
        self.file.unlink(missing_ok=True)


def claim(journal: Journal, arguments: list[str], directory: Path) -> Claim:
    """Take an id for what a command line asks for in a directory.

    Raises:
        OSError: The file system takes no file any more.
    """
    journal.claims.mkdir(exist_ok=True)
    key = hashlib.sha256("\0".join([str(directory), *arguments]).encode(errors="surrogateescape")).hexdigest()[:32]
    file = journal.claims / key
    mine = Claim(str(uuid.uuid4()), file)
    if _create(file, mine.id):
        return mine
    id_, _, owner = _read(file).partition(" ")
    if owner and _is_alive(owner):  # two at once are two jobs
        mine = Claim(mine.id, journal.claims / f"{key}-{mine.id}")
        _create(mine.file, mine.id)
        return mine
    if _is_usable(id_, journal):
        return Claim(id_, file, is_repeated=True)
    file.unlink(missing_ok=True)
    _create(file, mine.id)
    return mine


def _create(file: Path, id_: str) -> bool:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(f"{id_} {_process(os.getpid())}")
    except FileExistsError:
        return False
    except OSError:
        file.unlink(missing_ok=True)
        raise
    return True


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _is_usable(id_: str, journal: Journal) -> bool:
    """Whether a job goes on by this id: not when it has ended meanwhile, and the engine wants it done again."""
    try:
        uuid.UUID(id_)
    except ValueError:
        return False
    jobs = journal.jobs()
    return not any(jobs[one].ended for one in (id_, f"{id_}[0]") if one in jobs)


def _process(number: int) -> str:
    """A process in words that no later one has: machine, number and start."""
    try:
        started = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        started = ""
    return f"{os.uname().nodename} {number} {started}" if started else ""


def _is_alive(owner: str) -> bool:
    machine, _, rest = owner.partition(" ")
    number = rest.partition(" ")[0]
    # A process of another machine was of another head job, which is gone.
    return machine == os.uname().nodename and number.isdigit() and _process(int(number)) == owner
