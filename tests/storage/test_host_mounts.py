"""What an instance does at boot to mount the file system: its scripts, run in a folder with stand-ins for the system.

The stand-ins answer as the commands do; that the vendor's clients mount a real file system is not shown here.
"""

import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from workflow_context.scripts import host_mount_script

SECRETS = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
LICENSE, PASSPHRASE = "the-licence-text", "the-passphrase-text"

KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "EFS": (
        "mount_efs.sh",
        {
            "MOUNT_PATH": "/mnt/efs",
            "FILE_SYSTEM_ID": "fs-1",
            "ACCESS_POINT_ID": "fsap-1",
            "MOUNT_TARGET_IPS": "10.0.0.5 10.0.1.5",
        },
    ),
    "OFS": (
        "mount_objectivefs.sh",
        {
            "MOUNT_PATH": "/mnt/objectivefs",
            "BUCKET": "the-bucket",
            "REGION": "us-east-1",
            "PACKAGE_URI": "s3://software/objectivefs-7.2-1.{arch}.rpm",
            "LICENSE_SECRET": f"{SECRETS}license-AbCdEf",
            "PASSPHRASE_SECRET": f"{SECRETS}passphrase-AbCdEf",
            "CACHE_SIZE": "1024M",
        },
    ),
    "S3Files": (
        "mount_s3_files.sh",
        {"MOUNT_PATH": "/mnt/s3files", "FILE_SYSTEM_ID": "fs-1", "ACCESS_POINT_ID": "fsap-1"},
    ),
    "FSxLustre": (
        "mount_fsx_lustre.sh",
        {
            "MOUNT_PATH": "/mnt/fsx",
            "DNS_NAME": "fs-1.fsx.us-east-1.amazonaws.com",
            "MOUNT_NAME": "abcdef",
        },
    ),
}

COMMANDS = {
    "mount": """
        tries=$(($(cat "$STATE/tries" 2>/dev/null || echo 0) + 1)); echo $tries >"$STATE/tries"
        if [ "$tries" -le "${FAILING_MOUNTS:-0}" ]; then echo "Failed to resolve the name" >&2; exit 32; fi
        touch "$STATE/mounted" """,
    "mountpoint": '[ -e "$STATE/mounted" ]',
    "mount.objectivefs": """
        if [ -e "$STATE/made" ]; then echo "filesystem already exists" >&2; exit 1; fi
        touch "$STATE/made" """,
    "aws": """
        case "$1 $2" in
            "s3 cp") touch "$5" ;;
            "secretsmanager get-secret-value") cat "$STATE/secrets/$(basename "${6##*:}")" ;;
            *) exit 2 ;;
        esac""",
    "dnf": "",
    "systemctl": "",
    "shutdown": "",
    "sleep": "",
}


