"""Starting, finding and stopping the local cloud."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from workflow_stacks.local import LocalCloud, LocalCloudError
from workflow_stacks.local.cloud import process


@pytest.fixture
def fresh(tmp_path):
    """A cloud of its own, not started."""
    cloud = LocalCloud(tmp_path / "cloud")
    yield cloud
    cloud.stop()


def buckets(cloud) -> list[str]:
    return [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]


def test_a_second_command_finds_the_server_of_the_first(cloud):
    second = LocalCloud(cloud.state_dir)

    assert second.status() == cloud.server()
    assert second.start() == cloud.server()


def test_a_cloud_that_was_never_started_says_how_to_start_it(fresh):
    assert fresh.status() is None
    assert fresh.stop() is False
    with pytest.raises(LocalCloudError, match="workflow-context local up"):
        fresh.client("s3")


def test_state_survives_stop_and_start_at_the_same_address(fresh):
    before = fresh.start()
    fresh.client("s3").create_bucket(Bucket="results")
    fresh.client("s3").put_object(Bucket="results", Key="a/b", Body=b"1")
    made = fresh.client("efs").create_file_system(ThroughputMode="elastic")["FileSystemId"]
    environment = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"]}
    fresh.client("batch").create_compute_environment(
        computeEnvironmentName="tasks", type="MANAGED", computeResources=environment
    )
    assert fresh.stop() is True

    after = fresh.start()

    assert after.port == before.port
    assert after.pid != before.pid
    assert fresh.client("s3").get_object(Bucket="results", Key="a/b")["Body"].read() == b"1"
    [file_system] = fresh.client("efs").describe_file_systems()["FileSystems"]
    assert (file_system["FileSystemId"], file_system["ThroughputMode"]) == (made, "elastic")
    [found] = fresh.client("batch").describe_compute_environments()["computeEnvironments"]
    assert found["computeResources"] == environment


def test_a_killed_server_is_replaced_and_what_it_saved_is_there(fresh):
    killed = fresh.start()
    fresh.client("s3").create_bucket(Bucket="kept")
    saved = fresh.state_dir / "aws" / "s3.json"
    _until(lambda: saved.exists() and b"kept" in saved.read_bytes())
    os.kill(killed.pid, signal.SIGKILL)
    _until(lambda: fresh.status() is None)

    assert fresh.start().pid != killed.pid
    assert buckets(fresh) == ["kept"]


def test_rob_5_a_server_that_does_not_answer_is_said_to_be_busy_and_is_not_ended(fresh, monkeypatch):
    monkeypatch.setattr(process, "ANSWER_SECONDS", 0.5)
    hanging = fresh.start()
    os.kill(hanging.pid, signal.SIGSTOP)

    for call in (fresh.status, fresh.start, fresh.server):
        with pytest.raises(LocalCloudError, match=rf"\(process {hanging.pid}\), and did not answer within 0.5 s"):
            call()
    os.kill(hanging.pid, signal.SIGCONT)

    assert fresh.start() == hanging


def test_a_server_that_hangs_can_be_stopped(fresh):
    hanging = fresh.start()
    os.kill(hanging.pid, signal.SIGSTOP)

    assert fresh.stop() is True
    assert fresh.start().pid != hanging.pid


@pytest.mark.parametrize("text", ["[]", '"x"', "null", '{"pid": 1, "port": 99999}', '{"pid": -1, "port": true}', "{"])
def test_rob_12_a_record_that_is_damaged_is_no_record(fresh, text):
    fresh.state_dir.mkdir()
    (fresh.state_dir / "server.json").write_text(text)

    assert fresh.status() is None
    assert fresh.start().port != 99999


def test_rob_12_a_server_whose_record_is_damaged_can_be_stopped_and_nobody_else_is(fresh):
    server = fresh.start()
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (fresh.state_dir / "server.json").write_text(json.dumps({"pid": innocent.pid, "port": server.port}))

        assert fresh.stop() is True
        assert innocent.poll() is None
        assert fresh.status() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_rob_4_the_state_is_closed_to_other_users(fresh):
    fresh.start()

    assert stat.S_IMODE(fresh.state_dir.stat().st_mode) == 0o700


def test_rob_11_a_state_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path):
    (tmp_path / "taken").write_text("")

    with pytest.raises(LocalCloudError, match=r"cannot keep its state in .*taken/local: "):
        LocalCloud(tmp_path / "taken" / "local").start()


def test_the_process_id_of_somebody_else_is_left_alone(fresh):
    fresh.state_dir.mkdir()
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (fresh.state_dir / "server.json").write_text(json.dumps({"pid": innocent.pid, "port": 9}))

        assert fresh.status() is None
        assert fresh.stop() is False
        fresh.start()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_two_clouds_side_by_side_do_not_collide(cloud, fresh):
    fresh.start()
    fresh.client("s3").create_bucket(Bucket="second")

    assert fresh.server().port != cloud.server().port
    assert buckets(fresh) == ["second"]
    assert "second" not in buckets(cloud)


def test_two_starts_at_once_give_one_server(fresh):
    script = "import sys; from pathlib import Path; from workflow_stacks.local import LocalCloud\n"
    script += "print(LocalCloud(Path(sys.argv[1])).start().pid)"
    command = [sys.executable, "-c", script, str(fresh.state_dir)]
    starts = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    assert len({start.communicate()[0] for start in starts}) == 1


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(LocalCloudError, match=f"Port {port} is in use"):
            LocalCloud(tmp_path, port=port).start()


def test_a_running_cloud_does_not_change_its_port(cloud):
    with pytest.raises(LocalCloudError, match="already runs on port"):
        LocalCloud(cloud.state_dir, port=1).start()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads what listens from Linux's /proc")
def test_it_listens_on_loopback_only(cloud):
    sockets = set()
    for descriptor in Path(f"/proc/{cloud.server().pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            sockets.add(str(descriptor.readlink()))
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]

    assert listening == [f"0100007F:{cloud.server().port:04X}"]


def test_the_environment_hides_the_accounts_and_proxies_of_the_caller(cloud, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_EFS", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "the caller's")

    environment = cloud.environment()

    assert "the caller's" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == f"http://localhost:{cloud.server().port}"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("AKIA")
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_clients_ignore_the_settings_of_the_caller(cloud, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    identity = LocalCloud(cloud.state_dir).client("sts").get_caller_identity()

    assert identity["Account"] == "000000000000"


def test_a_server_that_cannot_start_shows_the_end_of_its_log(fresh):
    fresh.state_dir.mkdir()
    (fresh.state_dir / "server.json").symlink_to("/nowhere/server.json")

    with pytest.raises(LocalCloudError, match="FileNotFoundError"):
        fresh.start()


def test_delete_leaves_no_file(fresh):
    fresh.start()

    fresh.delete()

    assert not fresh.state_dir.exists()


def _until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
