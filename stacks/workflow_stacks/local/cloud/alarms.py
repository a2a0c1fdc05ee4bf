"""AWS::CloudWatch::Alarm over several metrics, or one with a label: the base knows alarms over one metric alone."""

from collections.abc import Callable, Mapping
from typing import Any

Record = Callable[[str, Mapping[str, Any]], dict[str, Any]]


def with_metrics(record: Record) -> Record:
    """What gives the record of an alarm for the properties of a template, `Metrics` included.

    Such an alarm is kept and never goes off: nothing here evaluates expressions.

    Args:
        record: What knows `MetricName` and `Namespace` only; raises ValueError when it refuses.
    """

    def recorded(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        queries = properties.get("Metrics")
        if not queries:
            return record(name, properties)
        if sum(str(query.get("ReturnData", True)).lower() == "true" for query in queries) != 1:
            raise ValueError("Exactly one element of the metrics list should return data")
        alone = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = record(name, {**alone, "MetricName": "Metrics", "Namespace": "Metrics"})
        return {**alarm, "MetricName": "", "Namespace": "", "Metrics": queries}

    return recorded
