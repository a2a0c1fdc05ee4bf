"""A workload: what one run of a workflow moves, keeps and computes, and how often it runs.

A workload is a YAML file, or a preset: a file of the same form in `presets/`. Few published figures of genomics
pipelines are measured. A workload therefore names a source for each measured figure under `measured`; every other
figure is an assumption, and is shown as one.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from .errors import ModelError

_MIB = 1024.0
_HOUR = 3600.0

Gib = Annotated[float, Field(ge=0, le=10_000_000)]
Hours = Annotated[float, Field(ge=0, le=100_000)]


class Workload(BaseModel):
    """What one run does, and how often it runs. In YAML the names are written as in `inputGib`.

    Attributes:
        name: Its name.
        description: What it is.
        input_gib: Inputs that are staged to the file system, in GiB.
        intermediates_gib: Intermediates and outputs on the file system, in GiB. Default: as much as the inputs, as
            the Latch documentation estimates ("all input file sizes, multiplied by 2").
        read_gib: Read from the file system by all tasks, in GiB. Default: all that is stored, once.
        write_gib: Written to the file system, in GiB. Default: all that is stored, once; staged inputs are writes.
        tasks: How many tasks a run has.
        concurrency: How many of them run at a time.
        tasks_per_host: How many of them share a machine, and with it a mount.
        task_hours: How long a task takes when storage does not slow it down.
        task_vcpus: vCPUs of a task.
        task_memory_gib: Memory of a task, in GiB.
        head_vcpus: vCPUs of the head job, on Fargate.
        head_memory_gib: Memory of the head job, in GiB.
        spot: Whether tasks run on Spot capacity.
        spot_saving_percent: What Spot saves against On-Demand. No typical figure is published, so without it Spot is
            priced as On-Demand.
        runs_per_month: How often it runs in a month.
        retention_hours: How long the files stay after a run, so that it can be relaunched.
        max_slowdown: How many times as long as without throttling a run may take.
        budget_usd_per_month: What a month may cost, in USD.
        measured: The figures that were measured or published, with their source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: str = Field(min_length=1)
    description: str = ""
    input_gib: Gib
    intermediates_gib: Gib
    read_gib: Gib
    write_gib: Gib
    tasks: int = Field(ge=1)
    concurrency: int = Field(ge=1)
    tasks_per_host: float = Field(default=1, ge=1)
    task_hours: float = Field(gt=0, le=10_000)
    task_vcpus: float = Field(default=4, gt=0)
    task_memory_gib: float = Field(default=16, gt=0)
    head_vcpus: float = Field(default=1, gt=0)
    head_memory_gib: float = Field(default=4, gt=0)
    spot: bool = False
    spot_saving_percent: float | None = Field(default=None, ge=0, le=90)
    runs_per_month: float = Field(default=1, gt=0, le=100_000)
    retention_hours: Hours = 0
    max_slowdown: float = Field(default=1.1, ge=1)
    budget_usd_per_month: float | None = Field(default=None, gt=0)
    measured: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        values = {to_camel(str(key)): value for key, value in raw.items()}
        inputs = values.get("inputGib")
        if isinstance(inputs, int | float):
            values.setdefault("intermediatesGib", inputs)
            kept = values["intermediatesGib"]
            if isinstance(kept, int | float):
                values.setdefault("readGib", inputs + kept)
                values.setdefault("writeGib", inputs + kept)
        return values

    @model_validator(mode="after")
    def _measured_are_figures(self) -> Workload:
        known = {to_camel(name) for name in type(self).model_fields}
        unknown = sorted(set(self.measured) - known)
        if unknown:
            raise ValueError(f"measured names {', '.join(unknown)}, which is no figure of a workload")
        return self

    @property
    def stored_gib(self) -> float:
        """On the file system at the end of a run, in GiB."""
        return self.input_gib + self.intermediates_gib

    @property
    def run_hours(self) -> float:
        """How long a run takes when storage does not slow it down, in hours."""
        return max(self.task_hours, self.tasks * self.task_hours / self.concurrency)

    @property
    def hosts(self) -> int:
        """How many machines work at a time."""
        return max(1, round(min(self.concurrency, self.tasks) / self.tasks_per_host))

    @property
    def mount_hours(self) -> float:
        """Hours of mounts in a run: those of the machines that run tasks, and that of the head job."""
        return self.tasks * self.task_hours / self.tasks_per_host + self.run_hours

    @property
    def read_mibps(self) -> float:
        """Mean reads of a run, in MiB/s."""
        return self.read_gib * _MIB / (self.run_hours * _HOUR)

    @property
    def write_mibps(self) -> float:
        """Mean writes of a run, in MiB/s."""
        return self.write_gib * _MIB / (self.run_hours * _HOUR)

    @property
    def assumed(self) -> tuple[str, ...]:
        """The figures that have no source, by the name they have in YAML."""
        plain = {"name", "description", "measured", "maxSlowdown", "budgetUsdPerMonth", "spotSavingPercent", "spot"}
        names = (to_camel(name) for name in type(self).model_fields)
        return tuple(name for name in names if name not in plain and name not in self.measured)

    def varied(self, **changed: float) -> Workload:
        """Return the workload with other figures."""
        return self.model_copy(update=changed)


def presets() -> tuple[str, ...]:
    """Return the names of the presets."""
    folder = files(__package__).joinpath("presets")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_workload(name_or_path: str | Path) -> Workload:
    """Return a preset by its name, or the workload of a YAML file.

    Raises:
        ModelError: There is neither such a preset nor such a file, or the file is no workload.
    """
    if str(name_or_path) in presets():
        text = files(__package__).joinpath(f"presets/{name_or_path}.yaml").read_text(encoding="utf-8")
        return _parse(text, str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        raise ModelError(f"{name_or_path}: no such file, and no preset of that name; presets: {', '.join(presets())}")
    return _parse(path.read_text(encoding="utf-8"), str(path))


def _parse(text: str, origin: str) -> Workload:
    try:
        return Workload.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ModelError(f"{origin}: is no YAML: {error}") from error
    except ValidationError as error:
        problems = (
            f"{origin}: {'.'.join(str(part) for part in problem['loc']) or 'workload'}: {problem['msg']}"
            + (f", got {problem['input']!r}" if problem["type"] not in ("missing", "value_error") else "")
            for problem in error.errors()
        )
        raise ModelError("\n".join(problems)) from error
