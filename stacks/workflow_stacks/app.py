"""build_app: from a project file to a CDK app with its stacks."""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from .define import define_stacks
from .errors import WorkflowContextError
from .security_packs import security_packs
from .settings import Settings


def build_app(
    project_file: str | Path | None = None,
    *,
    contexts: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    env: cdk.Environment | None = None,
    outdir: str | None = None,
    warn: bool = True,
) -> cdk.App:
    """Define the stacks of a project: `<project>-core`, and `<project>-<context>` for each context.

    What is not given here is read from the CDK context (`cdk deploy -c key=value`): `project`, `context` (names,
    comma-separated), `user` (a namespace: `<project>-<user>-<context>`, and its own prefix in the bucket), `vpcId`,
    `subnetIds` (comma-separated), `natGateways` (0 to 3), `bucket` (the name of one that exists),
    `bucketRemovalPolicy` (`retain` or `destroy`, of a new one),
    `terminationProtection` (of the core stack: `true` or `false`), `permissionsBoundaryArn` and `rolePath` (of every
    role), `allowDataLoss` (names of contexts whose file system this deployment may give up), and `nag` (rule packs of
    cdk-nag that the app is held against when it is synthesized: `AwsSolutions`, `HIPAA`, `NIST`, `PCI`). The core stack
    depends on these keys and on the name of the project, and on nothing else: it is the same whichever contexts and
    user are chosen.

    Args:
        project_file: The project file. Default: the `project` of the CDK context, else `agc-project.yaml` in the
            working directory.
        contexts: Names of the contexts to define. Default: the `context` of the CDK context, else all.
        context: More CDK context. It adds to the feature flags that this package pins; `cdk.json` and `-c` prevail.
        env: Account and region. Default: what the CDK CLI says they are, and any when it does not.
        outdir: Where the app is synthesized to. Default: as the CDK CLI says, else a temporary folder.
        warn: Whether what `workflow-context validate` warns of becomes warnings of the CDK.

    Raises:
        WorkflowContextError: The project file is wrong, names are asked for that it does not have, or a rule pack is
            not there.
    """
    app = cdk.App(context={**_feature_flags(), **(context or {})}, outdir=outdir)
    settings = Settings(app)
    settings.refuse_misspelt_keys()
    packs = security_packs(settings.names("nag"))
    if packs:
        cdk.Validations.of(app).add_plugins(*packs.values())
    define_stacks(app, project_file, contexts=contexts, env=env, warn=warn)
    return app


_FINDINGS = "ValidationFailed"
"""The name of the error with which CDK ends a synthesis that has findings."""


def main() -> None:
    """Synthesize the project that the CDK context names: the `app` of `cdk.json`."""
    try:
        build_app().synth()
    except WorkflowContextError as error:
        sys.exit(str(error))
    except RuntimeError as error:
        if _FINDINGS not in str(error):
            raise
        sys.exit(1)  # CDK has printed them


def _feature_flags() -> dict[str, Any]:
    flags: dict[str, Any] = json.loads(files(__package__).joinpath("cdk.json").read_text(encoding="utf-8"))["context"]
    return flags


if __name__ == "__main__":
    main()
