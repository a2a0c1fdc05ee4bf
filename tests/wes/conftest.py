"""A context with a service, deployed on a local cloud."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_runs import deployed, needs_sandbox
from wes_runs import PROJECT

from workflow_stacks.local import LocalCloud


@pytest.fixture(scope="session")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    needs_sandbox()
    file = tmp_path_factory.mktemp("served") / "agc-project.yaml"
    file.write_text(PROJECT)
    from workflow_stacks.local.runs.host import equip_local_context

    with deployed(LocalCloud.of_project(file), file):
        equip_local_context(file, "wdl")
        yield file
