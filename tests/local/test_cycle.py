"""The real CDK CLI against the local cloud: deploy, diff, update, destroy. Knows nothing of the cloud's inside."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from remaining_resources import leftovers
from sample_app import SMALL_STACK, STACK

from workflow_stacks.local import CdkCli
from workflow_stacks.local.cloud.cdk_cli import CdkError
from workflow_stacks.local.cloud.resources import deployed_stacks, stack_resources

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.cycle


@pytest.fixture(scope="module", autouse=True)
def before(cloud):
    """What other tests keep in the cloud of the session."""
    return leftovers(cloud)


@pytest.fixture
def deployed(cloud, cdk):
    """The sample stack with bursting throughput, and what it is made of."""
    if STACK not in deployed_stacks(cloud.client):
        cdk("bursting").deploy()
    return stack_resources(cloud.client, STACK)


def test_resources_are_read_back_from_the_services(deployed):
    assert deployed["status"] == "CREATE_COMPLETE"
    assert [network["natGateways"] for network in deployed["vpcs"]] == [1]
    assert [bucket["encryption"] for bucket in deployed["buckets"]] == ["aws:kms"]
    assert {target["zone"] for target in deployed["mountTargets"]} == {"us-east-1a", "us-east-1b"}
    [access_point] = deployed["accessPoints"]
    assert access_point["rootDirectory"] == "/workflow"
    assert access_point["posixUser"] == {"Uid": 1000, "Gid": 1000}
    assert {environment["type"] for environment in deployed["computeEnvironments"]} == {"EC2", "SPOT", "FARGATE"}
    heads = next(queue for queue in deployed["jobQueues"] if queue["tags"])
    assert heads["tags"]["DefaultFsap"] == access_point["id"]
    assert [definition["mounts"] for definition in deployed["jobDefinitions"]] == [["/mnt/efs"]]


def test_a_failing_update_gives_its_reason_and_leaves_what_was_there(cloud, cdk, deployed):
    with pytest.raises(CdkError, match="Object does not exist: no-such-environment"):
        cdk("failing").deploy()

    now = stack_resources(cloud.client, STACK)
    assert now["status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {**now, "status": ""} == {**deployed, "status": ""}


@pytest.mark.usefixtures("deployed")
def test_the_cli_writes_only_to_the_state_folder_and_speaks_only_with_the_local_cloud(
    cloud, assemblies, tmp_path, monkeypatch
):
    working_directory, connections, hook = tmp_path / "work", tmp_path / "connections", tmp_path / "hook.cjs"
    working_directory.mkdir()
    monkeypatch.chdir(working_directory)
    hook.write_text(
        "const net = require('net'), fs = require('fs'), connect = net.Socket.prototype.connect;\n"
        "net.Socket.prototype.connect = function (...a) { const o = Array.isArray(a[0]) ? a[0][0] : a[0];\n"
        f"  fs.appendFileSync({json.dumps(str(connections))}, JSON.stringify([o.host, Number(o.port)]) + '\\n');\n"
        "  return connect.apply(this, a); };\n"
    )
    watched = {"NODE_OPTIONS": f"--require {hook}"}

    CdkCli(cloud, app=[str(assemblies / "bursting")], search=[REPOSITORY], environment=watched).diff()

    assert list(working_directory.iterdir()) == []
    spoken = {tuple(json.loads(line)) for line in connections.read_text().splitlines()}
    port = cloud.server().port
    assert spoken
    assert spoken <= {("localhost", port), ("127.0.0.1", port)}


def test_a_type_that_the_cloud_does_not_know_fails_the_deployment_by_name(cdk):
    with pytest.raises(CdkError, match=r"Unrecognized resource types: \[AWS::Nowhere::Thing\]"):
        cdk("unknown-type").deploy()


def test_a_deployment_that_failed_leaves_nothing_and_the_next_one_works(cloud, cdk):
    before = leftovers(cloud)

    with pytest.raises(CdkError, match="Object does not exist: no-such-environment"):
        cdk("small-failing").deploy()

    [stack] = cloud.client("cloudformation").describe_stacks(StackName=SMALL_STACK)["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert leftovers(cloud) == before
    cdk("small").deploy()
    assert stack_resources(cloud.client, SMALL_STACK)["status"] == "CREATE_COMPLETE"


def test_throughput_is_updated_in_place_and_destroy_leaves_nothing(cloud, cdk, deployed, before):
    assert cdk("bursting").diff()[0] is False, "nothing differs after a deployment"

    changed, difference = cdk("provisioned").diff()
    assert changed
    assert difference.count("[~] AWS::") == 1, "only the file system differs"
    for variant, mibps in (("provisioned", 1024), ("elastic", None)):
        cdk(variant).deploy()
        now = stack_resources(cloud.client, STACK)
        [file_system] = now["fileSystems"]
        assert file_system["id"] == deployed["fileSystems"][0]["id"], "the file system is not replaced"
        assert (file_system["throughputMode"], file_system["provisionedMibps"]) == (variant, mibps)
        assert {**now, "fileSystems": [], "status": ""} == {**deployed, "fileSystems": [], "status": ""}

    assert cdk("elastic").diff()[0] is False
    cdk("elastic").destroy()
    small = SMALL_STACK.lower()
    left = {
        kind: [name for name in names if name not in before.get(kind, []) and not name.startswith(small)]
        for kind, names in leftovers(cloud).items()
    }
    assert not {kind: names for kind, names in left.items() if names}


def _can_unshare() -> bool:
    return (
        bool(shutil.which("unshare") and shutil.which("ip"))
        and not subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True).returncode
    )


@pytest.mark.skipif(not _can_unshare(), reason="needs the right to make a network namespace")
def test_a_machine_without_network_can_deploy(assemblies, tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom workflow_stacks.local import CdkCli, LocalCloud\n"
        "with LocalCloud(Path(sys.argv[1])) as cloud:\n"
        "    cli = CdkCli(cloud, app=[sys.argv[2]], search=[Path(sys.argv[3])])\n"
        "    cli.bootstrap()\n    cli.deploy()\n"
    )
    command = f'ip link set lo up && exec "{sys.executable}" -c "$0" "$@"'
    arguments = [str(tmp_path / "state"), str(assemblies / "small"), str(REPOSITORY)]

    subprocess.run(["unshare", "--net", "sh", "-c", command, script, *arguments], check=True)
