"""The front end as text that a job definition can carry; not part of what it carries."""

import ast
import base64
import io
import lzma
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

LIMIT = 18 * 1024
"""How long the text may be: AWS Batch takes job definitions of 24 KiB, which hold more than this.
https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html"""

_MAIN = "import sys\nfrom frontend.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
_FILTERS = [{"id": lzma.FILTER_LZMA1, "preset": lzma.PRESET_EXTREME, "pb": 0}]  # bytes of text stand in no pattern
_NEVER = (1980, 1, 1, 0, 0, 0)  # the time of each file: the same text at every synthesis


def bare(source: str) -> str:
    """A module without what only people read: docstrings, comments on lines of their own, empty lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            text = node.body[0]
            first, last = text.lineno - 1, text.end_lineno or text.lineno
            lines[first:last] = [""] * (last - first)
            if len(node.body) == 1:
                lines[first] = " " * text.col_offset + "pass"
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.lstrip().startswith("#"))


def packed_front_end(beside: Sequence[tuple[str, str]] = ()) -> str:
    """An archive that Python runs, compressed and in base 85.

    Args:
        beside: Other files that it carries: name and text. Default: none.

    Raises:
        ValueError: It has become too long for a job definition.
    """
    return _packed(tuple(beside))


@cache
def _packed(beside: tuple[tuple[str, str], ...]) -> str:
    folder = files(__package__)
    sources = sorted(one.name for one in folder.iterdir() if one.name.endswith(".py") and one.name != "package.py")
    archive = io.BytesIO()
    # Stored, and then compressed as a whole: the files have much in common.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as package:
        package.writestr(zipfile.ZipInfo("__main__.py", _NEVER), _MAIN)
        for name in sources:
            text = bare(folder.joinpath(name).read_text(encoding="utf-8"))
            package.writestr(zipfile.ZipInfo(f"frontend/{name}", _NEVER), text)
        for name, text in beside:
            package.writestr(zipfile.ZipInfo(name, _NEVER), text)
    packed = lzma.compress(archive.getvalue(), format=lzma.FORMAT_ALONE, filters=_FILTERS)
    text = base64.b85encode(packed).decode()
    if len(text) > LIMIT:
        raise ValueError(f"the front end is {len(text)} bytes long; a job definition has room for {LIMIT}")
    return text


def unpacked(text: str) -> bytes:
    """The archive, as head jobs unpack it (`scripts/front_end.sh`)."""
    return lzma.decompress(base64.b85decode(text))
