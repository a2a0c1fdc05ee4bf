"""What AWS measures of file systems, as metrics and graphs of CloudWatch."""

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

_FIVE_MINUTES = cdk.Duration.minutes(5)
_DAY = cdk.Duration.days(1)


class MetricOptions(TypedDict, total=False):
    """How a metric is read, where it shall not be read as is usual for it.

    Attributes:
        statistic: Such as `Sum`, `Average` or `p99`.
        period: The time between two points.
        label: Its name in a graph.
        color: Its color in a graph, such as `#1f77b4`.
        region: The region it is read from.
        account: The account it is read from.
    """

    statistic: str
    period: cdk.Duration
    label: str
    color: str
    region: str
    account: str


def metric(
    namespace: str, name: str, dimensions: Mapping[str, str], **options: Unpack[MetricOptions]
) -> cloudwatch.Metric:
    """A metric: its sum in steps of five minutes, where nothing else is said.

    Args:
        namespace: Such as `AWS/EFS`.
        name: Its name there.
        dimensions: What it is measured of.
        **options: How it is read otherwise.
    """
    read: MetricOptions = {"statistic": "Sum", "period": _FIVE_MINUTES, "label": name, **options}
    return cloudwatch.Metric(namespace=namespace, metric_name=name, dimensions_map=dict(dimensions), **read)


def graphs(
    namespace: str, dimensions: Mapping[str, str], titles: Mapping[str, Sequence[str]], statistic: str = "Sum"
) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
    """Graphs of metrics that share their dimensions: title to what it shows."""
    return {
        title: [metric(namespace, name, dimensions, statistic=statistic) for name in names]
        for title, names in titles.items()
    }


def bucket_metric(
    bucket_name: str, name: str, storage_type: str, **options: Unpack[MetricOptions]
) -> cloudwatch.Metric:
    """What S3 measures of a bucket, once a day.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
    """
    dimensions = {"BucketName": bucket_name, "StorageType": storage_type}
    read: MetricOptions = {"statistic": "Average", "period": _DAY, **options}
    return metric("AWS/S3", name, dimensions, **read)


def bucket_graphs(bucket_name: str) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
    """How much a bucket holds."""
    return {
        "Bucket, bytes": [bucket_metric(bucket_name, "BucketSizeBytes", "StandardStorage")],
        "Bucket, objects": [bucket_metric(bucket_name, "NumberOfObjects", "AllStorageTypes")],
    }
