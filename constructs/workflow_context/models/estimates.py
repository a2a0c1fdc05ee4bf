"""An estimate: lines that can be checked, and what could not be priced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .prices import Price, PriceBook


@dataclass(frozen=True, slots=True)
class CostLine:
    """One quantity at one price.

    Attributes:
        item: What is paid for.
        kind: What it belongs to: `storage`, `throughput`, `requests`, `mounts`, `compute`, `network` or `other`.
        quantity: How much, in the unit of the price.
        price: The unit price, with its source, date and confidence.
        resource: The logical id of the resource in the template; empty for a run.
    """

    item: str
    kind: str
    quantity: float
    price: Price
    resource: str = ""

    @property
    def usd(self) -> float:
        """The cost in USD."""
        return self.quantity * self.price.value

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, with the date and the confidence of its price."""
        return {
            "item": self.item,
            "kind": self.kind,
            "resource": self.resource or None,
            "quantity": round(self.quantity, 6),
            "unit": self.price.unit.removeprefix("USD per "),
            "unitPriceUsd": self.price.value,
            "usd": round(self.usd, 4),
            "priceAsOf": self.price.as_of,
            "priceConfidence": self.price.confidence,
            "priceSource": self.price.source,
        }


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Something that may cost and is not in the sum.

    Attributes:
        item: What it is, for example a resource type.
        reason: Why it has no figure, and where to look.
        resource: The logical id of the resource in the template.
    """

    item: str
    reason: str
    resource: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"item": self.item, "resource": self.resource or None, "reason": self.reason}


def priced(
    prices: PriceBook, name: str, item: str, kind: str, quantity: float, resource: str = ""
) -> CostLine | Unpriced:
    """Return a line at a price, or that it has no price in this Region."""
    price = prices.get(name)
    if price is None:
        return Unpriced(item, f"no price {name} of {prices.region} is known", resource)
    return CostLine(item, kind, quantity, price, resource)


@dataclass(frozen=True)
class Estimate:
    """A sum of lines.

    Attributes:
        lines: What is priced.
        unpriced: What may cost and is not in the sum.
        assumptions: What was assumed, in sentences.
    """

    lines: tuple[CostLine, ...]
    unpriced: tuple[Unpriced, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def usd(self) -> float:
        """The sum in USD."""
        return total(self.lines)

    def __add__(self, other: Estimate) -> Estimate:
        assumptions = tuple(dict.fromkeys(self.assumptions + other.assumptions))
        return Estimate(self.lines + other.lines, self.unpriced + other.unpriced, assumptions)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "usd": round(self.usd, 2),
            "lines": [line.as_dict() for line in self.lines],
            "unpricedCount": len(self.unpriced),
            "unpriced": [item.as_dict() for item in self.unpriced],
            "assumptions": list(self.assumptions),
        }


def total(lines: Iterable[CostLine]) -> float:
    """Return the sum of lines, in USD."""
    return sum(line.usd for line in lines)
