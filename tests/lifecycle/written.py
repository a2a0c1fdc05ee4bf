"""Ways to write one context of a project file, and the stacks that come of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import aws_cdk as cdk
from templates import Template

from workflow_stacks import ContextStack, CoreStack
from workflow_stacks.project import Project, parse_project
from workflow_stacks.project.shared_queues import SharedQueues

ACCOUNT, REGION = "000000000000", "us-east-1"  # those of the local cloud
ZONES = {f"availability-zones:account={ACCOUNT}:region={REGION}": ["us-east-1a", "us-east-1b", "us-east-1c"]}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
WDL, NF, SMK = "type: wdl, engine: miniwdl", "type: nextflow, engine: nextflow", "type: snakemake, engine: snakemake"
TOIL, CROMWELL = "type: wdl, engine: toil", "type: wdl, engine: cromwell"


@dataclass(frozen=True)
class Written:
    """What stands in a project file.

    Attributes:
        context: The context `one`.
        top: Further lines at the top of the file.
    """

    context: str
    top: str = ""

    @property
    def project(self) -> Project:
        text = f"name: Edits\nschemaVersion: 1\n{self.top}\ncontexts:\n  one: {self.context}\n"
        return parse_project(text.encode()).project


def context(engine: str = WDL, filesystem: str = "{fsType: EFS}", keys: str = "requestSpotInstances: true") -> Written:
    return Written(f"{{{keys}, engines: [{{{engine}, filesystem: {filesystem}}}]}}")


def on(kind: str, configuration: str = "", engine: str = WDL) -> Written:
    return context(engine, f"{{fsType: {kind}, configuration: {{{configuration}}}}}")


def efs(configuration: str) -> Written:
    return on("EFS", configuration)


def plus(keys: str) -> Written:
    return context(keys=f"requestSpotInstances: true, {keys}")


def large(keys: str) -> Written:
    return plus(f"machines: {{large: {{{keys}}}}}")


BASE = context()


@cache
def synthesize(written: Written, *, name: str = "one", may_lose: bool = False) -> dict[str, Template]:
    """Synthesize one way to write a context, once: the stacks `Edits-core` and `Edits-<name>`."""
    app = cdk.App(context=ZONES)
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    project = written.project
    # They are there for a context that is edited to use them: the core stack is deployed once.
    queues = project.shared_queues or SharedQueues()
    core = CoreStack(app, "Edits-core", kms_key_arn=project.kms_key_arn, shared_queues=queues, env=env)
    ContextStack(
        app,
        f"Edits-{name}",
        name=name,
        context=project.contexts["one"],
        data=project.data,
        network=core.network,
        outputs=core.location(project.bucket_prefix(name)),
        shared_queues=core.shared_queues,
        kms_key_arn=project.kms_key_arn,
        content_tags={**project.tags, **project.contexts["one"].tags},
        allow_data_loss=may_lose,
        env=env,
    )
    return {stack.stack_name: dict(stack.template) for stack in app.synth().stacks}
