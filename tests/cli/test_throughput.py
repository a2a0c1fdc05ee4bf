"""`workflow-context throughput`."""

import json
import re

import pytest
from typer.testing import CliRunner

from workflow_stacks.cli import app


def run(*args: str):
    return CliRunner().invoke(app, ["throughput", *args])


def result(*args: str) -> dict:
    outcome = run(*args, "--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_json_tells_when_the_credits_end_and_how_much_longer_the_workflow_takes():
    told = result("--stored-gib", "100", "--write-mibps", "100", "--hours", "10")
    assert told["mode"] == "bursting"
    assert told["baselineMibps"] == pytest.approx(4.8828125)
    assert told["burstMibps"] == 100
    assert told["creditsExhaustedAfterHours"] == pytest.approx(6.43, abs=0.01)
    assert told["slowdown"] == pytest.approx(told["finishedAfterHours"] / 10)
    assert told["slowdown"] > 7
    assert told["achievedMibpsMean"] == pytest.approx(100 / told["slowdown"])
    assert told["cheapestUnthrottledMode"] == "elastic"
    assert told["usdPerMonth"] == pytest.approx(30)
    assert told["series"][0]["startHours"] == 0
    assert told["series"][-1]["endHours"] == pytest.approx(told["finishedAfterHours"])
    assert all(price["asOf"] and price["confidence"] for price in told["prices"])


def test_a_demand_of_no_time_is_refused():
    outcome = run("--stored-gib", "100", "--write-mibps", "100", "--hours", "0")
    assert outcome.exit_code == 2
    assert "--hours" in outcome.stderr


def test_credits_that_never_end_are_null():
    told = result("--stored-gib", "1024", "--read-mibps", "100", "--hours", "100")
    assert told["creditsExhaustedAfterHours"] is None
    assert told["slowdown"] == 1
    assert told["cheapestUnthrottledMode"] == "bursting"


def test_provisioned_is_priced_above_what_is_included():
    told = result(
        *("--stored-gib", "0", "--write-mibps", "100", "--hours", "1", "--mode", "provisioned"),
        *("--provisioned-mibps", "100"),
    )
    assert told["usdPerMonth"] == 600


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_shows_date_and_confidence_of_the_prices_within_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    outcome = run("--stored-gib", "100", "--write-mibps", "100", "--hours", "10")
    assert "credits end" in outcome.stdout
    assert "price a: 2026-10-08, price list, from a public copy" in outcome.stdout
    assert re.search(r"^EFS storage +100 GB-month +0.3 +30.00 +a$", outcome.stdout, re.MULTILINE)
    assert max(map(len, outcome.stdout.splitlines())) <= columns


def test_a_picture_is_written(tmp_path):
    file = tmp_path / "throughput.svg"
    assert run("--stored-gib", "1", "--write-mibps", "9", "--hours", "9", "--plot", str(file)).exit_code == 0
    assert "<svg" in file.read_text()


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--mode", "fast"), 2, "not one of bursting, provisioned, elastic"),
        (
            ("--mode", "provisioned"),
            1,
            "needs a provisioned throughput (--provisioned-mibps) from 1 to 3414 MiB/s; none is given",
        ),
        (("--provisioned-mibps", "5"), 1, "goes with the mode provisioned"),
        (("--credits-tib", "99"), 1, "99 TiB of burst credits: this file system holds 0 to 2.1 TiB"),
        (("--write-mibps", "1e99"), 2, "less than or equal to 1000000"),
        (("--runs-per-month", "0"), 2, "greater than or equal to 1"),
        (("--prices", "absent.yaml"), 1, "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason_and_without_a_traceback(args, code, message):
    outcome = run("--stored-gib", "100", "--write-mibps", "1", "--hours", "1", *args)
    assert outcome.exit_code == code
    assert message in " ".join(outcome.stderr.split())
    assert "Traceback" not in outcome.output
