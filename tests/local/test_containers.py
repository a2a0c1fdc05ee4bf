"""A container engine itself, where there is one that works: jobs of the local cloud run in their images."""

import io
import json
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_fixture import MOUNT, Lab

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.sandboxes import CHOICE
from workflow_stacks.local.sandboxes.containers import ContainerEngine

pytestmark = pytest.mark.cycle

IMAGE = "localhost/workflow-context-lab:1"
WITH_ENTRY_POINT = "localhost/workflow-context-lab-with-entry-point:1"
ENTRY_POINT = ["/bin/bash", "-c", 'echo "begins with $*"; exec "$@"', "entry"]
PROGRAMS = ("bash", "cat", "id", "ls", "sleep", "stat", "touch")
# For Podman where limits cannot be raised and control groups are of both versions at once, as in some machines of CI.
MODEST = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerEngine]:
    modest = tmp_path_factory.mktemp("containers") / "containers.conf"
    modest.write_text(MODEST)
    with pytest.MonkeyPatch.context() as patch:
        for settings in ({}, {"CONTAINERS_CONF": str(modest)}):
            for name in ("docker", "podman"):
                for variable, value in settings.items():
                    patch.setenv(variable, value)
                found = ContainerEngine(name)
                if found.works():
                    patch.setenv(CHOICE, name)
                    yield found
                    return
    pytest.skip("neither docker nor podman runs containers on this machine")


@pytest.fixture(scope="module")
def containers(engine: ContainerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose jobs ask for an image made here, as no registry need be in reach."""
    for name, change in {IMAGE: [], WITH_ENTRY_POINT: ["--change", f"ENTRYPOINT {json.dumps(ENTRY_POINT)}"]}.items():
        subprocess.run([engine.name, "import", *change, "-", name], input=image(), check=True, capture_output=True)
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        lab = Lab(cloud)
        lab.definition = lab.new_definition(image=IMAGE)
        yield lab
    subprocess.run([engine.name, "rmi", "--force", IMAGE, WITH_ENTRY_POINT], check=True, capture_output=True)


def image() -> bytes:
    """The file system of an image: some programs of this machine with the libraries they need, and a file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("made-for")
        entry.size = len(b"the lab\n")
        tar.addfile(entry, io.BytesIO(b"the lab\n"))
        programs = {f"bin/{name}": str(shutil.which(name)) for name in PROGRAMS}
        needed = re.findall(r"/\S+", subprocess.check_output(["ldd", *programs.values()], text=True))
        libraries = {name: name for name in needed if ".so" in name}
        for inside, outside in (programs | libraries).items():
            tar.add(Path(outside).resolve(), inside)
    return packed.getvalue()


def test_a_job_runs_in_its_image_and_sees_nothing_of_this_machine(containers: Lab) -> None:
    here = Path(__file__).parent

    job = containers.run(f"cat /made-for; [ -e {here} ] || [ -e /usr/bin/python3 ] || echo nothing else")

    assert containers.log(job) == ["the lab", "nothing else"]


def test_files_belong_to_the_user_of_the_access_point_and_stay(containers: Lab) -> None:
    containers.run(f"touch {MOUNT}/made")

    job = containers.run(f"stat -c '%u:%g' {MOUNT}/made; ls {MOUNT}")

    folder = containers.cloud.state_dir / "efs" / containers.file_system / "lab"
    owner = (folder / "made").stat()
    assert containers.log(job) == [f"{owner.st_uid}:{owner.st_gid}", "made"]
    assert owner.st_uid == folder.stat().st_uid


def test_read_only_means_read_only_in_a_container(containers: Lab) -> None:
    point = {"sourceVolume": "shared", "containerPath": MOUNT, "readOnly": True}

    job = containers.run(f"touch {MOUNT}/x", definition=containers.new_definition(image=IMAGE, mountPoints=[point]))

    assert job["status"] == "FAILED"
    assert "Read-only file system" in containers.log(job)[0]


def test_a_job_is_told_where_the_local_cloud_is(containers: Lab) -> None:
    job = containers.run(
        'echo "$AWS_ENDPOINT_URL $AWS_BATCH_JOB_ID"; exec 3<>"/dev/tcp/localhost/${AWS_ENDPOINT_URL##*:}" && echo open'
    )

    assert containers.log(job) == [f"{containers.cloud.server().endpoint} {job['jobId']}", "open"]


def test_the_exit_code_of_a_container_is_that_of_the_job(containers: Lab) -> None:
    assert containers.run("exit 42")["container"]["exitCode"] == 42


def test_the_entry_point_of_an_image_gets_the_command_as_on_aws(containers: Lab) -> None:
    definition = containers.new_definition(image=WITH_ENTRY_POINT, command=["cat", "/made-for"])

    assert containers.log(containers.run("", definition=definition)) == ["begins with cat /made-for", "the lab"]


def test_an_image_that_cannot_be_had_fails_the_job_and_says_so(containers: Lab) -> None:
    job = containers.run("true", definition=containers.new_definition(image="localhost/not-there:1"))

    assert job["status"] == "FAILED"
    assert "not-there" in "\n".join(containers.log(job))


@pytest.mark.parametrize("ended_by", ["timeout", "terminate"])
def test_a_container_that_is_ended_leaves_nothing_running(
    containers: Lab, engine: ContainerEngine, ended_by: str
) -> None:
    script = "trap 'echo cleaned; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    id_ = containers.submit(script, seconds=1 if ended_by == "timeout" else None)
    if ended_by == "terminate":
        job = containers.wait(id_, "RUNNING")
        while containers.log(job) != ["ready"]:
            job = containers.job(id_)
        containers.batch.terminate_job(jobId=id_, reason="enough")

    job = containers.wait(id_)

    assert job["status"] == "FAILED"
    assert containers.log(job) == ["ready", "cleaned"]
    left = [engine.name, "ps", "--all", "--quiet", "--filter", f"name={id_}"]
    deadline = time.monotonic() + 10  # the engine takes containers away when their jobs have ended
    while subprocess.check_output(left, text=True):
        assert time.monotonic() < deadline
        time.sleep(0.1)
