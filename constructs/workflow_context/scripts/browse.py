"""Shows what is on the file system of a context, in a job that can only read: ROOT MODE PATH LINES.

MODE is `list`, `show` or `tail`. Each line of the answer begins with `|`, since a log keeps no empty line, or with `!`
where it says what is wrong; the last one is `@end`. Run with the standard library alone.
"""

import stat
import sys
import time
from pathlib import Path

MOST_LINES = 5000
MOST_BYTES = 1 << 20
_LONGEST = 10_000
_LOOK = 8192


class NothingToShowError(Exception):
    """What was asked for is not there, or is no text."""


def entry(size: int, moment: float, name: str) -> str:
    """One line of a list: bytes, when it was written, in UTC, and the name; that of a directory ends with a slash."""
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))
    return plain(f"{size:>16,}  {when}  {name}" if not name.endswith("/") else f"{'-':>16}  {when}  {name}")


def plain(line: str) -> str:
    """A line without what a terminal would obey, and no longer than a log takes."""
    shown = line[:_LONGEST] + ("…" if len(line) > _LONGEST else "")
    return "".join(one if one.isprintable() or one == "\t" else "\N{REPLACEMENT CHARACTER}" for one in shown)


def text(name: str, content: bytes, size: int, most: int, *, from_end: bool) -> list[str]:
    """The first or the last lines of a file, of which a part of so many bytes was read."""
    if b"\0" in content[:_LOOK]:
        raise NothingToShowError(f"{name} is no text; it has {size:,} bytes")
    found = content.decode(errors="replace").split("\n")
    if found[-1] == "":
        del found[-1]
    whole = len(content) == size
    if from_end:
        if not whole and len(found) > 1:
            del found[0]  # the end of a line
        return [plain(line.removesuffix("\r")) for line in found[-most:]]
    if len(found) > most or not whole:
        found = [*found[:most], f"... of {size:,} bytes; for the last lines: --tail LINES"]
    return [plain(line.removesuffix("\r")) for line in found]


def answer(root: Path, mode: str, path: str, most: int) -> list[str]:
    """What is asked of a path below a directory."""
    root = root.resolve()
    # Links are followed, but not out of the file system: this container has credentials in its own files.
    place = (root / path).resolve()
    if not place.is_relative_to(root):
        raise NothingToShowError(f"{path} is not below {root}")
    try:
        found = place.stat()
    except OSError as error:
        raise NothingToShowError(f"{path}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        if mode != "list":
            raise NothingToShowError(f"{path} is a directory: leave out --show and --tail")
        return _listed(place)
    if mode == "list":
        return [entry(found.st_size, found.st_mtime, path)]
    if not stat.S_ISREG(found.st_mode):
        raise NothingToShowError(f"{path} is no file")
    with place.open("rb") as file:
        if mode == "tail":
            file.seek(max(found.st_size - MOST_BYTES, 0))
        return text(path, file.read(MOST_BYTES), found.st_size, min(most, MOST_LINES), from_end=mode == "tail")


def _listed(folder: Path) -> list[str]:
    places = sorted(folder.iterdir())
    lines = []
    for place in places[:MOST_LINES]:
        try:
            found = place.lstat()
        except FileNotFoundError:
            continue  # it went meanwhile
        kind = f" -> {place.readlink()}" if place.is_symlink() else "/" if stat.S_ISDIR(found.st_mode) else ""
        lines.append(entry(found.st_size, found.st_mtime, place.name + kind))
    return [*lines, *([f"... and {len(places) - MOST_LINES:,} more"] if len(places) > MOST_LINES else [])]


def main(arguments: list[str]) -> int:
    """Print the answer."""
    root, mode, path, most = arguments
    try:
        lines = [f"|{line}" for line in answer(Path(root), mode, path, int(most))]
    except NothingToShowError as error:
        lines = [f"!{plain(str(error))}"]
    except OSError as error:
        lines = [f"!{plain(path)}: {error.strerror}"]
    sys.stdout.write("\n".join([*lines, "@end", ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
