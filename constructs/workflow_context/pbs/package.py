"""The front end as text that a job definition can carry; not part of what it carries."""

import ast
import base64
import io
import json
import lzma
import tokenize
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

LIMIT = 64 * 1024
"""How long the text may be: AWS Batch takes job definitions of 24 KiB, which hold more than this.
https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html"""

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_MAIN = "import sys\nfrom pbs.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
_FILTERS = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "pb": 0}]  # bytes of text stand in no pattern


def bare(source: str) -> str:
    """A module without what only people and type checkers read: docstrings, comments, annotations of functions."""
    text = source.encode()
    starts = [0, *(at + 1 for at, letter in enumerate(text) if letter == ord("\n"))]
    spans: list[tuple[int, int, bytes]] = []

    def place(line: int, column: int) -> int:
        return starts[line - 1] + column

    def drop(node: ast.expr | ast.stmt, start: int, instead: bytes = b"") -> None:
        spans.append((start, place(node.end_lineno or node.lineno, node.end_col_offset or 0), instead))

    for token in tokenize.tokenize(io.BytesIO(text).readline):
        if token.type == tokenize.COMMENT:
            start = place(token.start[0], len(token.line[: token.start[1]].encode()))
            spans.append((start, start + len(token.string.encode()), b""))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            drop(first, place(first.lineno, first.col_offset), b"pass" if len(node.body) == 1 else b"")
        if isinstance(node, ast.arg) and node.annotation:
            drop(node.annotation, place(node.lineno, node.col_offset) + len(node.arg.encode()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns:
            drop(node.returns, text.rindex(b"->", 0, place(node.returns.lineno, node.returns.col_offset)))
    for start, end, instead in sorted(spans, reverse=True):
        text = text[:start] + instead + text[end:]
    return "".join(f"{line.rstrip()}\n" for line in text.decode().splitlines() if line.strip())


def bundle(beside: Sequence[tuple[str, str]] = ()) -> str:
    """The files of a folder that Python runs, as JSON, compressed and in base 85.

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
    modules = {f"pbs/{name}": bare(folder.joinpath(name).read_text(encoding="utf-8")) for name in sources}
    packed = json.dumps({"__main__.py": _MAIN, **modules, **dict(beside)}, separators=(",", ":")).encode()
    text = base64.b85encode(lzma.compress(packed, format=lzma.FORMAT_ALONE, filters=_FILTERS)).decode()
    if len(text) > LIMIT:
        raise ValueError(f"the front end is {len(text)} bytes long; a job definition has room for {LIMIT}")
    return text


def unpacked(text: str) -> dict[str, str]:
    """The files, as head jobs unpack them (`scripts/unpack.sh`): name to text."""
    found: dict[str, str] = json.loads(lzma.decompress(base64.b85decode(text)))
    return found
