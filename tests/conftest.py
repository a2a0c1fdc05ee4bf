"""What tests share. A process of the CDK costs seconds: templates are synthesized once in a session."""

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from templates import ACCOUNT, PROJECTS, REGION, ZONES, Templates, bare

from workflow_context.node import prefer_wheel_node
from workflow_stacks.local.sandboxes import CHOICE
from workflow_stacks.local.sandboxes.bubblewrap import Bubblewrap
from workflow_stacks.local.sandboxes.unshare import Unshare

# What these assert is told in full, as what tests assert.
pytest.register_assert_rewrite("local_runs", "rights")
prefer_wheel_node()
# A job in the background begins without Ctrl-C, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Images would be fetched, and bring other programs than those that the tests know.
for sandbox in (Bubblewrap(), Unshare()):
    if sandbox.works():
        os.environ.setdefault(CHOICE, sandbox.name)
os.environ.pop("CDK_DEFAULT_ACCOUNT", None)
os.environ.pop("CDK_DEFAULT_REGION", None)
# What the CDK itself finds in templates is asked by test_security_review.py, of every variant and example: elsewhere,
# its rules would take ten seconds of each process that synthesizes.
os.environ["CDK_VALIDATION"] = "false"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that deploy come first: they take minutes, and would keep one worker busy when all others are done."""
    slow = {item.path for item in items if item.get_closest_marker("cycle")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores: most of the time, those that run workflows wait for them."""
    return (os.cpu_count() or 1) + 2


Once = Callable[[str, Callable[[], Templates]], Templates]


@pytest.fixture(scope="session")
def projects() -> Path:
    return PROJECTS


@pytest.fixture(scope="session")
def synthesize() -> Callable[..., Templates]:
    """Synthesize a project file: stack name to template. Under an account when `zones` are wanted."""

    def run(project_file: Path, *, zones: bool = False, context: Mapping[str, Any] | None = None) -> Templates:
        import aws_cdk as cdk

        from workflow_stacks import build_app

        env = cdk.Environment(account=ACCOUNT, region=REGION) if zones else None
        app = build_app(project_file, context={**(context or {}), **(ZONES if zones else {})}, env=env)
        return {stack.stack_name: stack.template for stack in app.synth().stacks}

    return run


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Templates that one worker synthesizes, and the others read."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, synthesized: Callable[[], Templates]) -> Templates:
        file = folder / f"{name}.json"
        with FileLock(file.with_suffix(".lock")):
            if not file.exists():
                file.write_text(json.dumps(dict(synthesized())))
        found: Templates = json.loads(file.read_text())
        return found

    return once


@pytest.fixture(scope="session")
def variants(once: Once, synthesize: Callable[..., Templates]) -> Templates:
    """Every variant of a context there is, under the feature flags of cdk.json."""
    in_zones = once("one-zone", lambda: synthesize(PROJECTS / "one-zone.yaml", zones=True))
    return {
        **once("variants", lambda: synthesize(PROJECTS / "variants.yaml", context={"natGateways": "1"})),
        **{f"{name}-in-account": template for name, template in in_zones.items()},
    }


@pytest.fixture(scope="session")
def bare_variants(once: Once) -> Templates:
    """The same, without any feature flag: in a bare `cdk.App()`."""
    return once("bare-variants", lambda: bare(PROJECTS / "variants.yaml"))


@pytest.fixture(scope="session")
def storages(once: Once, synthesize: Callable[..., Templates]) -> Templates:
    """The contexts of storages.yaml, and their core stack, under the feature flags of cdk.json."""
    return once("storages", lambda: synthesize(PROJECTS / "storages.yaml"))


@pytest.fixture(scope="session")
def bare_storages(once: Once) -> Templates:
    """The same, without any feature flag."""
    return once("bare-storages", lambda: bare(PROJECTS / "storages.yaml"))


@pytest.fixture(scope="session")
def engine_templates(once: Once, synthesize: Callable[..., Templates]) -> Templates:
    """The contexts of engines.yaml: name of the context to template."""
    templates = once("engines", lambda: synthesize(PROJECTS / "engines.yaml"))
    return {name.removeprefix("Engines-"): template for name, template in templates.items()}


@pytest.fixture
def project_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a project file with one context `one`, given what stands in it."""

    def write(context: str) -> Path:
        file = tmp_path / "agc-project.yaml"
        file.write_text(f"name: P\nschemaVersion: 1\ncontexts:\n  one: {context}\n")
        return file

    return write
