"""How commands print: JSON for programs, tables for people."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import typer

_NUMBER = re.compile(r"[-+]?[0-9][0-9,.]*x?|")
_MIN_WIDTH = 10
_MAX_LEN_WORD, _BETWEEN_COLUMNS = 20, 2


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout, indented, letters as they are."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under titles, without lines, numbers to the right.

    What is too wide is wrapped within its column, between words as long as there is room for them.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(*titles, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, header_style="bold")
    written = [tuple(row) for row in rows]
    columns = [[title, *(row[index] for row in written)] for index, title in enumerate(titles)]
    widths = _widths(columns, _width())
    if widths is None:
        _print_blocks(titles, written)
        return
    for column, cells, width in zip(table.columns, columns, widths, strict=True):
        column.overflow, column.width = "fold", width
        if written and all(_NUMBER.fullmatch(cell) for cell in cells[1:]):
            column.justify = "right"
    for row in written:
        table.add_row(*(_plain(cell) for cell in row))
    _print(table)


def _widths(columns: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Widths with which columns fit: the widest is wrapped first, and no word or number is folded.

    None where that cannot be. Words longer than any number, as an ARN, may be folded.
    """
    widths = [max((len(cell) for cell in cells), default=0) for cells in columns]
    least = [
        min(_MAX_LEN_WORD, max((len(word) for cell in cells for word in cell.split()), default=0)) for cells in columns
    ]
    room = width - _BETWEEN_COLUMNS * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widths[max(range(len(widths)), key=lambda index: (widths[index] > least[index], widths[index]))] -= 1
    return list(widths)


def _print_blocks(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print each row as lines of its own, because the columns do not fit beside each other."""
    for row in rows:
        typer.echo("")
        print_facts(zip(titles, row, strict=True))


def print_note(text: str, indent: int = 2) -> None:
    """Print a sentence, wrapped at the terminal's width; its further lines are indented."""
    wrapped = textwrap.wrap(
        text, _width(), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    typer.echo("\n".join(wrapped))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, a line each; a long value is folded in its column, an empty name continues."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, _plain(value))
    _print(table)


def _width() -> int:
    """The width of the terminal, as rich takes it from COLUMNS and the terminal; 80 where that is no width."""
    from rich.console import Console

    width = Console().width
    return width if width >= _MIN_WIDTH else 80


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _print(renderable: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False, width=_width())
    with console.capture() as capture:
        console.print(renderable)
    for line in capture.get().splitlines():
        typer.echo(line.rstrip())
