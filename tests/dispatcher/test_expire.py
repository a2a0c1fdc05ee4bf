"""Storage of runs goes when its runs have ended and its time is over, wherever a pass is stopped; nothing else goes."""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from workflow_context.ended_runs import END_MARK
from workflow_context.volumes import expire
from workflow_context.volumes.ended import Rule
from workflow_context.volumes.expire import HOUR, Expiry
from workflow_context.volumes.times import FAILED_HOURS, UNUSED_HOURS

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


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "storage").mkdir()
    return World(tmp_path / "storage")


def test_of_five_runs_exactly_those_go_whose_time_has_come(world: World) -> None:
    for name, hours in {"at-once": 0, "a-day": 24, "a-week": 168, "going": 0, "failed": 0}.items():
        world.provision(name, hours)
        world.run(name)
    world.run("at-once", code=0)
    world.run("failed", code=1)
    seen = {}
    for hour in (0, 1, 24, 48, 49, FAILED_HOURS, 200, 2000):
        world.now = START + hour * HOUR
        if hour == 24:
            world.run("a-day", code=0)
        if hour == 1:
            world.run("a-week", code=3)
        assert world.sweep()
        seen[hour] = world.left()
    assert seen[0] == {"a-day", "a-week", "going", "failed"}
    assert seen[24] == seen[1] == seen[0]
    assert seen[48] == {"a-week", "going", "failed"}
    assert seen[FAILED_HOURS] == {"a-week", "going"}
    assert seen[200] == seen[2000] == {"going"}


def test_bytes_that_are_freed_are_told_for_the_metric(world: World) -> None:
    world.provision("one", 0)
    world.run("one", code=0)
    world.sweep()
    assert json.loads(world.told[-1]) == {"expired": "one", "bytesFreed": 1002}


def test_a_dry_run_says_what_would_go_and_deletes_nothing(world: World) -> None:
    world.provision("one", 0)
    world.run("one", code=0)
    world.sweep(dry_run=True)
    assert world.left() == {"one"}
    assert world.told == ["would delete one: its last run succeeded, and 0 hours are over"]


def test_one_pass_deletes_no_more_than_it_may(world: World) -> None:
    for name in ("a", "b", "c"):
        world.provision(name, 0)
        world.run(name, code=0)
    world.sweep(most=2)
    assert world.left() == {"c"}
    assert world.told[-1] == "the rest is left to the next pass"


