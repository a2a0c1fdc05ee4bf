"""Storage of runs, with everything that a pass of its expiry looks at."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workflow_context.ended_runs import END_MARK
from workflow_context.volumes.ended import Rule
from workflow_context.volumes.expire import Expiry

RULE = Rule("nextflow/runs", (END_MARK,))
MINIWDL = Rule("miniwdl_run", ("outputs.json", "error.json"), ("error.json",))
START = 1_800_000_000.0


class Stopped(BaseException):
    """The machine went."""


class World:
    """A file system, records and access points; and a clock that the test sets."""

    def __init__(self, root: Path, rule: Rule = RULE) -> None:
        self.root = root
        self.rule = rule
        self.now = START
        self.told: list[str] = []
        self.known: dict[str, dict[str, Any]] = {}
        self.access_points: set[str] = set()
        self.jobs: set[str] = set()
        self.steps_left = 10**9

    # What `Cloud` says.
    def records(self) -> list[dict[str, Any]]:
        return [dict(one) for one in self.known.values()]

    def save(self, record: Mapping[str, Any]) -> None:
        self.step()
        self.known[record["name"]] = dict(record)

    def forget(self, record: Mapping[str, Any]) -> None:
        self.step()
        self.known.pop(record["name"], None)

    def remove_jobs(self, record: Mapping[str, Any]) -> None:
        self.step()
        self.jobs.discard(record["name"])

    def remove_access_point(self, record: Mapping[str, Any]) -> None:
        self.step()
        assert record["name"] not in self.jobs, "a role is left for what is not there any more"
        self.access_points.discard(record["name"])

    def step(self) -> None:
        """The machine goes after so many steps."""
        self.steps_left -= 1
        if self.steps_left < 0:
            raise Stopped

    def provision(self, name: str, hours: int) -> Path:
        self.known[name] = {"name": name, "hours": hours, "createdAt": self.now, "state": "ready"}
        self.access_points.add(name)
        return self.root / name

    def use(self, name: str) -> None:
        """A run on a volume is submitted; its head job waits."""
        self.known[name]["usedAt"] = self.now
        self.jobs.add(name)

    def run(self, volume: str, run: str = "one", code: int | None = None, *, marker: str = END_MARK) -> Path:
        """A run on a volume; with a code one that ended, now."""
        folder = self.root / volume / self.rule.directory / run
        (folder / "work").mkdir(parents=True, exist_ok=True)
        (folder / "work" / "big.bam").write_bytes(b"x" * 1000)
        if code is not None:
            mark = folder / marker
            mark.write_text(f"{code}\n" if marker == END_MARK else "{}")
            os.utime(mark, (self.now, self.now))
        return folder

    def sweep(self, **options: Any) -> bool:
        return Expiry(self.root, self.rule, self, self.now, self.told.append, **options).run()

    def left(self) -> set[str]:
        """What there is of directories, records and access points: all three agree."""
        directories = {one.name for one in self.root.iterdir() if one.is_dir()}
        assert directories == set(self.known) == self.access_points
        assert self.jobs <= directories
        return directories


def stepping(world: World, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        world.step()
        done = real(*arguments, **options)
        world.step()
        return done

    return call
