"""Unit prices: data with a source, a date and a confidence, never numbers in code.

The prices that come with the package are those of us-east-1 in `data/prices-us-east-1.json`. A file of the
user's own replaces any of them (`PriceBook.with_file`), and `live_prices` asks AWS.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import ModelError

INSTANCE_PREFIX = "ec2_ondemand_linux_"
_GIVEN = "given by the user"


class Price(BaseModel):
    """One unit price.

    Attributes:
        value: The number; of a saving it is a percentage.
        unit: What it buys, for example `USD per GB-month`. AWS bills a GB of storage as 2^30 bytes.
        source: Where it was read.
        as_of: The date of the source, as the source gives it.
        confidence: How far to trust it.
        note: What else to know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0)
    unit: str
    source: str
    as_of: str
    confidence: str
    note: str = ""


@dataclass(frozen=True)
class PriceBook:
    """All unit prices of one Region, by name.

    Attributes:
        region: The Region they are for.
        prices: The prices by name.
        not_found: What was looked for in public sources and not found.
    """

    region: str
    prices: Mapping[str, Price]
    not_found: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Price:
        if name not in self.prices:
            raise ModelError(
                f"there is no price {name!r} for {self.region}{_hint(name, self.prices)}; "
                "give it with --prices FILE as `name: value`"
            )
        return self.prices[name]

    def __contains__(self, name: object) -> bool:
        return name in self.prices

    @property
    def hours_per_month(self) -> float:
        """The hours that a month is reckoned with."""
        return self["hours_per_month"].value

    def instance(self, instance_type: str) -> Price | None:
        """Return the On-Demand price of an instance type for an hour of Linux, or None if it is not known."""
        return self.prices.get(instance_price_name(instance_type))

    def with_prices(self, changed: Mapping[str, Price]) -> PriceBook:
        """Return a book in which some prices are replaced."""
        return PriceBook(self.region, MappingProxyType({**self.prices, **changed}), self.not_found)

    def with_file(self, path: Path) -> PriceBook:
        """Return a book in which the prices of a YAML or JSON file replace those of the same name.

        Each entry is a number, or a mapping with `value` and any of `unit`, `source`, `as_of`, `confidence`
        and `note`. Instance types that are not in the book can be added as `ec2_ondemand_linux_m7i_large_hour`.

        Raises:
            ModelError: The file cannot be read, or names a price that nothing uses.
        """
        changed = {}
        for name, entry in _read(path).items():
            if name == "_meta":
                continue
            if name not in self.prices and not name.startswith(INSTANCE_PREFIX):
                raise ModelError(f"{path}: nothing uses a price {name!r}{_hint(name, self.prices)}")
            before = self.prices.get(name)
            unit = before.unit if before else "USD per hour"
            given = {"unit": unit, "source": str(path), "as_of": _GIVEN, "confidence": _GIVEN}
            try:
                changed[name] = Price.model_validate(given | (entry if isinstance(entry, dict) else {"value": entry}))
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in (name, *first["loc"]))
                raise ModelError(f"{path}: {place}: {first['msg'].lower()}; got {first['input']!r}") from error
        return self.with_prices(changed)


def instance_price_name(instance_type: str) -> str:
    """Return the name of an instance type's price, for example `ec2_ondemand_linux_m5_large_hour`."""
    return f"{INSTANCE_PREFIX}{instance_type.replace('.', '_').replace('-', '_')}_hour"


@cache
def default_prices() -> PriceBook:
    """Return the prices that come with the package: us-east-1, each with its source and date."""
    raw = json.loads(files(__package__).joinpath("data/prices-us-east-1.json").read_text(encoding="utf-8"))
    meta = raw.pop("_meta")
    prices = {name: Price.model_validate(entry) for name, entry in raw.items()}
    return PriceBook(meta["region"], MappingProxyType(prices), tuple(meta["not_found"]))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: is neither YAML nor JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: must map names of prices to values")
    return {str(name): entry for name, entry in content.items()}


def _hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
