"""Sets what tasks may move to what a bursting file system can give: its baseline, and its credits spread over an hour.

Run by AWS Lambda on a schedule. The rate falls smoothly as credits are used up, and rises as they come back.
"""

import datetime as dt
import os
from typing import Any

import boto3

MIB = 1024**2
HOUR = 3600
BASELINE_PER_GIB = 50 * 1024  # bytes per second; https://docs.aws.amazon.com/efs/latest/ug/performance.html
UNITS_PER_MIBPS = 1000  # as the construct counts


def units(most: int, saved: float | None, stored: float | None) -> int:
    """How many units tasks may take together; what is saved of credits and stored, in bytes, None when not known."""
    if saved is None:
        return most
    baseline = max((stored or 0) / 1024**3 * BASELINE_PER_GIB, MIB)
    return max(1, min(most, int((baseline + saved / HOUR) / MIB * UNITS_PER_MIBPS)))


def latest(cloudwatch: Any, name: str, statistic: str, **more: str) -> float | None:
    """The latest value of a metric of the file system within an hour; None when there is none."""
    now = dt.datetime.now(dt.UTC)
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/EFS",
        MetricName=name,
        Dimensions=[
            {"Name": key, "Value": value} for key, value in {"FileSystemId": os.environ["FILE_SYSTEM"], **more}.items()
        ],
        StartTime=now - dt.timedelta(hours=1),
        EndTime=now,
        Period=60,
        Statistics=[statistic],
    )["Datapoints"]
    return max(points, key=lambda one: one["Timestamp"])[statistic] if points else None


def handler(_event: object, _context: object) -> int:
    """Set the quantity."""
    cloudwatch, batch = boto3.client("cloudwatch"), boto3.client("batch")
    resource = os.environ["RESOURCE"]
    wanted = units(
        int(os.environ["MOST"]),
        latest(cloudwatch, "BurstCreditBalance", "Minimum"),
        latest(cloudwatch, "StorageBytes", "Average", StorageClass="Total"),
    )
    batch.update_consumable_resource(consumableResource=resource, operation="SET", quantity=wanted)
    print(f"tasks may take {wanted} units")
    return wanted
