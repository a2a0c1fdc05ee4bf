"""The transcript in the documentation, made by the commands that it shows: `make transcript`.

Each command of the page is typed in one folder and one terminal, one after another, and what the terminal showed is
written below it.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "in-the-terminal.md"
COLUMNS = 100
_BLOCK = re.compile(r"(?ms)^```console\n(.*?)^```$")
_PROMPT = "$ "


def commands(page: str) -> list[str]:
    """The commands on a page, in their order."""
    lines = (line for block in _BLOCK.findall(page) for line in block.splitlines())
    return [line.removeprefix(_PROMPT) for line in lines if line.startswith(_PROMPT)]


def answers(page: str) -> list[tuple[str, str]]:
    """Each command on a page with what stands below it."""
    text = "".join(_BLOCK.findall(page))
    parts = [part for part in re.split(r"(?m)^\$ ", text) if part]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def typed(command: str, folder: Path) -> str:
    """What a terminal shows when a command is typed in a folder."""
    ours, theirs = pty.openpty()
    programs = os.pathsep.join([f"{sys.prefix}/bin", str(ROOT / "node_modules" / ".bin"), os.environ["PATH"]])
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(COLUMNS), "PATH": programs}
    shown = b""
    with subprocess.Popen(
        shlex.split(command), stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder
    ):
        os.close(theirs)
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # so a terminal tells that nobody writes to it any more
            pass
        finally:
            os.close(ours)
    return shortened(rendered(shown.decode()), folder)


def rendered(shown: str) -> str:
    """What stays on a terminal: no colours, and nothing that was wiped away again."""
    screen: list[str] = [""]
    row = column = 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", shown):
        if part == "\n":
            row += 1
            screen += [""] * (row + 1 - len(screen))
        elif part == "\r":
            column = 0
        elif part == "\x1b[2K":
            screen[row] = ""
        elif part == "\x1b[K":
            screen[row] = screen[row][:column]
        elif part.startswith("\x1b["):
            row -= min(row, int(part[2:-1] or 1)) if part.endswith("A") else 0
        else:
            screen[row] = screen[row][:column].ljust(column) + part + screen[row][column + len(part) :]
            column += len(part)
    return "".join(f"{line.rstrip()}\n" for line in screen).rstrip("\n") + "\n"


def shortened(text: str, folder: Path) -> str:
    """Text without the paths of this machine."""
    for path, short in (
        (folder, "~/lab"),
        (folder.resolve(), "~/lab"),
        (sys.prefix, "~/.venv"),
        (sys.base_prefix, "/usr"),
    ):
        text = text.replace(str(path), short)
    return text


def written_anew(page: str, answer: Callable[[str], str]) -> str:
    """The page with the answers of its commands below them."""

    def block(found: re.Match[str]) -> str:
        asked = [line for line in found[1].splitlines() if line.startswith(_PROMPT)]
        return "```console\n" + "".join(f"{line}\n{answer(line.removeprefix(_PROMPT))}" for line in asked) + "```"

    return _BLOCK.sub(block, page)


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        lab = Path(place, "lab")
        lab.mkdir()
        PAGE.write_text(written_anew(PAGE.read_text(), lambda command: typed(command, lab)))
