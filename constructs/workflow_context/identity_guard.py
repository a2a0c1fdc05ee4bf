"""CloudFormation refuses an update that would give up the file system of a context, before it changes anything."""

import hashlib
import json

import aws_cdk as cdk
from constructs import Construct

from .storage.base import WorkflowFileSystem

PARAMETER = "FileSystemIdentity"
_TAG = "workflow-context:file-system"


class FileSystemGuard(Construct):
    """Refuses updates of a stack that replace its file system, remove it, or lock jobs out of it.

    The template has a parameter whose default is the identity of the file system, and a rule that demands this very
    value. When a stack is updated, the CDK and CloudFormation keep the value that a parameter had. So the value is the
    identity of what is deployed, and a template with another one is refused as a whole, with the reason: no account and
    no look-up is needed to make the template. Deleting the stack is not an update.

    To go ahead, update once with a template without this construct: the next one records the new identity.

    Args:
        scope: The stack; one guard for each.
        id: Its name there.
        storage: The file system.
        remedy: What to do to go ahead, for the message: a sentence.

    Security considerations:
        Who deploys can give the parameter another value, or tell the CDK to forget the previous ones
        (`--no-previous-parameters`): the guard is against accidents. Parameters can be read by whoever may describe
        the stack; this one holds a name and a hash.

    Cost:
        None.
    """

    def __init__(self, scope: Construct, id: str, *, storage: WorkflowFileSystem, remedy: str) -> None:
        super().__init__(scope, id)
        self.identity = _identity(storage)
        parameter = cdk.CfnParameter(
            self,
            PARAMETER,
            default=self.identity,
            description="The file system that is deployed. Leave it as it is: it keeps updates from giving it up.",
        )
        parameter.override_logical_id(PARAMETER)
        # CloudFormation does not deploy a template in which only parameters and rules are new: a tag is a change too.
        deployed = parameter.value_as_string
        cdk.Tags.of(storage).add(_TAG, deployed)
        rule = cdk.CfnRule(
            self,
            "Rule",
            assertions=[
                cdk.CfnRuleAssertion(
                    assert_=cdk.Fn.condition_equals(deployed, self.identity),
                    assert_description=(
                        "This update would replace or remove the file system that is deployed, or lock jobs out of "
                        f"its data. Nothing was changed. {remedy}"
                    ),
                )
            ],
        )
        rule.override_logical_id("FileSystemStays")


def _identity(storage: WorkflowFileSystem) -> str:
    """A name for people and a hash: the same as long as it is the same file system."""
    parts = cdk.Stack.of(storage).resolve(dict(storage.identity()))
    if not parts:
        return "none"
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return f"{type(storage).__name__.strip('_')} {digest}"
