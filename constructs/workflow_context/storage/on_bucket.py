"""The metrics of file systems that keep their data in a bucket."""

import abc
from collections.abc import Mapping, Sequence
from typing import Unpack

from aws_cdk import aws_cloudwatch as cloudwatch, aws_s3 as s3
from typing_extensions import override

from .base import WorkflowFileSystem
from .metrics import MetricOptions, bucket_graphs, bucket_metric


class BucketFileSystem(WorkflowFileSystem):
    """A file system whose size is that of a bucket. S3 measures it once a day, and the whole bucket only."""

    @property
    @abc.abstractmethod
    def _measured_bucket(self) -> s3.IBucket: ...

    def metric_bucket_size_bytes(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """The size of the objects of storage class Standard in the bucket.

        Args:
            **options: How the metric is read. Default: the average, each day.
        """
        return bucket_metric(self._measured_bucket.bucket_name, "BucketSizeBytes", "StandardStorage", **options)

    def metric_number_of_objects(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """How many objects are in the bucket.

        Args:
            **options: How the metric is read. Default: the average, each day.
        """
        return bucket_metric(self._measured_bucket.bucket_name, "NumberOfObjects", "AllStorageTypes", **options)

    @override
    def metrics(self) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
        return bucket_graphs(self._measured_bucket.bucket_name)
