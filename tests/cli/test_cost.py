"""`workflow-context cost`."""

import json
import re

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import app


def run(*args: str):
    return CliRunner().invoke(app, ["cost", *args])


@pytest.fixture(scope="module")
def provisioned(projects_file) -> dict:
    args = ("myContext", "--project", str(projects_file("throughput.yaml")), "--workload", "gatk-bam-to-vcf", "--json")
    outcome = run(*args)
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


@pytest.fixture(scope="module")
def projects_file(request):
    return lambda name: request.getfixturevalue("projects") / name


def test_an_idle_context_is_priced_by_what_it_synthesizes(provisioned):
    core, context = provisioned["idle"]["Throughput-core"], provisioned["idle"]["Throughput-myContext"]
    assert "NAT gateway" in [line["item"] for line in core["lines"]]
    throughput = next(line for line in context["lines"] if line["kind"] == "throughput")
    assert throughput["usd"] == 6144
    assert provisioned["idleUsdPerMonth"] == pytest.approx(core["usd"] + context["usd"], abs=0.02)


def test_every_resource_type_that_a_context_synthesizes_is_in_a_price_table(provisioned):
    assert [item for stack in provisioned["idle"].values() for item in stack["unpriced"]] == []


def test_every_line_shows_the_date_and_the_confidence_of_its_price(provisioned):
    for stack in provisioned["idle"].values():
        for line in stack["lines"]:
            assert line["priceAsOf"]
            assert line["priceConfidence"]


def test_people_read_date_and_confidence_of_every_line_within_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    outcome = run("--workload", "gatk-germline-wgs")
    lines = outcome.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert re.search(r"^tasks on .* [0-9.]+ +[a-z]$", outcome.stdout, re.MULTILINE)
    assert "price a: 2026-10-08, price list, from a public copy" in lines
    assert any(line.startswith("  ") and "assumed, not measured" in line for line in lines)


def test_a_run_is_priced_on_the_file_system_of_the_context(provisioned):
    (priced,) = provisioned["runs"]
    assert priced["fileSystem"] == "EFS provisioned"
    assert priced["setting"] == "provisioned 1024 MiB/s"


def test_what_stands_all_month_is_not_counted_twice(provisioned):
    (priced,) = provisioned["runs"]
    assert priced["standing"] == []
    assert priced["usdPerMonth"] == pytest.approx(20 * priced["usdPerRun"], abs=0.01)


def test_a_workload_alone_is_priced_on_every_file_system(tmp_path):
    file = tmp_path / "cost.png"
    outcome = run("--workload", "gatk-germline-wgs", "--json", "--plot", str(file))
    told = json.loads(outcome.stdout)
    assert told["idleUsdPerMonth"] is None
    assert {"EFS bursting", "EFS elastic", "OFS", "S3"} <= {each["fileSystem"] for each in told["runs"]}
    assert file.exists()


def test_a_price_file_changes_the_estimate(tmp_path):
    file = tmp_path / "prices.yaml"
    file.write_text("efs_standard_storage: 0.6\n")

    def elastic(*args: str) -> float:
        told = json.loads(run("--workload", "gatk-germline-wgs", "--json", *args).stdout)
        lines = next(each for each in told["runs"] if each["fileSystem"] == "EFS elastic")["lines"]
        return next(line["usd"] for line in lines if line["item"] == "EFS storage")

    assert elastic("--prices", str(file)) == pytest.approx(2 * elastic(), abs=1e-3)


def test_without_context_and_workload_the_usage_is_wrong():
    assert run().exit_code == 2


def test_an_unknown_workload_is_refused_with_the_presets():
    outcome = run("--workload", "nothing")
    assert outcome.exit_code == 1
    assert "gatk-germline-wgs" in outcome.stderr


def test_live_prices_replace_the_shipped_ones_and_what_aws_does_not_give_is_named(monkeypatch):
    class Pricing:
        def get_products(self, **request):
            if request["ServiceCode"] != "AmazonEFS":
                return {"PriceList": []}
            tier = {"0": {"beginRange": "0", "pricePerUnit": {"USD": "0.33"}}}
            product = {"attributes": {"usagetype": "EUW1-TimedStorage-ByteHrs"}}
            terms = {"OnDemand": {"term": {"priceDimensions": tier}}}
            return {"PriceList": [json.dumps({"product": product, "publicationDate": "2026-11-20", "terms": terms})]}

    monkeypatch.setattr("workflow_context.models.live_prices.pricing_client", Pricing)
    outcome = run("--workload", "gatk-germline-wgs", "--json", "--live", "--region", "eu-west-1")
    lines = [line for each in json.loads(outcome.stdout)["runs"] for line in each["lines"]]
    (storage, *_) = [line for line in lines if line["item"] == "EFS storage"]
    assert (storage["unitPriceUsd"], storage["priceAsOf"]) == (0.33, "2026-11-20")
    assert "nat_gateway_hour" in outcome.stderr


def test_a_region_has_its_own_prices_and_the_output_names_it():
    told = json.loads(run("--workload", "simulation-cpu-bound", "--region", "eu-west-1", "--json").stdout)
    bursting = next(each for each in told["runs"] if each["fileSystem"] == "EFS bursting")
    storage = next(line for line in bursting["lines"] if line["item"] == "EFS storage")
    assert (told["region"], storage["unitPriceUsd"], storage["priceAsOf"]) == ("eu-west-1", 0.33, "2026-09-21")
    assert any("list prices of eu-west-1" in assumption for assumption in bursting["assumptions"])
    assert bursting["unpricedCount"] > 0
    assert {"EFS elastic", "FSxLustre"}.isdisjoint(each["fileSystem"] for each in told["runs"])


@pytest.mark.parametrize(
    ("region", "message"),
    [("mars-1", "there is no Region 'mars-1'"), ("eu-central-1", "no prices of eu-central-1 come with this package")],
)
def test_a_region_without_prices_is_refused(region, message):
    outcome = run("--workload", "simulation-cpu-bound", "--region", region)
    assert outcome.exit_code == 1
    assert message in outcome.stderr
