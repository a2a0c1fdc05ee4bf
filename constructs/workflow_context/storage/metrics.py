"""Graphs of what an AWS service measures of a file system."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

_FIVE_MINUTES = cdk.Duration.minutes(5)
_DAY = cdk.Duration.days(1)


def metric(namespace: str, name: str, dimensions: Mapping[str, str], statistic: str = "Sum") -> cloudwatch.Metric:
    """A metric, in steps of five minutes."""
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=_FIVE_MINUTES,
        label=name,
    )


def graphs(
    namespace: str, dimensions: Mapping[str, str], titles: Mapping[str, Sequence[str]], statistic: str = "Sum"
) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
    """Graphs of metrics that share their dimensions: title to what it shows."""
    return {
        title: [metric(namespace, name, dimensions, statistic) for name in names] for title, names in titles.items()
    }


def bucket_graphs(bucket_name: str) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
    """How much a bucket holds, which S3 measures once a day.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
    """
    held = (("BucketSizeBytes", "StandardStorage"), ("NumberOfObjects", "AllStorageTypes"))
    return {
        title: [
            cloudwatch.Metric(
                namespace="AWS/S3",
                metric_name=name,
                dimensions_map={"BucketName": bucket_name, "StorageType": storage_type},
                statistic="Average",
                period=_DAY,
            )
        ]
        for title, (name, storage_type) in zip(("Bucket, bytes", "Bucket, objects"), held, strict=True)
    }
