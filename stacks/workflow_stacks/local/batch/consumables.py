"""Consumable resources of AWS Batch: what jobs share beside machines, such as the throughput of a file system.

https://docs.aws.amazon.com/batch/latest/userguide/resource-aware-scheduling.html
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from .errors import ClientError
from .job_records import now_ms

Record = dict[str, Any]

MAX_PER_JOB = 5


class Consumables:
    """The consumable resources, and what running jobs hold of them.

    Args:
        arn: Gives the ARN of a Batch resource, as `consumable-resource/name`.
        store: The resources by name.

    Attributes:
        changed: Called when there is more or less of something.
    """

    def __init__(self, arn: Callable[[str], str], store: MutableMapping[str, Record]) -> None:
        self._arn = arn
        self._store = store
        self.changed: Callable[[], None] = lambda: None
        self._held: dict[str, dict[str, int]] = {}
        self.actions: dict[str, Callable[[Record], Record]] = {
            "createconsumableresource": self.create,
            "updateconsumableresource": self.update,
            "deleteconsumableresource": self.delete,
            "describeconsumableresource": self.describe,
            "listconsumableresources": self.list_all,
        }

    def create(self, request: Record) -> Record:
        """Keep a consumable resource."""
        name = request["consumableResourceName"]
        if name in self._store:
            raise ClientError(f"Object already exists: {name}")
        record = {
            "resourceType": "REPLENISHABLE",
            "totalQuantity": 0,
            "tags": {},
            **request,
            "consumableResourceArn": self._arn(f"consumable-resource/{name}"),
            "createdAt": now_ms(),
        }
        self._store[name] = record
        return _named(record)

    def update(self, request: Record) -> Record:
        """Set, add to or remove from the quantity there is."""
        record = self._get(request["consumableResource"])
        operation, quantity = request.get("operation", "SET"), request.get("quantity", record["totalQuantity"])
        change = {
            "SET": quantity,
            "ADD": record["totalQuantity"] + quantity,
            "REMOVE": record["totalQuantity"] - quantity,
        }
        if operation not in change:
            raise ClientError(f"operation must be SET, ADD or REMOVE, not {operation}")
        if change[operation] < 0:
            raise ClientError(f"The total quantity must not be less than 0, as {operation} {quantity} would make it")
        self._store[record["consumableResourceName"]] = {**record, "totalQuantity": change[operation]}
        self.changed()
        return {**_named(record), "totalQuantity": change[operation]}

    def delete(self, request: Record) -> Record:
        """Delete a consumable resource; jobs that want it wait for ever."""
        del self._store[self._get(request["consumableResource"])["consumableResourceName"]]
        return {}

    def describe(self, request: Record) -> Record:
        """Return a consumable resource, with what is in use of it."""
        record = self._get(request["consumableResource"])
        in_use = self._in_use(record)
        return {**record, "inUseQuantity": in_use, "availableQuantity": max(record["totalQuantity"] - in_use, 0)}

    def list_all(self, _request: Record) -> Record:
        """Return all consumable resources."""
        keys = ("consumableResourceArn", "consumableResourceName", "totalQuantity", "resourceType")
        found = [
            {**{key: record[key] for key in keys}, "inUseQuantity": self._in_use(record)}
            for record in self._store.values()
        ]
        return {"consumableResources": found}

    def check(self, job: Record) -> None:
        """Refuse a job that wants what there is not, or too many kinds of it."""
        wanted = list(_wanted(job))
        if len(wanted) > MAX_PER_JOB:
            raise ClientError(f"A job can consume at most {MAX_PER_JOB} resources, not {len(wanted)}")
        for name, quantity in wanted:
            self._get(name)
            if quantity < 1:
                raise ClientError(f"The quantity of {name} must be at least 1, not {quantity}")

    def are_free(self, job: Record) -> bool:
        """Whether what a job consumes is free now."""
        return all(
            name in self._store and self._in_use(self._store[name]) + quantity <= self._store[name]["totalQuantity"]
            for name, quantity in _wanted(job)
        )

    def take(self, job: Record) -> None:
        """Lock what a job consumes: it starts."""
        for name, quantity in _wanted(job):
            self._held.setdefault(name, {})[job["jobId"]] = quantity

    def give_back(self, job: Record) -> None:
        """Unlock what a job consumed: it ended. What cannot be replenished is gone."""
        for name, quantity in _wanted(job):
            held = self._held.get(name, {}).pop(job["jobId"], None)
            record = self._store.get(name)
            if held and record and record["resourceType"] == "NON_REPLENISHABLE":
                self._store[name] = {**record, "totalQuantity": record["totalQuantity"] - quantity}

    def _get(self, reference: str) -> Record:
        record = self._store.get(_short(reference))
        if record is None:
            raise ClientError(f"ConsumableResource {reference} does not exist")
        return record

    def _in_use(self, record: Record) -> int:
        return sum(self._held.get(record["consumableResourceName"], {}).values())


def _wanted(job: Record) -> Iterator[tuple[str, int]]:
    for one in job.get("consumableResourceProperties", {}).get("consumableResourceList", []):
        yield _short(one["consumableResource"]), int(one["quantity"])


def _short(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]


def _named(record: Record) -> Record:
    return {key: record[key] for key in ("consumableResourceArn", "consumableResourceName")}
