"""What the commands that estimate share: prices, errors of the models, and tables that show what a figure rests on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from string import ascii_letters
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeAlias, TypeVar

import typer

from workflow_stacks.errors import WorkflowContextError

from .output import print_note, print_table

if TYPE_CHECKING:
    from workflow_context.models.estimates import CostLine, Estimate, Unpriced
    from workflow_context.models.prices import PriceBook


def _presets() -> str:
    """The names of the presets: files of the package, so that the help needs no model."""
    from importlib.resources import files

    folder = files("workflow_context").joinpath("models", "presets")
    return ", ".join(sorted(each.name.removesuffix(".yaml") for each in folder.iterdir()))


_P = ParamSpec("_P")
_R = TypeVar("_R")

PricesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--prices", metavar="FILE", help="YAML or JSON file of unit prices to use instead of the built-in ones."
    ),
]
"""`--prices FILE`; give it the default None."""

LiveOption: TypeAlias = Annotated[
    bool, typer.Option("--live", help="Ask the AWS Price List API for prices (needs boto3 and credentials).")
]
"""`--live`; give it the default False."""

RegionOption: TypeAlias = Annotated[str, typer.Option("--region", help="The Region: its limits and its prices.")]
"""`--region`; give it the default `DEFAULT_REGION`."""

WorkloadOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--workload", metavar="FILE|PRESET", help=f"The workload: a YAML file, or one of {_presets()}."),
]
"""`--workload`; give it the default None."""

PlotOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw a picture: .png, .svg or .pdf (needs the extra 'plots')."),
]
"""`--plot FILE`; give it the default None."""

DEFAULT_REGION = "us-east-1"


def model_errors(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a command's model errors reach the user as messages."""

    @functools.wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        from workflow_context.models.errors import ModelError

        try:
            return command(*args, **kwargs)
        except ModelError as error:
            raise WorkflowContextError(str(error)) from error

    return wrapped


def price_book(prices: Path | None, region: str, *, live: bool) -> PriceBook:
    """Return the unit prices: those of the package, refreshed by AWS and replaced by a file where asked for."""
    from workflow_context.models.prices import PRICED_REGIONS, default_prices, prices_of_everywhere
    from workflow_context.models.regions import check_region

    check_region(region)
    shipped = region in PRICED_REGIONS or (prices is None and not live)
    book = default_prices(region) if shipped else prices_of_everywhere(region)
    if live:
        from workflow_context.models.live_prices import pricing_client, refresh

        refreshed = refresh(book, pricing_client(), region)
        book = refreshed.book
        if refreshed.kept:
            typer.echo(f"AWS gave no single price for: {', '.join(refreshed.kept)}; these keep their value", err=True)
    return book.with_file(prices) if prices else book


class PriceNotes:
    """Letters for the dates and confidences of prices: beside each estimate in a table, told below it."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, str], str] = {}

    def letters(self, lines: Iterable[CostLine]) -> str:
        """Return the letters of what lines rest on, such as `acd`."""
        return "".join(sorted({self._letter(line) for line in lines}))

    def print(self, lines: Iterable[CostLine]) -> None:
        """Print the date and the confidence that each letter of some lines stands for."""
        for letter, basis in sorted({self._letter(line): _basis(line) for line in lines}.items()):
            print_note(f"price {letter}: {', '.join(basis)}", indent=9)

    def _letter(self, line: CostLine) -> str:
        return self._letters.setdefault(_basis(line), ascii_letters[len(self._letters) % len(ascii_letters)])


def _basis(line: CostLine) -> tuple[str, str]:
    return line.price.as_of, line.price.confidence


def print_lines(lines: Sequence[CostLine], notes: PriceNotes | None = None) -> None:
    """Print cost lines, and the date and the confidence of each price.

    Args:
        lines: The lines.
        notes: The letters of an output that has several tables. Default: letters of its own.
    """
    notes = notes or PriceNotes()
    rows = [
        (
            line.item,
            _quantity(line),
            f"{line.price.value:g}",
            f"{line.usd:,.2f}",
            notes.letters([line]),
        )
        for line in lines
    ]
    print_table(("item", "quantity", "USD each", "USD", "price"), rows)
    notes.print(lines)


def _quantity(line: CostLine) -> str:
    unit = line.price.unit.removeprefix("USD per ")
    return f"{line.quantity:,.6g} {'x ' if unit[:1].isdigit() else ''}{unit}"


def print_estimate(title: str, estimate: Estimate) -> None:
    """Print an estimate: its lines, its sum, what is not in it and what was assumed."""
    print_note(f"{title}: {amount(estimate)}")
    print_lines(estimate.lines)
    print_unpriced(estimate.unpriced)
    for assumption in estimate.assumptions:
        print_note(f"assumed: {assumption}")


def print_unpriced(items: Iterable[Unpriced]) -> None:
    """Print what costs and is not in a sum, each once."""
    for item in dict.fromkeys(items):
        print_note(f"not priced: {item.item}{f' {item.resource}' if item.resource else ''}: {item.reason}")


def amount(estimate: Estimate, per: str = "") -> str:
    """Return a sum in words, with what is not in it: `at least 36.50 USD, 2 items not priced`."""
    return money(estimate.usd, len(estimate.unpriced), per)


def money(usd: float, unpriced: int, per: str = "") -> str:
    """Return an amount in words, as a lower bound where something is not priced."""
    said = f"{usd:,.2f} USD{per}"
    return f"at least {said}, {unpriced} {'items' if unpriced > 1 else 'item'} not priced" if unpriced else said


def bases(lines: Sequence[CostLine]) -> Iterator[dict[str, Any]]:
    """Yield the prices that lines rest on, each once, as plain data."""
    for price in dict.fromkeys(line.price for line in lines):
        told = price.model_dump()
        yield {**{key: told[key] for key in ("value", "unit", "source", "confidence", "note")}, "asOf": price.as_of}


def dates(lines: Sequence[CostLine]) -> str:
    """Return the dates of the prices that lines rest on, in one phrase: the range, and what has no date."""
    given = {line.price.as_of for line in lines}
    known = sorted(date for date in given if date[:1].isdigit())
    others = sorted(given - set(known))
    span = [known[0] if known[0] == known[-1] else f"{known[0]} to {known[-1]}"] if known else []
    undated = [each for each in others if each.startswith(("undated", "date"))]
    return ", ".join([*span, *(["some undated"] if undated else []), *(each for each in others if each not in undated)])