@dataclass(frozen=True)
class Machine:
    """An instance that boots: its file tree, and what was called on it."""

    root: Path

    def boot(self, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
        script, settings = KINDS[kind]
        state = self.root / "state"
        return subprocess.run(
            ["bash", "-c", host_mount_script(script, settings)],
            env={
                "PATH": f"{self.root}/bin:{os.environ['PATH']}",
                "ROOT": str(self.root),
                "STATE": str(state),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def calls(self) -> list[str]:
        log = self.root / "state/calls"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def ecs_guard(self) -> str:
        return (self.root / "etc/systemd/system/ecs.service.d/workflow-mount.conf").read_text()

    @property
    def console(self) -> str:
        return (self.root / "dev/console").read_text()

    @property
    def file_system_table(self) -> list[str]:
        return (self.root / "etc/fstab").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for folder in ("bin", "dev", "etc", "state/secrets"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dev/console").touch()
    (tmp_path / "state/secrets/license-AbCdEf").write_text(LICENSE)
    (tmp_path / "state/secrets/passphrase-AbCdEf").write_text(PASSPHRASE)
    for name, body in COMMANDS.items():
        command = tmp_path / "bin" / name
        command.write_text(f'#!/bin/bash\necho "{name} $*" >>"$STATE/calls"\n{body}\n')
        command.chmod(0o755)
    return Machine(tmp_path)


each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
class TestEveryKind:
    def test_it_is_mounted_at_the_first_try(self, machine: Machine, kind: str) -> None:
        run = machine.boot(kind)
        assert run.returncode == 0, run.stderr
        target = f"{machine.root}{KINDS[kind][1]['MOUNT_PATH']}"
        assert f"mount {target}" in machine.calls
        assert not [call for call in machine.calls if call.startswith("sleep")]

    def test_the_ecs_agent_never_starts_without_the_mount(self, machine: Machine, kind: str) -> None:
        machine.boot(kind)
        target = f"{machine.root}{KINDS[kind][1]['MOUNT_PATH']}"
        assert machine.ecs_guard == f"[Service]\nExecStartPre=/usr/bin/mountpoint --quiet {target}\n"
        assert machine.calls[0] == "systemctl daemon-reload"  # before anything that may fail

    def test_the_ecs_agent_is_started_without_waiting_once_it_is_mounted(self, machine: Machine, kind: str) -> None:
        # An agent that waits for cloud-init while cloud-init waits for it would never start.
        machine.boot(kind)
        assert machine.calls[-1] == "systemctl enable --now --no-block ecs.service"

    def test_a_name_that_resolves_late_is_tried_again(self, machine: Machine, kind: str) -> None:
        run = machine.boot(kind, FAILING_MOUNTS="4", MOUNT_ATTEMPTS="6")
        assert run.returncode == 0, run.stderr
        assert "attempt 1 of 6 failed" in run.stderr
        assert "shutdown" not in " ".join(machine.calls)

    def test_pauses_between_tries_grow(self, machine: Machine, kind: str) -> None:
        machine.boot(kind, FAILING_MOUNTS="999")
        pauses = [int(call.split()[1]) for call in machine.calls if call.startswith("sleep")]
        assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60]

    def test_fails_when_it_never_mounts_and_the_machine_takes_no_jobs(self, machine: Machine, kind: str) -> None:
        run = machine.boot(kind, FAILING_MOUNTS="999", MOUNT_ATTEMPTS="3")
        assert run.returncode == 1
        assert "systemctl mask --runtime ecs.service" in machine.calls
        assert "systemctl enable --now --no-block ecs.service" not in machine.calls
        assert any(call.startswith("shutdown -h") for call in machine.calls)
        assert "takes no jobs" in machine.console  # what get-console-output shows when the machine is gone

    def test_a_second_boot_changes_nothing(self, machine: Machine, kind: str) -> None:
        machine.boot(kind)
        table, before = machine.file_system_table, len(machine.calls)
        run = machine.boot(kind)
        assert run.returncode == 0
        assert "mounted already" in run.stderr
        assert machine.file_system_table == table
        assert not [call for call in machine.calls[before:] if call.startswith(("mount ", "dnf", "aws"))]

    def test_a_boot_after_a_loss_of_the_mount_leaves_one_line_in_the_table(self, machine: Machine, kind: str) -> None:
        machine.boot(kind)
        (machine.root / "state/mounted").unlink()
        assert machine.boot(kind).returncode == 0
        assert len(machine.file_system_table) == 1

    def test_later_boots_mount_by_the_table_and_wait_for_the_network(self, machine: Machine, kind: str) -> None:
        machine.boot(kind)
        [line] = machine.file_system_table
        assert {"_netdev", "nofail"} <= set(line.split()[3].split(","))

    def test_shellcheck_has_nothing_to_say(self, kind: str) -> None:
        script, settings = KINDS[kind]
        run = subprocess.run(
            [Path(sys.executable).with_name("shellcheck"), "-s", "bash", "-"],
            input=host_mount_script(script, settings),
            capture_output=True,
            text=True,
        )
        assert run.stdout == ""

    def test_every_setting_is_used(self, kind: str) -> None:
        script, settings = KINDS[kind]
        body = host_mount_script(script, {})
        assert not [name for name in settings if f"${{{name}" not in body and f'"${name}"' not in body]


class TestEfs:
    def test_it_mounts_with_tls_the_access_point_and_the_instance_role(self, machine: Machine) -> None:
        machine.boot("EFS")
        [line] = machine.file_system_table
        device, _, type_, options, *_ = line.split()
        assert (device, type_) == ("fs-1:/", "efs")
        assert {"tls", "iam", "accesspoint=fsap-1", "noresvport"} <= set(options.split(","))

    def test_mount_targets_are_tried_by_address_where_the_name_does_not_resolve(self, machine: Machine) -> None:
        run = machine.boot("EFS", FAILING_MOUNTS="2", MOUNT_ATTEMPTS="1")
        assert run.returncode == 0
        addresses = [re.findall(r"mounttargetip=([0-9.]+)", call) for call in machine.calls if " -t efs " in call]
        assert addresses == [["10.0.0.5"], ["10.0.1.5"]]


class TestS3Files:
    def test_it_mounts_by_the_access_point(self, machine: Machine) -> None:
        machine.boot("S3Files")
        [line] = machine.file_system_table
        device, _, type_, options, *_ = line.split()
        assert (device, type_) == ("fs-1:/", "s3files")
        assert "accesspoint=fsap-1" in options.split(",")

    def test_the_client_is_of_version_3_at_least(self, machine: Machine) -> None:
        machine.boot("S3Files")
        assert "dnf install -y --releasever=latest amazon-efs-utils >= 3" in machine.calls

    def test_a_client_that_knows_s3_files_is_left_as_it_is(self, machine: Machine) -> None:
        (machine.root / "sbin").mkdir()
        client = machine.root / "sbin/mount.s3files"
        client.touch()
        client.chmod(0o755)
        machine.boot("S3Files")
        assert not [call for call in machine.calls if call.startswith("dnf")]


class TestFsxLustre:
    def test_it_mounts_with_locks_and_opens_the_root_to_every_container(self, machine: Machine) -> None:
        machine.boot("FSxLustre")
        [line] = machine.file_system_table
        device, _, type_, options, *_ = line.split()
        assert (device, type_) == ("fs-1.fsx.us-east-1.amazonaws.com@tcp:/abcdef", "lustre")
        assert "flock" in options.split(",")
        assert stat.S_IMODE((machine.root / "mnt/fsx").stat().st_mode) == 0o1777

    def test_the_client_is_installed_where_it_is_missing(self, machine: Machine) -> None:
        machine.boot("FSxLustre")
        assert "dnf install -y lustre-client" in machine.calls


class TestObjectiveFs:
    def settings(self, machine: Machine) -> Path:
        return machine.root / "etc/objectivefs.env"

    def test_licence_and_passphrase_come_from_the_secrets_into_files_of_root_only(self, machine: Machine) -> None:
        machine.boot("OFS")
        for name, value in {"OBJECTIVEFS_LICENSE": LICENSE, "OBJECTIVEFS_PASSPHRASE": PASSPHRASE}.items():
            file = self.settings(machine) / name
            assert file.read_text() == value
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(self.settings(machine).stat().st_mode) == 0o700

    def test_no_secret_is_shown(self, machine: Machine) -> None:
        run = machine.boot("OFS", FAILING_MOUNTS="1")
        shown = run.stdout + run.stderr + machine.console + "\n".join(machine.calls)
        assert LICENSE not in shown
        assert PASSPHRASE not in shown

    def test_credentials_are_those_of_the_instance_role(self, machine: Machine) -> None:
        machine.boot("OFS")
        assert (self.settings(machine) / "AWS_METADATA_HOST").read_text() == "169.254.169.254"
        assert not (self.settings(machine) / "AWS_SECRET_ACCESS_KEY").exists()

    def test_the_package_is_that_of_the_processor(self, machine: Machine) -> None:
        machine.boot("OFS")
        [fetched] = [call for call in machine.calls if call.startswith("aws s3 cp")]
        assert f"objectivefs-7.2-1.{os.uname().machine}.rpm" in fetched

    def test_the_cache_has_the_size_that_was_set(self, machine: Machine) -> None:
        machine.boot("OFS")
        assert (self.settings(machine) / "CACHESIZE").read_text() == "1024M"

    def test_a_file_system_that_exists_is_mounted_as_it_is(self, machine: Machine) -> None:
        (machine.root / "state/made").touch()
        assert machine.boot("OFS").returncode == 0

    def test_every_container_may_write(self, machine: Machine) -> None:
        machine.boot("OFS")
        assert stat.S_IMODE((machine.root / "mnt/objectivefs").stat().st_mode) == 0o1777

    @pytest.mark.parametrize("content", [None, "", "None"])
    def test_fails_when_a_secret_cannot_be_read_and_says_which(self, machine: Machine, content: str | None) -> None:
        secret = machine.root / "state/secrets/passphrase-AbCdEf"
        secret.unlink() if content is None else secret.write_text(content)
        run = machine.boot("OFS", MOUNT_ATTEMPTS="2")
        assert run.returncode == 1
        assert f"{SECRETS}passphrase-AbCdEf" in machine.console or f"{SECRETS}passphrase-AbCdEf" in run.stderr
        assert not [call for call in machine.calls if call.startswith("mount ")]
        assert "systemctl mask --runtime ecs.service" in machine.calls

    def test_fails_when_the_package_cannot_be_fetched(self, machine: Machine) -> None:
        aws = machine.root / "bin/aws"
        aws.write_text("#!/bin/bash\nexit 1\n")
        run = machine.boot("OFS", MOUNT_ATTEMPTS="2")
        assert run.returncode == 1
        assert "could not be made ready" in run.stderr


def test_settings_are_quoted_for_the_shell() -> None:
    script = host_mount_script("mount_efs.sh", {"MOUNT_PATH": "/mnt/a b'$(id)"})
    run = subprocess.run(
        ["bash", "-c", script.split("\nset -euo")[0] + '\nprintf %s "$MOUNT_PATH"'], capture_output=True, text=True
    )
    assert run.stdout == "/mnt/a b'$(id)"
