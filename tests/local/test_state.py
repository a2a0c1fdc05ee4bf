"""ROB-5, ROB-17, ROB-18: logs in files, state saved when it changed, and a server that stays able to answer."""

import json
import os
import resource
import time
from pathlib import Path

import pytest

from workflow_stacks.local import LocalCloud, LocalCloudError
from workflow_stacks.local.cloud.log_files import LogFile
from workflow_stacks.local.cloud.requests import only_reads
from workflow_stacks.local.cloud.state_files import DamagedStateError, check_files, write_file


def events(first, number):
    return [{"timestamp": at, "message": f"line {at}\n"} for at in range(first, first + number)]


def test_rob_5_a_log_file_is_a_sequence_of_events(tmp_path):
    log = LogFile(tmp_path / "a" / "log")
    assert not log
    log.extend(events(0, 3))
    log.extend(events(3, 2))

    for same in (log, LogFile(log.path)):
        assert list(same) == events(0, 5)
        assert (same[0], same[-1], same[1:3]) == (events(0, 1)[0], events(4, 1)[0], events(1, 2))
        assert len(same) == 5
        with pytest.raises(IndexError):
            same[5]


def test_a_log_whose_last_line_was_torn_goes_on_after_the_one_before(tmp_path):
    log = LogFile(tmp_path / "log")
    log.extend(events(0, 2))
    with log.path.open("ab") as file:
        file.write(b'{"timestamp": 2, "mess')

    again = LogFile(log.path)
    again.extend(events(2, 1))

    assert list(LogFile(log.path)) == events(0, 3)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "reads"),
    [
        ("GET", "/bucket/key", "", {}, b"", True),
        ("HEAD", "/bucket", "", {}, b"", True),
        ("PUT", "/bucket/key", "", {}, b"x", False),
        ("POST", "/v1/describejobs", "", {}, b"{}", True),
        ("POST", "/v1/submitjob", "", {}, b"{}", False),
        ("POST", "/", "", {b"x-amz-target": b"Logs_20140328.GetLogEvents"}, b"{}", True),
        ("POST", "/", "", {b"x-amz-target": b"Logs_20140328.PutLogEvents"}, b"{}", False),
        ("POST", "/", "", {}, b"Action=DescribeStacks&Version=2010-05-15", True),
        ("POST", "/", "", {}, b"Action=CreateStack&Version=2010-05-15", False),
        ("GET", "/", "Action=DeleteStack&StackName=a", {}, b"", False),
        ("POST", "/2015-02-01/file-systems", "", {}, b"{}", False),
    ],
)
def test_rob_5_what_only_reads_is_no_change(method, path, query, headers, body, reads):
    assert only_reads(method, path, query, headers, body) is reads


def test_rob_5_a_file_that_would_be_the_same_is_not_written(tmp_path):
    file = tmp_path / "s3.json"
    write_file(file, "{}")
    before = file.stat().st_ino

    write_file(file, "{}")
    assert file.stat().st_ino == before

    write_file(file, '{"a": 1}')
    assert file.read_text() == '{"a": 1}'
    assert [one.name for one in tmp_path.iterdir()] == ["s3.json"]


def test_rob_17_a_damaged_state_is_no_empty_state(tmp_path):
    (tmp_path / "ec2.json").write_text('{"payload": {}}')
    check_files(tmp_path)
    (tmp_path / "efs.json").write_text('{"payload": {"file_sys')

    with pytest.raises(DamagedStateError, match=r"efs\.json is not what was written there"):
        check_files(tmp_path)


def test_rob_17_a_server_does_not_begin_with_a_damaged_state_and_leaves_it_as_it_is(tmp_path):
    cloud = LocalCloud(tmp_path / "cloud")
    (cloud.state_dir / "aws").mkdir(parents=True)
    torn = cloud.state_dir / "aws" / "efs.json"
    torn.write_text('{"payload": {"file_sys')

    with pytest.raises(LocalCloudError, match=r"efs\.json is not what was written there"):
        cloud.start()
    assert torn.read_text() == '{"payload": {"file_sys'


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def memory_mib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def test_rob_5_a_talkative_job_takes_neither_memory_nor_answers(lab):
    """2.7 MB took 320 MiB and 176 MB of JSON, and answers of 15 s for ever."""
    pid = lab.cloud.server().pid
    before = memory_mib(pid)

    job = lab.run("seq 1 200000", definition=lab.new_definition(volumes=[], mountPoints=[]))

    saved = lab.cloud.state_dir / "aws" / "cloudwatch_logs.json"
    until(lambda: saved.exists() and job["container"]["logStreamName"] in saved.read_text())
    assert memory_mib(pid) - before < 60
    assert saved.stat().st_size < 5_000_000
    assert lab.log(job)[:2] == ["1", "2"]


def test_rob_5_logs_are_there_after_a_restart(tmp_path):
    from batch_fixture import Lab

    with LocalCloud(tmp_path / "cloud") as cloud:
        job = Lab(cloud).run("echo kept; echo too")
        stream = job["container"]["logStreamName"]
        cloud.stop()
        cloud.start()

        found = cloud.client("logs").get_log_events(
            logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True
        )["events"]
        assert [one["message"] for one in found] == ["kept", "too"]


def test_rob_5_asking_writes_nothing(lab):
    files = lab.cloud.state_dir / "aws"
    file = files / "s3.json"

    def saved(name):
        """Make a bucket, and wait until it is in a file: then all that came before is."""
        lab.cloud.client("s3").create_bucket(Bucket=name)
        until(lambda: file.exists() and name.encode() in file.read_bytes())

    def written():
        return {one.name: one.stat().st_mtime_ns for one in files.glob("*.json") if one != file}

    for name in ("settled-once", "settled-twice"):  # the second time, everything of the first is written
        saved(name)
    before = written()
    for _ in range(20):
        lab.batch.describe_job_queues()
        lab.cloud.client("efs").describe_file_systems()
    for name in ("asked-once", "asked-twice"):
        saved(name)

    assert before
    assert written() == before


def test_rob_18_the_server_may_have_as_many_connections_as_the_machine_allows(lab):
    lines = Path(f"/proc/{lab.cloud.server().pid}/limits").read_text().splitlines()
    [limits] = [line.split() for line in lines if line.startswith("Max open files")]

    assert int(limits[3]) == min(65536, int(limits[4]))


def test_rob_19_scratch_of_a_killed_server_is_gone_after_the_next_start(tmp_path):
    cloud = LocalCloud(tmp_path / "cloud")
    left = cloud.state_dir / "scratch" / "job-1" / "tmp"
    left.mkdir(parents=True)

    with cloud:
        assert not left.exists()
        assert json.loads((cloud.state_dir / "server.json").read_text())["pid"] != os.getpid()
