"""Shared queues are taken away from a deployed project: first from its contexts, then from the core stack."""

import json
from pathlib import Path
from typing import Any

import pytest
from direct_stacks import DirectStacks, UpdateRefusedError
from local_runs import synthesized
from templates import Template

from workflow_stacks.local import LocalCloud

pytestmark = pytest.mark.cycle

LARGE = {"maxVCpus": 16, "machines": {"large": {"instanceTypes": ["r6i.4xlarge"]}}}
ENGINES = [{"type": "nextflow", "engine": "nextflow", "filesystem": {"fsType": "EFS"}}]


class World:
    """A project on a local cloud, whose stacks are updated one by one, as `cdk deploy --exclusively` does."""

    def __init__(self, folder: Path, cloud: LocalCloud) -> None:
        self._file, self._cloud = folder / "agc-project.yaml", cloud
        self.stacks = DirectStacks(cloud)

    def synthesized(self, queues: dict[str, Any] | None) -> Path:
        """What comes of the project with these shared queues; without any, its context has its own."""
        context = {"useSharedQueues": queues is not None, "engines": ENGINES}
        project: dict[str, Any] = {"name": "Shared", "schemaVersion": 1, "contexts": {"nf": context}}
        if queues is not None:
            project["sharedQueues"] = queues
        self._file.write_text(json.dumps(project))
        return synthesized(self._cloud, self._file)

    def templates(self, queues: dict[str, Any] | None) -> dict[str, Template]:
        folder = self.synthesized(queues)
        return {
            name: json.loads((folder / f"{name}.template.json").read_text()) for name in ("Shared-core", "Shared-nf")
        }


def test_what_a_context_uses_cannot_go_before_the_context_was_deployed_without_it(tmp_path: Path) -> None:
    with LocalCloud(tmp_path / "cloud") as cloud:
        world = World(tmp_path, cloud)
        world.stacks.deploy(world.synthesized(LARGE))
        for queues in ({"maxVCpus": 16}, None):
            edited = world.templates(queues)
            with pytest.raises(UpdateRefusedError, match=r"Export .* cannot be deleted as it is in use by Shared-nf"):
                world.stacks.update("Shared-core", edited["Shared-core"])
            world.stacks.update("Shared-nf", edited["Shared-nf"])
            world.stacks.update("Shared-core", edited["Shared-core"])
