"""Unit prices: shipped, replaced by a file, refreshed by AWS."""

import json

import boto3
import pytest
from botocore.stub import ANY, Stubber

from workflow_context.models import live_prices
from workflow_context.models.errors import ModelError
from workflow_context.models.instances import SHAPES
from workflow_context.models.prices import default_prices, instance_price_name

PRICES = default_prices()


def test_every_price_has_a_source_a_date_and_a_confidence():
    for name, price in PRICES.prices.items():
        assert price.source, name
        assert price.as_of, name
        assert price.confidence, name
        assert price.unit, name


def test_a_file_replaces_prices_and_says_so(tmp_path):
    file = tmp_path / "prices.yaml"
    file.write_text(
        "nat_gateway_hour: 0.05\n"
        "kms_customer_key_month: {value: 2, source: contract, as_of: '2026-11-01'}\n"
        "ec2_ondemand_linux_m7i_large_hour: 0.1\n"
    )
    book = PRICES.with_file(file)
    assert book["nat_gateway_hour"].value == 0.05
    assert book["nat_gateway_hour"].as_of == "given by the user"
    assert book["nat_gateway_hour"].unit == PRICES["nat_gateway_hour"].unit
    assert (book["kms_customer_key_month"].source, book["kms_customer_key_month"].as_of) == ("contract", "2026-11-01")
    assert book.instance("m7i.large").value == 0.1
    assert book["efs_standard_storage"] == PRICES["efs_standard_storage"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nat_gateway_hours: 1", "did you mean 'nat_gateway_hour'"),
        ("nat_gateway_hour: -1", "nat_gateway_hour.value"),
        ("nat_gateway_hour: {cost: 1}", "nat_gateway_hour"),
        ("- 1", "must map names"),
        ("a: [", "neither YAML nor JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_place(tmp_path, text, message):
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(ModelError, match=message):
        PRICES.with_file(file)
    with pytest.raises(ModelError, match="cannot be read"):
        PRICES.with_file(tmp_path / "absent.yaml")


def test_a_price_that_is_not_there_says_how_to_give_it():
    with pytest.raises(ModelError, match="--prices FILE"):
        PRICES["efs_standard_storge"]


def product(usagetype: str, *tiers: tuple[str, str]) -> str:
    dimensions = {
        str(number): {"beginRange": begin, "pricePerUnit": {"USD": usd}} for number, (begin, usd) in enumerate(tiers)
    }
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": usagetype}},
            "publicationDate": "2026-11-20T10:00:00Z",
            "terms": {"OnDemand": {"T": {"priceDimensions": dimensions}}},
        }
    )


def stubbed(monkeypatch, answers: dict[str, list[str]]):
    """A real boto3 client of which botocore's Stubber answers each query by the price's name."""
    client = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b").client("pricing", region_name="us-east-1")
    queries = {name: query for name, query in live_prices._queries().items() if name in answers}
    monkeypatch.setattr(live_prices, "_queries", lambda: queries)
    stubber = Stubber(client)
    for name, query in queries.items():
        expected = {"ServiceCode": query.service, "Filters": ANY, "FormatVersion": "aws_v1"}
        stubber.add_response("get_products", {"PriceList": answers[name]}, expected)
    stubber.activate()
    return client


def test_aws_prices_replace_the_shipped_ones_with_their_publication_date(monkeypatch):
    paid = product("EUW1-ProvisionedTP-MiBpsHrs", ("0", "6.6"))
    included = product("EUW1-ProvisionedTP-MiBpsHrs", ("0", "0.0"))
    gets = product("EUW1-Requests-Tier2", ("0", "0.00000043"))
    client = stubbed(
        monkeypatch,
        {"efs_provisioned_throughput": [included, paid], "s3_get_and_other_1k": [gets, product("X-Other", ("0", "9"))]},
    )
    refreshed = live_prices.refresh(PRICES, client, "eu-west-1")
    price = refreshed.book["efs_provisioned_throughput"]
    assert (price.value, price.as_of, price.confidence) == (6.6, "2026-11-20", "AWS Price List")
    assert refreshed.book["s3_get_and_other_1k"].value == pytest.approx(0.00043)
    assert refreshed.book.region == "eu-west-1"
    assert "objectivefs_mount_hour" in refreshed.kept


def test_a_free_first_tier_does_not_make_a_price_zero(monkeypatch):
    tiers = product("CW:AlarmMonitorUsage", ("0", "0"), ("10", "0.1"), ("1000", "0.05"))
    client = stubbed(monkeypatch, {"cloudwatch_alarm_standard_metric_month": [tiers]})
    assert live_prices.refresh(PRICES, client, "us-east-1").book["cloudwatch_alarm_standard_metric_month"].value == 0.1


def test_an_answer_with_no_price_or_several_keeps_the_old_one(monkeypatch):
    two = [product("NatGateway-Hours", ("0", "0.04")), product("USE1-NatGateway-Hours", ("0", "0.05"))]
    client = stubbed(monkeypatch, {"nat_gateway_hour": two, "kms_customer_key_month": []})
    refreshed = live_prices.refresh(PRICES, client, "us-east-1")
    assert refreshed.refreshed == ()
    assert refreshed.book["nat_gateway_hour"] == PRICES["nat_gateway_hour"]
    assert {"nat_gateway_hour", "kms_customer_key_month"} <= set(refreshed.kept)


def test_all_pages_of_an_answer_are_read():
    class Pages:
        def get_products(self, **request):
            if "NextToken" in request:
                return {"PriceList": [product("NatGateway-Hours", ("0", "0.07"))]}
            return {"PriceList": [], "NextToken": "more"}

    book = live_prices.refresh(PRICES, Pages(), "us-east-1").book
    assert book["nat_gateway_hour"].value == 0.07


def test_a_refusal_of_aws_says_what_it_needs(monkeypatch):
    client = stubbed(monkeypatch, {})
    monkeypatch.undo()
    stubber = Stubber(client)
    stubber.add_client_error("get_products", "AccessDeniedException", "no")
    stubber.activate()
    with pytest.raises(ModelError, match="pricing:GetProducts"):
        live_prices.refresh(PRICES, client, "us-east-1")


def test_every_query_is_for_a_price_that_is_shipped_or_an_instance_type():
    unknown = set(live_prices._queries()) - set(PRICES.prices)
    assert unknown <= {instance_price_name(instance_type) for instance_type in SHAPES}
