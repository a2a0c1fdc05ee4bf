"""Storage of runs goes when its runs have ended and its time is over; nothing else goes."""

import json
from pathlib import Path

import pytest
from expiry_world import MINIWDL, START, World

from workflow_context.ended_runs import END_MARK
from workflow_context.volumes.expire import HOUR, Expiry
from workflow_context.volumes.times import FAILED_HOURS, UNUSED_HOURS


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
