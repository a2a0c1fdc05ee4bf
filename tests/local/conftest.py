"""One running local cloud for the session, and the sample app synthesized in each of its variants."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from workflow_stacks.local import CdkCli, LocalCloud
from workflow_stacks.local.cloud.cdk_cli import find_node
from workflow_stacks.local.sandboxes.bubblewrap import Bubblewrap
from workflow_stacks.local.sandboxes.unshare import Unshare

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
NUMBERS = count(1)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assemblies")
    environment = os.environ | {"JSII_NODE": str(find_node())}
    subprocess.run([sys.executable, HERE / "sample_app.py", folder], check=True, env=environment)
    return folder


@pytest.fixture(scope="session")
def cdk(cloud, assemblies):
    """The CDK CLI on a variant of the sample app: `cdk("elastic").deploy()`."""

    def on(variant: str, cloud: LocalCloud = cloud) -> CdkCli:
        return CdkCli(cloud, app=[str(assemblies / variant)], search=[REPOSITORY])

    on("bursting").bootstrap()
    return on


class Stacks:
    """Deploys templates without the CDK, and waits."""

    def __init__(self, client) -> None:
        self.client = client

    def create(self, name: str, resources: dict, outputs: dict | None = None) -> str:
        self.client.create_stack(StackName=name, TemplateBody=_template(resources, outputs))
        return self._settled(name)

    def update(self, name: str, resources: dict, outputs: dict | None = None) -> str:
        self.client.update_stack(StackName=name, TemplateBody=_template(resources, outputs))
        return self._settled(name)

    def delete(self, name: str) -> str:
        identifier = self.client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.client.delete_stack(StackName=name)
        return self._settled(identifier)

    def id(self, name: str, logical_id: str) -> str:
        answer = self.client.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return answer["StackResourceDetail"]["PhysicalResourceId"]

    def reasons(self, name: str) -> str:
        events = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def _settled(self, name: str) -> str:
        import time

        for _ in range(200):
            status = self.client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.02)
        raise AssertionError(f"{name} does not settle: {status}")


def _template(resources: dict, outputs: dict | None) -> str:
    import json

    shown = {name: {"Value": value} for name, value in (outputs or {}).items()}
    return json.dumps({"Resources": resources, **({"Outputs": shown} if shown else {})})


@pytest.fixture(scope="session")
def stacks(cloud):
    return Stacks(cloud.client("cloudformation"))


@pytest.fixture
def name(stacks):
    """The name of a stack, which is deleted afterwards when it is there."""
    name = f"types-{next(NUMBERS)}"
    yield name
    if name in [stack["StackName"] for stack in stacks.client.describe_stacks()["Stacks"]]:
        assert stacks.delete(name) == "DELETE_COMPLETE"


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Queues and a job definition for scripts; skips where this machine cannot run jobs."""
    from batch_fixture import Lab
    from local_runs import needs_sandbox

    needs_sandbox()
    # A cloud of its own: other tests count what theirs holds.
    with LocalCloud(tmp_path_factory.mktemp("lab")) as cloud:
        yield Lab(cloud)


@pytest.fixture(params=[Bubblewrap(), Unshare()], ids=lambda kind: kind.name)
def kind(request):
    """Each kind of sandbox; skips one that does not work on this machine."""
    if not request.param.works():
        pytest.skip(f"{request.param.name} does not work on this machine")
    return request.param
