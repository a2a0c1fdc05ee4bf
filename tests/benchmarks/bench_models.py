"""How long the models take: a year of EFS with 10,000 changes of demand, and 1,000 costed contexts.

Run it from the repository: `python tests/benchmarks/bench_models.py`. It prints seconds, the best and the median of
five, and ends with code 1 if a median is above the second that each may take.
"""

import random
import statistics
import sys
import time

from workflow_context.models.advice import advise
from workflow_context.models.burst_credits import Demand, EfsModel, simulate
from workflow_context.models.costs import Stored, idle_cost
from workflow_context.models.prices import default_prices
from workflow_context.models.workloads import load_workload

LIMIT_SECONDS = 1.0
CHANGES = 10_000
CONTEXTS = 1_000


def a_year() -> list[Demand]:
    chance = random.Random(590)
    hours = 365 * 24 / CHANGES
    return [
        Demand(hours, chance.choice([0, chance.uniform(0, 400)]), chance.choice([0, chance.uniform(0, 150)]))
        for _ in range(CHANGES)
    ]


def a_context(number: int) -> dict:
    """A template of the size and the kinds of a context with its own network: 40 resources."""
    kinds = {
        "AWS::EFS::FileSystem": {"ThroughputMode": "provisioned", "ProvisionedThroughputInMibps": 1 + number % 1024},
        "AWS::EC2::NatGateway": {},
        "AWS::EC2::EIP": {},
        "AWS::S3::Bucket": {},
        "AWS::KMS::Key": {},
        "AWS::Logs::LogGroup": {},
        "AWS::CloudWatch::Dashboard": {},
        "AWS::CloudWatch::Alarm": {"Period": 60},
        "AWS::EC2::VPCEndpoint": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b", "c"]},
        "AWS::Batch::ComputeEnvironment": {"ComputeResources": {"MinvCpus": 0}},
    }
    free = ["AWS::IAM::Role", "AWS::EC2::SecurityGroup", "AWS::Batch::JobQueue"] * 10
    resources = {f"P{index}": {"Type": kind, "Properties": given} for index, (kind, given) in enumerate(kinds.items())}
    resources |= {f"F{index}": {"Type": kind, "Properties": {}} for index, kind in enumerate(free)}
    return {"Resources": resources}


def timed(name: str, work) -> float:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(f"{name:<58} best {min(seconds):6.3f} s   median {median:6.3f} s")
    return median


def main() -> int:
    year, prices = a_year(), default_prices()
    templates = [a_context(number) for number in range(CONTEXTS)]
    workload = load_workload("nfcore-sarek-tumor-normal")
    medians = [
        timed(f"a year of bursting EFS, {CHANGES:,} changes, 100 GiB", lambda: simulate(EfsModel(100), year)),
        timed(f"a year of bursting EFS, {CHANGES:,} changes, 1 TiB", lambda: simulate(EfsModel(1024), year)),
        timed(f"{CONTEXTS:,} idle contexts", lambda: [idle_cost(each, prices, Stored()) for each in templates]),
        timed("a recommendation with its turning points", lambda: advise(workload, prices)),
    ]
    return int(max(medians) > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
