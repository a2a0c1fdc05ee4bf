"""Whether an update of stacks keeps what they store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_stacks.plan.changes import Change, Effect
from workflow_stacks.plan.comparison import plan


def assert_no_data_loss(old: Mapping[str, Any], new: Mapping[str, Any], *, allow_detached: bool = True) -> None:
    """Assert that an update deletes no file system, bucket or secret.

    CloudFormation deletes such a resource when the new template lacks it and its `DeletionPolicy` is not `Retain`, or
    when a property changes that is set only at creation and its `UpdateReplacePolicy` is not `Retain`. This is the
    comparison of `workflow-context plan`. It covers `AWS::EFS::FileSystem`, `AWS::FSx::FileSystem`, `AWS::S3::Bucket`
    and `AWS::SecretsManager::Secret`. A stack that only `old` has is left out: a deployment deletes no stack.

    Args:
        old: The templates that are deployed, by stack name, as `synth` returns them, or a single template.
        new: The templates that would take their place, in the same form.
        allow_detached: Whether a retained resource may leave its stack. Its data is kept, but jobs no longer see it.
            Default: yes.

    Raises:
        AssertionError: Data would be lost; the message names each resource, and the properties that replace it.
        ValueError: No stack is in both, so that nothing would be compared.
    """
    before, after = _by_stack(old), _by_stack(new)
    if not before.keys() & after.keys():
        message = f"no stack is in both sets of templates: old has {_names(before)}, new has {_names(after)}"
        raise ValueError(message)
    refused = {Effect.DATA_DELETED, *([] if allow_detached else [Effect.DATA_DETACHED])}
    lost = [
        f"{stack.stack}/{change.logical_id} ({change.type}) {_why(change)}"
        for stack in plan(before, after)
        for change in stack.changes
        if change.effect in refused
    ]
    if lost:
        raise AssertionError("the update loses data:\n" + "\n".join(f"  {line}" for line in lost))


def _by_stack(templates: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Stack": templates} if "Resources" in templates else templates


def _names(templates: Mapping[str, Any]) -> str:
    return ", ".join(sorted(templates)) or "none"


def _why(change: Change) -> str:
    happens = f"is replaced, because of {', '.join(change.causes)}" if change.causes else "is removed"
    return f"{happens}: {change.effect.value}"
