"""A pass that is stopped, or meets somebody who changes what it looks at, loses nothing; the next one completes it."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from expiry_world import START, Stopped, World, stepping
from hypothesis import HealthCheck, given, settings, strategies as st

from workflow_context.ended_runs import END_MARK
from workflow_context.volumes import expire
from workflow_context.volumes.ended import Rule
from workflow_context.volumes.expire import HOUR
from workflow_context.volumes.times import FAILED_HOURS


def test_a_volume_stays_that_a_run_begins_to_use_between_the_two_looks(
    world: World, monkeypatch: pytest.MonkeyPatch
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


def test_a_volume_stays_that_cannot_be_looked_at_while_the_others_go(
    world: World, monkeypatch: pytest.MonkeyPatch
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


def test_everything_stays_while_another_pass_is_at_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.provision("one", 0)
    world.run("one", code=0)

    def taken(*_: Any) -> None:
        raise BlockingIOError

    monkeypatch.setattr(expire.fcntl, "lockf", taken)
    assert world.sweep()
    assert world.left() == {"one"}


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
