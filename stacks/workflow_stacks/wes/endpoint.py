"""The service for one deployed context, with no machine: a function of AWS Lambda with a URL."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_kms as kms, aws_lambda as lambda_, aws_logs as logs
from constructs import Construct

from workflow_context.catalog import ENGINES, EngineEntry
from workflow_context.context import WorkflowContext
from workflow_context.engines.base import WorkflowEngine
from workflow_context.functions import new_function
from workflow_context.nag import acknowledge_policies
from workflow_context.run_rights import grant

from .function import VARIABLE
from .package import HANDLER, write_package

_NOT_NEEDED = ("ClientConfiguration",)
"""Outputs of a context that the function does not read; an environment holds 4 KB."""


class WesEndpoint(Construct):
    """GA4GH WES 1.1 for one context: a function of AWS Lambda behind a URL that asks for IAM authentication.

    ```python
    endpoint = WesEndpoint(self, "Wes", context=context)
    endpoint.grant_invoke(my_role)
    cdk.CfnOutput(self, "WesUrl", value=endpoint.url)
    ```

    Runs started by it are the same as those of `workflow-context run`: each command of either sees those of the other.
    It does not check WDL before it submits a head job, since miniwdl is no part of it: the head job says what is wrong.
    A request holds 6 MB at most, attachments included
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); larger files belong in S3.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.
        name: The name of the context for callers and in the records of runs. Default: the id of the context.
        project: The name of the project there. Default: the name of the stack.
        user: The `user` of the deployment. Default: none.
        language: The language of its workflows. Default: the first that its engine runs.
        log_retention: How long its log is kept. Default: a month.
        encryption_key: Key for its log and its environment. Default: AWS's own keys.

    Attributes:
        function: The function.
        url: The address of the function, with a final slash; the service is at `ga4gh/wes/v1` below it.

    Raises:
        ValueError: The engine is none of the catalog, does not run the language, or cannot be started by this package.

    Security considerations:
        The URL is reachable from the internet and answers nobody but those that IAM lets call it, with a signature
        (SigV4): within the account, roles with `grant_invoke` alone. Whoever may call it may run workflows with the
        roles of the context, and see and end every run of it; callers are not told apart. The function may do with runs
        what `WorkflowContext.grant_submit` allows; it uploads no file of its own that a caller names.

    Cost:
        Nothing while nobody calls it; a million calls of a second each about 7 USD (us-east-1, 512 MB, Arm).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        context: WorkflowContext,
        name: str | None = None,
        project: str | None = None,
        user: str = "",
        language: str | None = None,
        log_retention: logs.RetentionDays | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        entry = _entry_of(context.engine)
        if language is not None and language not in entry.languages:
            message = f"language must be one that {entry.name} runs ({', '.join(entry.languages)}), got {language!r}"
            raise ValueError(message)
        told = {
            "project": project or stack.stack_name,
            "name": name or context.node.id,
            "user": user,
            "engine": entry.name,
            "language": language or entry.languages[0],
            "version": version("cdk-workflow-context"),
            "outputs": _read_outputs(context),
        }
        with TemporaryDirectory() as folder:  # the CDK copies it at once
            write_package(Path(folder))
            self.function = new_function(
                self,
                "Function",
                code=lambda_.Code.from_asset(folder),
                description="GA4GH WES 1.1 for a workflow context",
                timeout=cdk.Duration.minutes(3),  # a run is cancelled in two at most
                environment={VARIABLE: stack.to_json_string(told)},
                log_retention=log_retention or logs.RetentionDays.ONE_MONTH,
                log_encryption_key=encryption_key,
                after_failure="It is called and waited for; a failed call is told to the caller, so no queue keeps it.",
                handler=HANDLER,
                architecture=lambda_.Architecture.ARM_64,
                memory_size=512,
                environment_encryption=encryption_key,
            )
        grant(self.function, context.run_rights.of_runs())
        self.url = self.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM).url
        self._acknowledge()

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody to call the service.

        Args:
            grantee: Who may: a role of users, another service.
        """
        return self.function.grant_invoke_url(grantee)

    def outputs(self) -> dict[str, str]:
        """What a user wants to know once it is deployed: name to value, for stack outputs."""
        return {"WesUrl": self.url}

    def _acknowledge(self) -> None:
        acknowledge_policies(
            self,
            {
                "batch:": "AWS Batch has no resource for the jobs of one queue, nor for what only describes.",
                "s3:": "The place of the context in its bucket, and no more.",
                "kms:": "The actions that the CDK grants with a key for reading and writing.",
                "logs:": "The streams of the log group of head jobs.",
            },
        )


def _entry_of(engine: WorkflowEngine) -> EngineEntry:
    """The engine in the catalog."""
    from workflow_stacks.runs.engines import ENGINES as RUN_ENGINES

    classes = [f"{one.__module__}:{one.__qualname__}" for one in type(engine).__mro__]
    found = next((entry for entry in ENGINES.values() if entry.implementation in classes), None)
    if found is None or found.name not in RUN_ENGINES:
        message = f"workflows of {type(engine).__name__} cannot be started; those of {', '.join(RUN_ENGINES)} can"
        raise ValueError(message)
    return found


def _read_outputs(context: WorkflowContext) -> Mapping[str, str]:
    return {key: value for key, value in context.outputs().items() if key not in _NOT_NEEDED}
