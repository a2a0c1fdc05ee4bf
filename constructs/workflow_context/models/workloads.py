"""A workload: what one run of a workflow moves, keeps and computes, and how often it runs.

A workload is a YAML file, or a preset: a file of the same form in `presets/`. Few published figures of genomics
pipelines are measured. A workload therefore names a source for each measured figure under `measured`; every other
figure is an assumption, and is shown as one.
"""

from __future__ import annotations

import difflib
import math
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from .errors import ModelError

_MIB = 1024.0
_HOUR = 3600.0

_NO_FIGURES = frozenset(
    {
        *("name", "description", "measured", "published", "max_slowdown", "budget_usd_per_month"),
        *("spot", "spot_saving_percent", "retry_percent", "samples", "files"),
    }
)
"""What is no figure of a run that could be measured, or is said in a sentence of its own."""

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
        write_gib: Written to the file system, in GiB, the staged inputs included. Default: all that is stored, once.
        staged_gib_per_task: What a task copies to its disk before it begins when the engine stages files through S3,
            in GiB: the whole of its inputs, however little of them it reads. Default: its share of `read_gib`.
        files: How many files a run writes, and reads again. Default: none are counted, only 8 MiB parts.
        peak_factor: How many times as much as on the mean is read and written while the tasks do so.
        samples: How many samples a run analyses, for the cost of one.
        tasks: How many tasks a run has.
        concurrency: How many of them run at a time.
        tasks_per_host: How many of them share a machine, and with it a mount. Default: as many as it holds.
        task_hours: How long a task takes when storage does not slow it down.
        task_vcpus: vCPUs of a task.
        task_memory_gib: Memory of a task, in GiB.
        task_gpus: NVIDIA GPUs of a task.
        head_vcpus: vCPUs of the head job.
        head_memory_gib: Memory of the head job, in GiB.
        image_gib: Container images that each machine pulls, in GiB.
        log_mib_per_task: What a task writes to its log, in MiB.
        spot: Whether tasks run on Spot capacity.
        spot_saving_percent: What Spot saves against On-Demand. Default: what AWS's Spot Instance Advisor gave for the
            instance type; On-Demand where it gave nothing.
        retry_percent: Work that is done again after failures and Spot interruptions, in percent. Default: none
            On-Demand, half of the share of instances that the Spot Instance Advisor saw interrupted on Spot.
        runs_per_month: How often it runs in a month.
        retention_hours: How long the files stay after a run, so that it can be relaunched.
        max_slowdown: How many times as long as without throttling a run may take.
        budget_usd_per_month: What a month may cost, in USD.
        measured: The figures that were measured or published, with their source.
        published: What others have published about a run, for example its cost, with their source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    name: str = Field(min_length=1)
    description: str = ""
    input_gib: Gib
    intermediates_gib: Gib
    read_gib: Gib
    write_gib: Gib
    staged_gib_per_task: Gib | None = None
    files: int = Field(default=0, ge=0, le=10_000_000_000)
    peak_factor: float = Field(default=1, ge=1, le=1000)
    samples: int = Field(default=1, ge=1, le=10_000_000)
    tasks: int = Field(ge=1, le=100_000_000)
    concurrency: int = Field(ge=1, le=1_000_000)
    tasks_per_host: float | None = Field(default=None, ge=1, le=1000)
    task_hours: float = Field(gt=0, le=10_000)
    task_vcpus: float = Field(default=4, gt=0, le=10_000)
    task_memory_gib: float = Field(default=16, gt=0, le=100_000)
    task_gpus: int = Field(default=0, ge=0, le=16)
    head_vcpus: float = Field(default=1, gt=0, le=192)
    head_memory_gib: float = Field(default=4, gt=0, le=1536)
    image_gib: float = Field(default=2, ge=0, le=1000)
    log_mib_per_task: float = Field(default=1, ge=0, le=100_000)
    spot: bool = False
    spot_saving_percent: float | None = Field(default=None, ge=0, le=90)
    retry_percent: float | None = Field(default=None, ge=0, le=1000)
    runs_per_month: float = Field(default=1, gt=0, le=100_000)
    retention_hours: Hours = 0
    max_slowdown: float = Field(default=1.1, ge=1, le=1000)
    budget_usd_per_month: float | None = Field(default=None, gt=0, le=1e9)
    measured: dict[str, str] = {}
    published: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        values = {str(key): value for key, value in raw.items()}
        inputs = _number(values.get("inputGib"))
        if inputs is not None:
            values.setdefault("intermediatesGib", inputs)
            kept = _number(values["intermediatesGib"])
            if kept is not None:
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
        return max(1, math.ceil(min(self.concurrency, self.tasks) / (self.tasks_per_host or 1) - 1e-9))

    @property
    def mount_hours(self) -> float:
        """Hours of mounts in a run: those of the machines that run tasks, and that of the head job."""
        return self.machine_hours + self.run_hours

    @property
    def machine_hours(self) -> float:
        """Hours of the machines that run the tasks of a run."""
        return self.tasks * self.task_hours / (self.tasks_per_host or 1)

    @property
    def staged_gib(self) -> float:
        """What all tasks copy to their disks when the engine stages files through S3, in GiB."""
        return max(self.read_gib, self.tasks * (self.staged_gib_per_task or 0.0))

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
        return tuple(name for name in _figures() if name not in self.measured)

    def varied(self, **changed: float | None) -> Workload:
        """Return the workload with other figures."""
        return self.model_copy(update=changed)


@cache
def _figures() -> tuple[str, ...]:
    """The figures of a run, by the name they have in YAML."""
    return tuple(to_camel(name) for name in Workload.model_fields if name not in _NO_FIGURES)


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
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not text in UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return _parse(text, str(path))


_DERIVED = ("intermediatesGib", "readGib", "writeGib")
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _parse(text: str, origin: str) -> Workload:
    try:
        return Workload.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ModelError(f"{origin}: is not YAML: {error}") from error
    except ValidationError as error:
        problems = error.errors()
        wrong = {problem["loc"] for problem in problems} & {("inputGib",), ("intermediatesGib",)}
        told = [
            problem
            for problem in problems
            if not (wrong and problem["type"] == "missing" and problem["loc"][0] in _DERIVED)  # missing for its sake
        ]
        raise ModelError("\n".join(f"{origin}: {_problem(problem)}" for problem in told)) from error


def _problem(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "workload"
    if problem["type"] == "extra_forbidden":
        known = [to_camel(name) for name in Workload.model_fields]
        close = difflib.get_close_matches(to_camel(place), known, n=1)
        return f"{place}: there is no such figure" + (f"; did you mean {close[0]!r}?" if close else "")
    if problem["type"] == "missing":
        return f"{place}: is missing"
    if problem["type"] == "value_error":
        return f"{place}: {problem['msg'].removeprefix('Value error, ')}"
    if problem["type"] == "model_type":
        return f"{place}: must map names of figures to values, as in 'inputGib: 100'"
    if problem["type"] in _LIMITS:
        words, limit = _LIMITS[problem["type"]]
        return f"{place}: must be {words} {problem['ctx'][limit]:g}, not {problem['input']}"
    if problem["type"].startswith(("float_", "int_")):
        whole = "whole " if problem["type"].startswith("int_") else ""
        return f"{place}: {problem['input']!r} is not a {whole}number; write one without a unit"
    return f"{place}: {problem['msg'][:1].lower()}{problem['msg'][1:]}, got {problem['input']!r}"


def _number(value: Any) -> float | None:
    """A number as YAML gives it, or as text that pydantic would take for one (`1e3` is text in YAML 1.1)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
