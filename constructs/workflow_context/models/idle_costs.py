"""What a synthesized template costs a month while nothing runs.

Each resource type is in one of two tables: `PRICERS`, or `FREE` with the reason why it has no charge of its own. A
type that is in neither is reported, never silently zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from .cfn import Resource, Stacks, Template
from .efs_limits import BASELINE_MIBPS_PER_GIB
from .estimates import CostLine, Estimate, Unpriced, priced
from .file_systems.fsx_lustre import price_name
from .free_resources import free_reason
from .prices import PriceBook


@dataclass(frozen=True)
class Stored:
    """How much data lies around: what a template cannot tell.

    Attributes:
        file_system_gib: In each file system that the template defines, in GiB; of EFS in the Standard class.
        infrequent_gib: In the Infrequent Access class of each EFS file system, in GiB.
        bucket_gib: In each bucket, in GiB.
        log_gib: In each log group, in GiB.
    """

    file_system_gib: float = 100.0
    infrequent_gib: float = 0.0
    bucket_gib: float = 0.0
    log_gib: float = 1.0

    def sentences(self) -> tuple[str, ...]:
        """Return what is assumed, in sentences."""
        return (
            f"{self.file_system_gib:g} GiB in each file system"
            + (f", {self.infrequent_gib:g} GiB in Infrequent Access" if self.infrequent_gib else ""),
            f"{self.bucket_gib:g} GiB in each bucket and {self.log_gib:g} GiB in each log group",
            "list prices: no free tier, no discount, no tax; nothing runs",
        )


@dataclass(frozen=True)
class Pricing:
    """What a resource is priced with.

    Attributes:
        prices: The unit prices.
        stored: How much data lies around.
    """

    prices: PriceBook
    stored: Stored

    def line(self, resource: Resource, item: str, kind: str, name: str, quantity: float) -> CostLine | Unpriced:
        """Return a cost line: so many units of a price of the book, by its name."""
        return priced(self.prices, name, item, kind, quantity, resource.logical_id)

    def hourly(self, resource: Resource, item: str, kind: str, name: str, count: float = 1.0) -> CostLine | Unpriced:
        """Return a cost line of what is billed for every hour of the month."""
        return self.line(resource, item, kind, name, count * self.prices.hours_per_month)


Lines: TypeAlias = Iterator[CostLine | Unpriced]
Pricer: TypeAlias = Callable[[Resource, Pricing], Lines]
"""From a resource to what it costs a month while nothing runs, or why that cannot be told."""


def idle_cost(
    template: Template,
    prices: PriceBook,
    stored: Stored | None = None,
    stack: str = "stack",
    more: Mapping[str, Pricer] = MappingProxyType({}),
) -> Estimate:
    """Price what a template defines, for a month in which nothing runs.

    Args:
        template: The synthesized CloudFormation template. Resources under a condition count as if it were true.
        prices: The unit prices.
        stored: How much data lies around.
        stack: The name of its stack.
        more: Pricers of resource types that `PRICERS` does not know, written as there.

    Returns:
        The estimate per month, with every resource that may cost and could not be priced.
    """
    pricing = Pricing(prices, stored or Stored())
    lines: list[CostLine] = []
    unpriced: list[Unpriced] = []
    for resource in Stacks({stack: template}):
        for found in _price(resource, pricing, {**PRICERS, **more}):
            (lines if isinstance(found, CostLine) else unpriced).append(found)  # type: ignore[arg-type]
    return Estimate(tuple(lines), tuple(unpriced), pricing.stored.sentences())


def _price(resource: Resource, pricing: Pricing, pricers: Mapping[str, Pricer]) -> Lines:
    pricer = pricers.get(resource.kind) or pricers.get(resource.type)
    if pricer is not None:
        yield from pricer(resource, pricing)
    elif free_reason(resource.type) is None:
        yield Unpriced(resource.type, "this type is in no price table: look it up", resource.logical_id)


def _nat_gateway(resource: Resource, pricing: Pricing) -> Lines:
    yield pricing.hourly(resource, "NAT gateway", "network", "nat_gateway_hour")


def _address(resource: Resource, pricing: Pricing) -> Lines:
    yield pricing.hourly(resource, "public IPv4 address", "network", "public_ipv4_address_hour")


def _endpoint(resource: Resource, pricing: Pricing) -> Lines:
    if resource.properties.get("VpcEndpointType", "Gateway") == "Gateway":
        return
    name = "vpc_interface_endpoint_hour_per_az"
    subnets = resource.items("SubnetIds")
    if subnets is None:
        price = pricing.prices.get(name)
        each = f": {price.value * pricing.prices.hours_per_month:.2f} USD a month for each" if price else ""
        reason = f"its subnets are not in the template{each}"
        yield Unpriced(resource.type, reason, resource.logical_id)
        return
    yield pricing.hourly(resource, "interface endpoint, per zone", "network", name, len(subnets))


STOPS_WHEN_IDLE = "workflow-context:stops-when-idle"
"""The tag of an instance that stops itself when nobody uses it: idle, its disks alone are billed."""


def _instance(resource: Resource, pricing: Pricing) -> Lines:
    instance_type = resource.properties.get("InstanceType", "m1.small")
    price = pricing.prices.instance(instance_type) if isinstance(instance_type, str) else None
    tags = resource.items("Tags") or []
    if any(isinstance(tag, dict) and tag.get("Key") == STOPS_WHEN_IDLE for tag in tags):
        each = f"; {price.value:g} USD for each hour that it runs" if price else ""
        disks = [one.get("Ebs", {}) for one in resource.items("BlockDeviceMappings") or [] if isinstance(one, dict)]
        size = sum(disk.get("VolumeSize", 0) for disk in disks)
        item = f"disk of the stopped debug instance ({instance_type}{each})"
        yield pricing.line(resource, item, "storage", "ebs_gp3_storage", size)
        return
    if price is None:
        yield Unpriced(resource.type, f"no price for instance type {instance_type}", resource.logical_id)
        return
    hours = pricing.prices.hours_per_month
    yield CostLine(f"EC2 instance {instance_type}, always on", "compute", hours, price, resource.logical_id)


def _compute_environment(resource: Resource, pricing: Pricing) -> Lines:
    del pricing
    compute = resource.properties.get("ComputeResources", {})
    least = compute.get("MinvCpus", 0) if isinstance(compute, dict) else 0
    if least not in (0, "0"):
        reason = f"keeps {least} vCPUs running: price an instance of that size"
        yield Unpriced(resource.type, reason, resource.logical_id)


def _key(resource: Resource, pricing: Pricing) -> Lines:
    yield pricing.line(resource, "KMS key", "other", "kms_customer_key_month", 1)


def _secret(resource: Resource, pricing: Pricing) -> Lines:
    yield pricing.line(resource, "secret", "other", "secrets_manager_secret_month", 1)


def _alarm(resource: Resource, pricing: Pricing) -> Lines:
    queries = resource.items("Metrics")
    if queries is None:
        yield Unpriced(resource.type, "its metrics are not in the template", resource.logical_id)
        return
    stats = [query["MetricStat"] for query in queries if isinstance(query, dict) and "MetricStat" in query]
    periods = [stat.get("Period", 60) for stat in stats] or [resource.number("Period") or 60]
    fine = any(isinstance(period, int | float) and period < 60 for period in periods)
    name = f"cloudwatch_alarm_{'high_resolution' if fine else 'standard'}_metric_month"
    yield pricing.line(resource, "alarm, per metric", "other", name, max(1, len(stats)))


def _dashboard(resource: Resource, pricing: Pricing) -> Lines:
    yield pricing.line(resource, "dashboard", "other", "cloudwatch_dashboard_month", 1)


def _metric_filter(resource: Resource, pricing: Pricing) -> Lines:
    count = len(resource.items("MetricTransformations") or [1])
    yield pricing.line(resource, "custom metric", "other", "cloudwatch_custom_metric_month", count)


def _log_group(resource: Resource, pricing: Pricing) -> Lines:
    yield pricing.line(resource, "stored logs", "storage", "cloudwatch_logs_storage", pricing.stored.log_gib)


def _bucket(resource: Resource, pricing: Pricing) -> Lines:
    name = "s3_standard_storage_first_50tb"
    yield pricing.line(resource, "S3 Standard storage", "storage", name, pricing.stored.bucket_gib)


def _volume(resource: Resource, pricing: Pricing) -> Lines:
    size = resource.number("Size")
    if size is None or resource.properties.get("VolumeType") != "gp3":
        yield Unpriced(resource.type, "only gp3 volumes of a known size are priced", resource.logical_id)
        return
    yield pricing.line(resource, "EBS gp3 storage", "storage", "ebs_gp3_storage", size)


def _efs(resource: Resource, pricing: Pricing) -> Lines:
    one_zone = "AvailabilityZoneName" in resource.properties
    mode = resource.properties.get("ThroughputMode", "bursting")
    stored = pricing.stored
    name = "efs_one_zone_storage" if one_zone else "efs_standard_storage"
    yield pricing.line(resource, "EFS storage", "storage", name, stored.file_system_gib)
    if stored.infrequent_gib:
        regional = "elastic" if mode == "elastic" else "bursting_or_provisioned"
        infrequent = "efs_one_zone_ia_storage" if one_zone else f"efs_ia_storage_{regional}"
        yield pricing.line(resource, "EFS Infrequent Access", "storage", infrequent, stored.infrequent_gib)
    backup = resource.properties.get("BackupPolicy", {"Status": "ENABLED" if one_zone else "DISABLED"})
    if isinstance(backup, dict) and backup.get("Status") == "ENABLED":
        kept = stored.file_system_gib + stored.infrequent_gib
        yield pricing.line(resource, "EFS backup, one full copy", "storage", "efs_backup_warm_storage", kept)
    if mode == "provisioned":
        provisioned = resource.number("ProvisionedThroughputInMibps")
        if provisioned is None:
            yield Unpriced(resource.type, "provisioned throughput is not in the template", resource.logical_id)
            return
        billed = max(0.0, provisioned - stored.file_system_gib * BASELINE_MIBPS_PER_GIB)
        item = f"EFS provisioned throughput, {provisioned:g} MiB/s less what is included"
        yield pricing.line(resource, item, "throughput", "efs_provisioned_throughput", billed)


def _fsx_lustre(resource: Resource, pricing: Pricing) -> Lines:
    capacity = resource.number("StorageCapacity")
    lustre = resource.properties.get("LustreConfiguration", {})
    kind = lustre.get("DeploymentType", "SCRATCH_1") if isinstance(lustre, dict) else "unknown"
    unit = lustre.get("PerUnitStorageThroughput") if isinstance(lustre, dict) else None
    if capacity is None or not isinstance(lustre, dict):
        yield Unpriced(resource.type, f"no price for {kind}: its capacity is not in the template", resource.logical_id)
        return
    deployment = f"{kind}{f' at {unit} MB/s per TiB' if unit else ''}"
    name = price_name(kind, unit)
    if pricing.prices.get(name) is None:
        reason = f"no price for {deployment} in {pricing.prices.region}: {capacity:,.0f} GiB stand all month"
        yield Unpriced(resource.type, reason, resource.logical_id)
        return
    yield pricing.line(resource, f"FSx for Lustre {deployment}, whole capacity", "storage", name, capacity)


def _s3_files(resource: Resource, pricing: Pricing) -> Lines:
    resident = pricing.stored.file_system_gib
    yield pricing.line(resource, "S3 Files resident data", "storage", "s3files_storage", resident)


PRICERS: Mapping[str, Pricer] = {
    "AWS::Batch::ComputeEnvironment": _compute_environment,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::EC2::EIP": _address,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::EC2::Volume": _volume,
    "AWS::EFS::FileSystem": _efs,
    "AWS::FSx::FileSystem:LUSTRE": _fsx_lustre,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3Files::FileSystem": _s3_files,
    "AWS::SecretsManager::Secret": _secret,
}
"""How each resource type that costs while idle is priced; by `Resource.kind` where a type has several."""
