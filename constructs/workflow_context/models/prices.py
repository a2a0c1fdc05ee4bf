"""Unit prices: data with a source, a date and a confidence, never numbers in code.

The prices that come with the package are those of four Regions, in `data/prices-<region>.json`, and what costs the
same everywhere. What was found in no public source is not there: it is refused or shown as not priced, never guessed.
A file of the user's own replaces or adds any of them (`PriceBook.with_file`), and `live_prices` asks AWS.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import ModelError
from .instances import SHAPES
from .regions import check_region

PRICED_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2")
"""The Regions whose prices come with the package."""

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
                f"there is no price {name!r} for {self.region}{_hint(name, known_prices())}; "
                "give it with --prices FILE as `name: value`, or ask AWS with --live"
            )
        return self.prices[name]

    def get(self, name: str) -> Price | None:
        """Return a price, or None if it is not known in this Region."""
        return self.prices.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.prices

    @property
    def hours_per_month(self) -> float:
        """The hours that a month is reckoned with."""
        return self["hours_per_month"].value

    def instance(self, instance_type: str) -> Price | None:
        """Return the On-Demand price of an instance type for an hour of Linux, or None if it is not known.

        The sizes of a family cost the same for each vCPU, so the price of the family gives that of its sizes.
        """
        if instance_type not in self._of_instances:
            self._of_instances[instance_type] = self._instance(instance_type)
        return self._of_instances[instance_type]

    @cached_property
    def _of_instances(self) -> dict[str, Price | None]:
        return {}

    def _instance(self, instance_type: str) -> Price | None:
        own = self.prices.get(instance_price_name(instance_type))
        family = self.prices.get(family_price_name(instance_type.partition(".")[0]))
        if own is not None or family is None or instance_type not in SHAPES:
            return own
        vcpus = SHAPES[instance_type].vcpus
        update = {"value": round(family.value * vcpus, 6), "unit": "USD per hour", "note": f"{vcpus:g} vCPUs"}
        return family.model_copy(update=update)

    def with_prices(self, changed: Mapping[str, Price]) -> PriceBook:
        """Return a book in which some prices are replaced."""
        return PriceBook(self.region, MappingProxyType({**self.prices, **changed}), self.not_found)

    def with_file(self, path: Path) -> PriceBook:
        """Return a book in which the prices of a YAML or JSON file replace those of the same name.

        Each entry is a number, or a mapping with `value` and any of `unit`, `source`, `as_of`, `confidence`
        and `note`. An instance type is named as in `ec2_ondemand_linux_m7i_large_hour`.

        Raises:
            ModelError: The file cannot be read, or names a price that nothing uses.
        """
        changed = {}
        for name, entry in _read(path).items():
            if name == "_meta":
                continue
            if name not in known_prices():
                raise ModelError(f"{path}: nothing uses a price {name!r}{_hint(name, known_prices())}")
            unit = known_prices()[name]
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


def family_price_name(family: str) -> str:
    """Return the name of an instance family's price for a vCPU, for example `ec2_ondemand_linux_m5_vcpu_hour`."""
    return f"{INSTANCE_PREFIX}{family.replace('-', '_')}_vcpu_hour"


@cache
def default_prices(region: str = "us-east-1") -> PriceBook:
    """Return the prices that come with the package for a Region, each with its source and date.

    Raises:
        ModelError: There is no such Region, or its prices do not come with the package.
    """
    if check_region(region) not in PRICED_REGIONS:
        raise ModelError(
            f"no prices of {region} come with this package, only those of {', '.join(PRICED_REGIONS)}; "
            "--live asks AWS for them, --prices FILE gives your own"
        )
    meta, prices = _shipped(f"prices-{region}.json")
    return PriceBook(
        region,
        MappingProxyType({**_shipped("prices-everywhere.json")[1], **prices}),
        tuple(meta["not_found"]),
    )


def prices_of_everywhere(region: str) -> PriceBook:
    """Return what costs the same in every Region, as the beginning of the prices of one."""
    return PriceBook(check_region(region), MappingProxyType(_shipped("prices-everywhere.json")[1]))


@cache
def known_prices() -> Mapping[str, str]:
    """Return the unit of every price that something uses, by name."""
    units = {name: price.unit for name, price in default_prices("us-east-1").prices.items()}
    units.update({instance_price_name(name): "USD per hour" for name in SHAPES})
    return MappingProxyType(units)


def _shipped(name: str) -> tuple[dict[str, Any], dict[str, Price]]:
    raw = json.loads(files(__package__).joinpath(f"data/{name}").read_text(encoding="utf-8"))
    meta = raw.pop("_meta")
    return meta, {key: Price.model_validate(entry) for key, entry in raw.items()}


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
