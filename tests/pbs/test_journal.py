"""The journal of a run, torn, written over and on a full disk: no job is lost with a line, or left running."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_calls import queue
from fake_batch import FakeBatch, NewSettings
from hypothesis import HealthCheck, given, settings as settings_of_hypothesis, strategies as st

from workflow_context.pbs.batch_api import BatchApi
from workflow_context.pbs.journal import Journal
from workflow_context.pbs.qdel import qdel
from workflow_context.pbs.qstat import qstat
from workflow_context.pbs.settings import Settings
from workflow_context.pbs.submission import flush

CORRUPTIONS: dict[str, Callable[[bytes], bytes]] = {
    "half a line": lambda text: text + b'{"what":"ta',
    "half a line and a whole one": lambda text: text + b'{"what":"ta\n{"what":"end","ids":[],"ok":true,"at":1}\n',
    "zeros at the end": lambda text: text + bytes(300),
    "zeros and a line": lambda text: text + bytes(300) + b"\n",
    "an empty line": lambda text: text + b"\n\n" + text,
    "no JSON": lambda text: b"garbage\n" + text,
    "no object": lambda text: b'5\n[]\nnull\n"text"\n' + text,
    "no kind": lambda text: b'{"id":"x"}\n' + text,
    "an unknown kind": lambda text: b'{"what":"added"}\n{"what":5}\n' + text,
    "an unknown job": lambda text: text + b'{"what":"end","ids":["x"],"ok":true,"at":1}\n{"what":"gone","name":"x"}\n',
    "other types": lambda text: (
        text + b'{"what":"sent","name":[],"queue":5,"ids":7,"at":"x"}\n{"what":"end","ids":5}\n'
    ),
    "no UTF-8": lambda text: text + b'\xff\xfe{"what":"\xff"}\n',
    "the first line is gone": lambda text: text.partition(b"\n")[2],
    "the last line is gone": lambda text: text.rstrip(b"\n").rpartition(b"\n")[0] + b"\n",
    "everything twice": lambda text: text + text,
}


def journal_file(settings: Settings) -> Path:
    return settings.state / "runs" / f"{settings.run}.jsonl"


def submit_some(folder: Path, api: BatchApi, settings: Settings) -> list[str]:
    """Four jobs: an array of two that are alike, one by itself, and one that waits."""
    (folder / "s.sh").write_text("echo\n")
    (folder / "other.sh").write_text("#PBS -l mem=8gb\necho\n")
    ids = [queue([name], folder, settings) for name in ("s.sh", "s.sh", "other.sh")]
    flush(Journal(settings.state, settings.run), api, settings)
    return [*ids, queue(["s.sh"], folder, settings)]


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_a_corrupted_journal_is_read_and_written_and_its_jobs_are_ended(
    corrupt: Callable[[bytes], bytes], api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path
) -> None:
    settings = new_settings()
    submit_some(tmp_path, api, settings)
    file = journal_file(settings)
    file.write_bytes(corrupt(file.read_bytes()))
    later = queue(["s.sh"], tmp_path, settings)
    flush(Journal(settings.state, settings.run), api, settings)
    assert f"Job Id: {later}\n" in qstat(["-f"], api, settings)
    assert len(batch.living()) in (4, 5)  # a task whose only line is gone was never submitted
    qdel(["--begin"], api, settings)
    assert not batch.living()


FRACTION = st.floats(0, 1, exclude_max=True)


@settings_of_hypothesis(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(where=st.tuples(FRACTION, FRACTION), length=st.integers(0, 40), instead=st.binary(max_size=40))
def test_whatever_becomes_of_one_line_no_job_is_left_running(
    where: tuple[float, float],
    length: int,
    instead: bytes,
    api: BatchApi,
    batch: FakeBatch,
    new_settings: NewSettings,
    tmp_path: Path,
) -> None:
    batch.jobs.clear()
    settings = new_settings(run=os.urandom(8).hex())
    submit_some(tmp_path, api, settings)
    file = journal_file(settings)
    lines = file.read_bytes().splitlines(keepends=True)
    number = int(where[0] * len(lines))
    start = int(where[1] * len(lines[number]))
    lines[number] = lines[number][:start] + instead + lines[number][start + length :]
    file.write_bytes(b"".join(lines))
    qstat(["-f"], api, settings)
    qdel(["--begin"], api, settings)
    assert not batch.living()


def test_a_line_that_a_full_disk_cut_is_not_there(new_settings: NewSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = new_settings()
    journal = Journal(settings.state, settings.run)
    journal.add({"what": "first"})
    write = os.write

    def full(file: int, content: bytes) -> int:
        if len(content) > 9:
            return write(file, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            journal.add({"what": "second", "text": "x" * 100})
    journal.add({"what": "third"})
    lines = journal_file(settings).read_text().split()
    assert [json.loads(line)["what"] for line in lines] == ["first", "third"]


def test_a_qsub_on_a_full_disk_fails_and_queues_nothing(
    api: BatchApi, batch: FakeBatch, new_settings: NewSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_settings()
    (tmp_path / "s.sh").write_text("echo\n")

    def full(_file: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            queue(["s.sh"], tmp_path, settings)
    queue(["s.sh"], tmp_path, settings)
    flush(Journal(settings.state, settings.run), api, settings)
    assert len(batch.jobs) == 1


def test_a_poll_of_the_future_is_none(new_settings: NewSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = new_settings()
    journal = Journal(settings.state, settings.run)
    journal.note_poll()
    assert journal.seconds_since_poll() < 5
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert journal.seconds_since_poll() == float("inf")


def test_a_turn_far_in_the_future_is_not_waited_for(
    submit: Callable[..., str], batch: FakeBatch, new_settings: NewSettings
) -> None:
    settings = new_settings()
    (settings.state / "turns").write_text("9e12")
    submit(settings)
    assert len(batch.jobs) == 1
