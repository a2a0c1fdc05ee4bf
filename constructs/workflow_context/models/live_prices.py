"""Refresh unit prices from the AWS Price List API.

What is asked for each price stands in `data/price-queries.json`: a service code, filters, and the usage type
without its Region prefix. A price that the API does not answer unambiguously keeps its old value, and is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, cast

from .errors import ModelError
from .instances import SHAPES
from .prices import Price, PriceBook, family_price_name, instance_price_name, known_prices

_ENDPOINT_REGION = "us-east-1"
"""The Price List API answers in a few Regions only; its answers cover all of them."""


class PricingClient(Protocol):
    """The one call of a boto3 `pricing` client that is used."""

    def get_products(self, **request: Any) -> Mapping[str, Any]:
        """Return one page of products."""
        ...


@dataclass(frozen=True)
class _Query:
    service: str
    filters: Mapping[str, str]
    usage_type: str
    factor: float = 1.0


@dataclass(frozen=True)
class Refreshed:
    """What a refresh gave.

    Attributes:
        book: All prices, refreshed where AWS answered.
        refreshed: The names of the prices that AWS gave.
        kept: The names that keep their old value, because AWS gave none or several for them.
    """

    book: PriceBook
    refreshed: tuple[str, ...]
    kept: tuple[str, ...]


@cache
def _queries() -> Mapping[str, _Query]:
    raw = json.loads(files(__package__).joinpath("data/price-queries.json").read_text(encoding="utf-8"))
    queries = {name: _Query(**entry) for name, entry in raw.items()}
    on_demand = {
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    families = {name.partition(".")[0]: name for name in SHAPES if name.endswith(".xlarge")}
    for family, of_family in families.items():
        for instance_type in (name for name in SHAPES if name.partition(".")[0] == family):
            shape = SHAPES[instance_type]
            if not shape.gpus and instance_type != of_family:
                continue  # the sizes of a family cost the same for each vCPU, but for those with GPUs
            filters = {"instanceType": instance_type, **on_demand}
            name = instance_price_name(instance_type) if shape.gpus else family_price_name(family)
            factor = 1.0 if shape.gpus else 1 / shape.vcpus
            queries[name] = _Query("AmazonEC2", filters, f"BoxUsage:{instance_type}", factor)
    return queries


def pricing_client() -> PricingClient:
    """Return a boto3 client of the Price List API.

    Raises:
        ModelError: boto3 is not installed.
    """
    try:
        import boto3
    except ImportError as error:
        raise ModelError("live prices need boto3: pip install boto3") from error
    return cast("PricingClient", boto3.Session().client("pricing", region_name=_ENDPOINT_REGION))


def refresh(book: PriceBook, client: PricingClient, region: str) -> Refreshed:
    """Replace the prices of a book by what AWS lists for a Region.

    Args:
        book: The prices so far. Those that AWS does not sell (ObjectiveFS) stay as they are.
        client: A boto3 `pricing` client.
        region: For example `eu-west-1`.

    Raises:
        ModelError: AWS refuses the request, for example for want of `pricing:GetProducts`.
    """
    changed: dict[str, Price] = {}
    for name, query in _queries().items():
        price = _ask(client, query, region, known_prices()[name])
        if price is not None:
            changed[name] = price
    kept = tuple(sorted(set(book.prices) - set(changed)))
    merged = book.with_prices(changed)
    return Refreshed(PriceBook(region, merged.prices, merged.not_found), tuple(sorted(changed)), kept)


def _ask(client: PricingClient, query: _Query, region: str, unit: str) -> Price | None:
    """The one paid list price that matches, or None."""
    # A usage type carries a Region prefix in all Regions but us-east-1, as in USW2-NatGateway-Hours.
    pattern = re.compile(rf"(?:[A-Z]{{2,5}}\d?-|{re.escape(region)}-)?{re.escape(query.usage_type)}")
    found = {}
    for product in _products(client, query, region):
        if pattern.fullmatch(product["product"]["attributes"].get("usagetype", "")):
            value = _first_paid_tier(product)
            if value is not None:
                found[value] = str(product.get("publicationDate", ""))[:10]
    if len(found) != 1:
        return None
    ((value, published),) = found.items()
    return Price(
        value=value * query.factor,
        unit=unit,
        source=f"AWS Price List API, {query.service} {query.usage_type}, {region}",
        as_of=published or "date not given",
        confidence="AWS Price List",
    )


def _products(client: PricingClient, query: _Query, region: str) -> Iterator[dict[str, Any]]:
    filters = [
        {"Type": "TERM_MATCH", "Field": name, "Value": value}
        for name, value in {"regionCode": region, **query.filters}.items()
    ]
    request: dict[str, Any] = {"ServiceCode": query.service, "Filters": filters, "FormatVersion": "aws_v1"}
    while True:
        page = _get(client, request)
        for entry in page.get("PriceList", ()):
            yield json.loads(entry)
        if not page.get("NextToken"):
            return
        request = {**request, "NextToken": page["NextToken"]}


def _get(client: PricingClient, request: dict[str, Any]) -> Mapping[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return client.get_products(**request)
    except (BotoCoreError, ClientError) as error:
        raise ModelError(
            f"the AWS Price List API does not answer: {error}; it needs credentials with pricing:GetProducts"
        ) from error


def _first_paid_tier(product: Mapping[str, Any]) -> float | None:
    """The list price of the first unit that is not free; AWS lists included amounts as a price of 0."""
    tiers = [
        (float(dimension.get("beginRange", 0)), float(dimension["pricePerUnit"]["USD"]))
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if "USD" in dimension.get("pricePerUnit", {})
    ]
    return next((value for _, value in sorted(tiers) if value > 0), None)
