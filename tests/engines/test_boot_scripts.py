"""What instances run at boot for engines, and for scratch, in a sandbox folder with fake commands on the PATH.

This shows what the scripts ask of the machine and how they end; that Amazon Linux grants it, only a machine can show.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from workflow_context.scripts import read_script

Run = Callable[..., subprocess.CompletedProcess[str]]

DNF = """#!/bin/sh
echo "dnf $*" >>"$CALLS"
[ -n "${DNF_FAILS:-}" ] && [ "$(grep -c ^dnf "$CALLS")" -le "$DNF_FAILS" ] && exit 1
for argument; do case $argument in --installroot=*) tree=${argument#*=} ;; esac; done
[ -n "${tree:-}" ] || exit 0
mkdir -p "$tree/usr/lib64" "$tree/usr/bin"
printf '#!/bin/sh\\necho "loader $*"\\nexit ${AWS_FAILS:-0}\\n' >"$tree/usr/lib64/ld-linux-x86-64.so.2"
chmod 755 "$tree/usr/lib64/ld-linux-x86-64.so.2"
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """The file to which fake commands write how they were called."""
    file = tmp_path / "calls"
    file.touch()
    return file


@pytest.fixture
def run(tmp_path: Path, calls: Path) -> Run:
    """Run a script, with commands that record their arguments; more of them by name and text."""

    def start(
        script: str, commands: Mapping[str, str] | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        recorded = ("systemctl", "shutdown", "sleep", "mkfs.xfs", "mount", "mdadm", "chown")
        texts = {
            **{name: f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n' for name in recorded},
            "dnf": DNF,
            "rpm": "#!/bin/sh\nprintf 2023.9.20261101\n",
            **(commands or {}),
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        certificates = tmp_path / "machine/etc/pki/tls/certs"
        certificates.mkdir(parents=True, exist_ok=True)
        (certificates / "ca-bundle.crt").write_text("certificates")
        return subprocess.run(
            ["bash", "-c", script],
            env={
                "PATH": f"{folder}:{os.environ['PATH']}",
                "CALLS": str(calls),
                "ROOT": str(tmp_path / "machine"),
                **variables,
            },
            capture_output=True,
            text=True,
        )

    return start


class TestAwsCli:
    @pytest.fixture
    def command(self, tmp_path: Path) -> Path:
        return tmp_path / "opt/cli/bin/aws"

    @pytest.fixture
    def script(self, tmp_path: Path, command: Path) -> str:
        return read_script("aws_cli.sh", {"AWS_CLI_HOME": str(tmp_path / "opt/cli"), "AWS_CLI": str(command)})

    def test_is_installed_from_the_repository_of_the_machines_own_release(
        self, run: Run, script: str, calls: Path, tmp_path: Path
    ) -> None:
        done = run(script)
        assert done.returncode == 0, done.stderr
        [installed] = [line for line in calls.read_text().splitlines() if line.startswith("dnf")]
        assert f"--installroot={tmp_path}/opt/cli/root --releasever=2023.9.20261101" in installed
        assert installed.endswith("awscli-2 glibc-minimal-langpack")

    def test_runs_by_its_own_loader_whatever_the_container_is(
        self, run: Run, script: str, command: Path, tmp_path: Path
    ) -> None:
        run(script)
        root = tmp_path / "opt/cli/root"
        done = subprocess.run([command, "s3", "cp", "a b", "-"], env={}, capture_output=True, text=True, check=True)
        assert done.stdout.split(maxsplit=1)[1].strip() == (
            f"--library-path {root}/usr/lib64 {root}/usr/bin/python3 -I {root}/usr/bin/aws s3 cp a b -"
        )

    def test_brings_the_certificates_that_an_image_may_lack(self, run: Run, script: str, command: Path) -> None:
        run(script)
        bundle = command.parents[1] / "ca-bundle.pem"
        assert bundle.read_text() == "certificates"
        assert f'AWS_CA_BUNDLE="${{AWS_CA_BUNDLE:-{bundle}}}"' in command.read_text()

    def test_the_agent_waits_for_it_at_every_boot(self, run: Run, script: str, command: Path, tmp_path: Path) -> None:
        run(script)
        guard = tmp_path / "machine/etc/systemd/system/ecs.service.d/workflow-aws-cli.conf"
        assert f"ExecStartPre=/usr/bin/test -x {command}\n" in guard.read_text()

    def test_a_slow_network_is_tried_again(self, run: Run, script: str, command: Path, calls: Path) -> None:
        done = run(script, DNF_FAILS="2")
        assert done.returncode == 0
        assert "attempt 2 of 10 to install failed" in done.stderr
        assert [line for line in calls.read_text().splitlines() if line.startswith("sleep")] == ["sleep 2", "sleep 4"]
        assert command.exists()

    def test_a_second_boot_installs_nothing(self, run: Run, script: str, calls: Path) -> None:
        run(script)
        calls.write_text("")
        done = run(script)
        assert "is there already" in done.stderr
        assert "dnf" not in calls.read_text()

    @pytest.mark.parametrize(
        ("variables", "said"),
        [
            pytest.param({"DNF_FAILS": "9", "INSTALL_ATTEMPTS": "3"}, "could not be installed", id="repository"),
            pytest.param({"AWS_FAILS": "1"}, "does not run", id="broken"),
        ],
    )
    def test_a_machine_without_it_takes_no_jobs_and_says_why(
        self, run: Run, script: str, command: Path, calls: Path, variables: dict[str, str], said: str
    ) -> None:
        done = run(script, **variables)
        assert done.returncode == 1
        assert said in done.stderr
        assert "systemctl mask --runtime ecs.service" in calls.read_text()
        assert "shutdown -h +1" in calls.read_text()
        assert not command.exists()


class TestInstanceStore:
    SCRIPT = read_script("instance_store.sh")
    NOT_MOUNTED = "#!/bin/sh\nexit 1\n"

    def disks(self, *names: str) -> dict[str, str]:
        lines = "".join(f"echo '/dev/{name} Amazon EC2 NVMe Instance Storage'\n" for name in names)
        return {
            "lsblk": f"#!/bin/sh\necho '/dev/nvme0n1 Amazon Elastic Block Store'\n{lines}",
            "mountpoint": self.NOT_MOUNTED,
        }

    def test_a_machine_without_it_stays_as_it_is(self, run: Run, calls: Path) -> None:
        done = run(self.SCRIPT, self.disks())
        assert done.returncode == 0
        assert calls.read_text() == ""

    def test_one_device_holds_images_and_containers(self, run: Run, calls: Path, tmp_path: Path) -> None:
        done = run(self.SCRIPT, self.disks("nvme1n1"))
        assert done.returncode == 0, done.stderr
        machine = tmp_path / "machine"
        assert calls.read_text().splitlines() == [
            "mkfs.xfs -f -L scratch /dev/nvme1n1",
            "systemctl stop docker.socket docker.service",
            f"mount {machine}/scratch",
            f"mount {machine}/var/lib/docker",
            "systemctl start docker.service",
        ]

    def test_several_devices_become_one(self, run: Run, calls: Path) -> None:
        run(self.SCRIPT, self.disks("nvme1n1", "nvme2n1"))
        joined, formatted, *_ = calls.read_text().splitlines()
        assert joined.endswith("--level=0 --raid-devices=2 /dev/nvme1n1 /dev/nvme2n1")
        assert formatted == "mkfs.xfs -f -L scratch /dev/md/scratch"

    def test_a_reboot_mounts_it_again_and_a_lost_device_does_not_stop_the_machine(
        self, run: Run, tmp_path: Path
    ) -> None:
        run(self.SCRIPT, self.disks("nvme1n1"))
        table = (tmp_path / "machine/etc/fstab").read_text().splitlines()
        assert [line.split()[:2] for line in table] == [
            ["LABEL=scratch", "/scratch"],
            ["/scratch/docker", "/var/lib/docker"],
        ]
        assert all("nofail" in line for line in table)

    def test_nothing_is_formatted_twice(self, run: Run, calls: Path) -> None:
        run(self.SCRIPT, {**self.disks("nvme1n1"), "mountpoint": "#!/bin/sh\nexit 0\n"})
        assert calls.read_text() == ""
