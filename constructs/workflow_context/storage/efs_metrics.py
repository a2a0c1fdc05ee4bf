"""What Amazon EFS measures: https://docs.aws.amazon.com/efs/latest/ug/efs-metrics.html."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

_MIB = 1024 * 1024
_MINUTE = cdk.Duration.minutes(1)
_QUARTER = cdk.Duration.minutes(15)  # how often StorageBytes is measured
_CLASSES = ("Standard", "IA", "Archive")
_NEVER = 99999


def efs_metrics(file_system_id: str) -> Mapping[str, Sequence[cloudwatch.IMetric]]:
    """The graphs of a file system: title to what it shows."""
    used = cloudwatch.MathExpression(
        expression=f"bytes / PERIOD(bytes) / {_MIB}",
        using_metrics={"bytes": _metric(file_system_id, "MeteredIOBytes", "Sum")},
        label="used (reads count a third)",
        period=_MINUTE,
    )
    permitted = cloudwatch.MathExpression(
        expression=f"rate / {_MIB}",
        using_metrics={"rate": _metric(file_system_id, "PermittedThroughput", "Minimum")},
        label="permitted",
        period=_MINUTE,
    )
    credits_left = cloudwatch.MathExpression(
        expression=f"balance / {_MIB} / 1024",
        using_metrics={"balance": _metric(file_system_id, "BurstCreditBalance", "Minimum")},
        label="credits (bursting mode)",
        period=_MINUTE,
    )
    return {
        "Throughput, MiB/s": [used, permitted],
        "Burst credits, GiB": [credits_left],
        "Share of the I/O limit, %": [_metric(file_system_id, "PercentIOLimit", "Maximum")],
        "Stored, GiB": [_stored(file_system_id, storage_class) for storage_class in _CLASSES],
        "Clients": [_metric(file_system_id, "ClientConnections", "Sum")],
    }


def io_limit_alarm(scope: Construct, file_system_id: str) -> cloudwatch.Alarm:
    """Warn when the file system has been at its limit of operations for a quarter of an hour."""
    return cloudwatch.Alarm(
        scope,
        "IoLimit",
        metric=_metric(file_system_id, "PercentIOLimit", "Maximum"),
        threshold=95,
        evaluation_periods=15,
        alarm_description="The file system is at its limit of operations: use fewer, larger files or run fewer tasks.",
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def burst_credit_alarm(scope: Construct, file_system_id: str, *, hours: int) -> cloudwatch.Alarm:
    """Warn when burst credits end within so many hours at the rate of the last quarter of an hour."""
    left = cloudwatch.MathExpression(
        expression=f"IF(RATE(balance) < 0, balance / (0 - RATE(balance)) / 3600, {_NEVER})",
        using_metrics={"balance": _metric(file_system_id, "BurstCreditBalance", "Minimum", _QUARTER)},
        label="hours until the credits end",
        period=_QUARTER,
    )
    return cloudwatch.Alarm(
        scope,
        "BurstCredits",
        metric=left,
        threshold=hours,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        evaluation_periods=2,
        alarm_description=(
            f"Burst credits end within {hours} hours at the present rate; throughput then falls to 50 KiB/s for each "
            "GiB stored. Switch the context to elastic throughput, or run fewer tasks at a time."
        ),
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def _metric(file_system_id: str, name: str, statistic: str, period: cdk.Duration = _MINUTE) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/EFS",
        metric_name=name,
        dimensions_map={"FileSystemId": file_system_id},
        statistic=statistic,
        period=period,
    )


def _stored(file_system_id: str, storage_class: str) -> cloudwatch.MathExpression:
    stored = cloudwatch.Metric(
        namespace="AWS/EFS",
        metric_name="StorageBytes",
        dimensions_map={"FileSystemId": file_system_id, "StorageClass": storage_class},
        statistic="Average",
        period=_QUARTER,
    )
    return cloudwatch.MathExpression(
        expression=f"stored{storage_class} / {_MIB} / 1024",
        using_metrics={f"stored{storage_class}": stored},
        label=storage_class,
        period=_QUARTER,
    )