class TestStays:
    def test_what_lies_beside_volumes_and_has_no_record(self, world: World) -> None:
        for place in ("hg38", "miniwdl_run/_CACHE", "snakemake/conda"):
            (world.root / place).mkdir(parents=True)
        world.now += 1e9
        world.sweep()
        assert all((world.root / place).is_dir() for place in ("hg38", "miniwdl_run/_CACHE", "snakemake/conda"))

    def test_a_volume_on_which_a_second_run_is_going(self, world: World) -> None:
        world.provision("one", 0)
        world.run("one", "first", code=0)
        world.run("one", "second")
        world.now += 1e9
        world.sweep()
        assert world.left() == {"one"}

    def test_a_volume_for_whose_next_run_a_head_job_waits(self, world: World) -> None:
        world.provision("one", 0)
        world.run("one", "first", code=0)
        world.now += HOUR
        world.use("one")
        world.now += UNUSED_HOURS * HOUR - 1
        world.sweep()
        assert world.left() == {"one"}
        world.run("one", "second", code=0)
        world.sweep()
        assert world.left() == set()

    def test_a_volume_whose_run_has_a_link_for_a_mark(self, world: World) -> None:
        world.provision("one", 0)
        (world.run("one") / END_MARK).symlink_to("/etc/hostname")
        world.now += 1e9
        world.sweep()
        assert world.left() == {"one"}

    def test_a_volume_that_a_run_begins_to_use_between_the_two_looks(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.provision("one", 0)
        mark = world.run("one", code=0) / END_MARK
        real = expire.Path.rename

        def resumed(path: Path, target: Path) -> Path:
            mark.unlink(missing_ok=True)
            return real(path, target)

        monkeypatch.setattr(expire.Path, "rename", resumed)
        world.sweep()
        assert world.left() == {"one"}
        assert "in use again" in world.told[-1]

    def test_a_volume_that_cannot_be_looked_at_while_the_others_go(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            world.provision(name, 0)
            world.run(name, code=0)
        real = expire.end_of

        def broken(volume: Path, rule: Rule) -> Any:
            if volume.name == "a":
                raise OSError("stale file handle")
            return real(volume, rule)

        monkeypatch.setattr(expire, "end_of", broken)
        assert not world.sweep()
        assert world.left() == {"a"}

    def test_everything_while_another_pass_is_at_work(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.provision("one", 0)
        world.run("one", code=0)

        def taken(*_: Any) -> None:
            raise BlockingIOError

        monkeypatch.setattr(expire.fcntl, "lockf", taken)
        assert world.sweep()
        assert world.left() == {"one"}

    def test_what_a_forged_name_points_to(self, world: World) -> None:
        (world.root.parent / "elsewhere").mkdir()
        world.known["../elsewhere"] = {"name": "../elsewhere", "hours": 0, "createdAt": 0.0, "state": "deleting"}
        assert not world.sweep()
        assert (world.root.parent / "elsewhere").is_dir()


def test_storage_that_was_extended_is_kept_so_much_longer(world: World) -> None:
    for name, code in {"good": 0, "bad": 1, "unused": None}.items():
        world.provision(name, 0).mkdir()
        world.known[name]["extendedHours"] = 10
        if code is not None:
            world.run(name, code=code)
    for hours, left in (
        (9, {"good", "bad", "unused"}),
        (10, {"bad", "unused"}),
        (UNUSED_HOURS + 10, {"bad"}),
        (FAILED_HOURS + 10, set()),
    ):
        world.now = START + hours * HOUR
        world.sweep()
        assert world.left() == left


class TestOfOneStorage:
    def test_nothing_else_is_looked_at(self, world: World) -> None:
        for name in ("one", "other"):
            world.provision(name, 0)
            world.run(name, code=0)
        world.sweep(only="one")
        assert world.left() == {"other"}

    def test_a_dry_run_takes_it_for_one_that_was_told_to_expire(self, world: World) -> None:
        world.provision("one", 24)
        world.run("one", code=0)
        world.sweep(only="one", dry_run=True)
        assert world.told == ["would delete one: it was told to expire, and no run is going"]
        assert world.left() == {"one"}

    def test_why_it_stays_is_told(self, world: World) -> None:
        world.provision("one", 24)
        world.run("one", code=0)
        world.sweep(only="one")
        folder = world.run("one", "two")
        world.sweep(only="one")
        assert world.told == [
            "kept: one, whose time is not over",
            f"kept: one, on which a run may be going: {folder} has no mark of its end",
        ]


def test_what_is_there_and_when_it_goes_is_written_down(world: World) -> None:
    for name in ("well", "failed", "going", "never-mounted"):
        world.provision(name, 0)
    world.run("well", code=0)
    world.run("failed", code=1)
    world.run("going", code=None)

    assert Expiry(world.root, world.rule, world, world.now, world.told.append).measure()

    seen = {name: (one["runs"], one["expiresAt"], one["measuredAt"]) for name, one in world.known.items()}
    assert seen == {
        "well": (1, START, START),
        "failed": (1, START + FAILED_HOURS * HOUR, START),
        "going": (1, None, START),
        "never-mounted": (0, START + UNUSED_HOURS * HOUR, START),
    }
    assert {name: one["bytes"] for name, one in world.known.items()} == {
        "well": 1002,
        "failed": 1002,
        "going": 1000,
        "never-mounted": 0,
    }


def test_storage_that_somebody_extends_meanwhile_is_put_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.provision("one", 0)
    world.run("one", code=0)

    def changed(_: object) -> None:
        raise OSError("its record was changed meanwhile")

    with monkeypatch.context() as patch:
        patch.setattr(world, "save", changed)
        assert not world.sweep()
    assert world.told[-1] == "cannot delete one: its record was changed meanwhile"
    assert world.left() == {"one"}
    assert (world.root / "one/nextflow/runs/one/work/big.bam").exists()


class TestGoes:
    def test_what_no_run_used_after_a_day_at_least(self, world: World) -> None:
        world.provision("one", 0).mkdir()
        world.now += UNUSED_HOURS * HOUR - 1
        world.sweep()
        assert world.left() == {"one"}
        world.now += 1
        world.sweep()
        assert world.left() == set()

    def test_what_a_run_was_to_use_that_never_began(self, world: World) -> None:
        world.provision("one", 0)
        world.run("one", "first", code=0)
        world.now += HOUR
        world.use("one")
        world.now += UNUSED_HOURS * HOUR
        world.sweep()
        assert world.left() == set()
        assert f"has not begun for {UNUSED_HOURS} hours" in "".join(world.told)

    def test_what_was_told_to_expire_as_soon_as_no_run_is_going(self, world: World) -> None:
        world.provision("one", 8760)
        world.run("one")
        world.known["one"]["state"] = "expired"
        world.sweep()
        assert world.left() == {"one"}
        world.run("one", code=0)
        world.sweep()
        assert world.left() == set()

    @pytest.mark.parametrize(("marker", "goes"), [("outputs.json", True), ("error.json", False)])
    def test_what_miniwdl_marked_as_succeeded(self, tmp_path: Path, marker: str, goes: bool) -> None:
        world = World(tmp_path, MINIWDL)
        world.provision("one", 0)
        world.run("one", code=0, marker=marker)
        (world.root / "one/miniwdl_run/_CACHE").mkdir()
        world.sweep()
        assert (world.left() == set()) is goes

    def test_nothing_outside_of_it_through_links(self, world: World) -> None:
        elsewhere = world.root.parent / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "precious").write_text("x")
        world.provision("one", 0)
        (world.run("one", code=0) / "work/link").symlink_to(elsewhere)
        world.sweep()
        assert (elsewhere / "precious").exists()
        assert world.left() == set()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    volumes=st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.tuples(st.sampled_from([0, 24]), st.sampled_from([None, 0, 1]), st.sampled_from([0, 30, 300])),
        min_size=1,
    ),
    stop=st.integers(0, 15),
)
def test_a_pass_stopped_at_any_step_is_completed_by_the_next(
    volumes: Mapping[str, tuple[int, int | None, int]], stop: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("storage"))
    ended = START
    for name, (hours, code, ago) in volumes.items():
        world.provision(name, hours)
        world.now = ended - ago * HOUR
        world.use(name)
        world.run(name, code=code)
    world.now = ended
    world.steps_left = stop
    with pytest.MonkeyPatch.context() as patch:
        for holder, name in ((expire.Path, "rename"), (expire.shutil, "rmtree")):
            patch.setattr(holder, name, stepping(world, getattr(holder, name)))
        with contextlib.suppress(Stopped):
            world.sweep()
    world.steps_left = 10**9
    assert world.sweep()
    stay = {
        name
        for name, (hours, code, ago) in volumes.items()
        if code is None or ago < (hours or (FAILED_HOURS if code else 0))
    }
    assert world.left() == stay
    assert all((world.root / name / "nextflow/runs/one/work/big.bam").exists() for name in stay)


def stepping(world: World, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        world.step()
        done = real(*arguments, **options)
        world.step()
        return done

    return call
