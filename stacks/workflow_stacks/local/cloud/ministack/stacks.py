"""CloudFormation: resources are checked and replaced by their schemas, and what is imported stays as it is."""

from collections.abc import Iterator
from typing import Any

from ministack.services import cloudformation, ec2
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from workflow_stacks.local.cloud import refusals, schemas

from .handlers import Created, Properties

_provision_resource, _update_resource = provisioners._provision_resource, provisioners._update_resource
_replacing_change, _property_recreation = provisioners._replacing_change, provisioners._property_recreation
_resolve_stack_outputs = stacks._resolve_stack_outputs
_evaluate_conditions = engine._evaluate_conditions


def install() -> None:
    """Have CloudFormation check and replace by the schemas of resources."""
    for module in (provisioners, stacks):
        module._provision_resource = _provision
        module._update_resource = _update
        module._replacing_change = _replaces
        module._property_recreation = _recreation
    stacks._resolve_stack_outputs = _outputs
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = _conditions


def resources() -> list[Properties]:
    """The resources of the stacks that stand."""
    return [
        resource
        for stack in cloudformation._stacks.values()
        if not stack["StackStatus"].startswith("DELETE_COMPLETE")
        for resource in stack.get("_resources", {}).values()
    ]


def deploying() -> bool:
    """Whether a stack is being made, changed or deleted."""
    return any(
        stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in cloudformation._stacks._data.values()
    )


def _check(type_name: str, logical_id: str, properties: Properties) -> None:
    """What is refused before anything is made."""
    schemas.check(type_name, logical_id, properties)
    if type_name in ("AWS::EC2::LaunchTemplate", "AWS::EC2::Instance"):
        refusals.check_user_data(properties)


def _provision(type_name: str, logical_id: str, properties: Properties, stack: str) -> Created:
    _check(type_name, logical_id, properties)
    if type_name == "AWS::EC2::Subnet":
        refusals.check_cidr(properties, ec2._vpcs.get(properties.get("VpcId", "")), ec2._subnets.values())
    made: Created = _provision_resource(type_name, logical_id, properties, stack)
    return made


def _update(
    type_name: str,
    physical_id: str,
    old: Properties,
    new: Properties,
    stack: str,
    logical_id: str | None = None,
    attributes: Properties | None = None,
) -> Created:
    if old != new:
        _check(type_name, logical_id or physical_id, new)
    updated: Created = _update_resource(type_name, physical_id, old, new, stack, logical_id, attributes)
    return updated


def _replaces(type_name: str, old: Properties, new: Properties) -> bool:
    by_schema = schemas.replaces(type_name, old, new)
    return bool(_replacing_change(type_name, old, new)) if by_schema is None else by_schema


def _recreation(type_name: str, name: str) -> str:
    return schemas.recreation(type_name, name) or str(_property_recreation(type_name, name))


def _outputs(*arguments: Any) -> tuple[list[Properties], dict[str, Properties]]:
    """What another stack imports keeps its value, as long as that stack stands."""
    found, exports = _resolve_stack_outputs(*arguments)
    stack_id = arguments[-1]
    for name, was in [*cloudformation._exports.items()]:
        changed = exports.get(name, {}).get("Value") != was["Value"]
        if was["StackId"] == stack_id and changed and (users := [*_importers(name)]):
            verb = "updated" if name in exports else "deleted"
            raise ValueError(f"Export {name} cannot be {verb} as it is in use by {' and '.join(users)}")
    return found, exports


def _importers(export: str) -> Iterator[str]:
    for name, stack in cloudformation._stacks.items():
        stands = not stack["StackStatus"].startswith(("DELETE", "ROLLBACK_COMPLETE"))
        if stands and export in handlers._imported_export_names(stack, name):
            yield name


def _conditions(template: Properties, parameters: Properties) -> dict[str, bool]:
    """Conditions may join lists, as those of the CDK's bootstrap stack do; ministack's know no Fn::Join."""

    def joined(value: Any) -> Any:
        if isinstance(value, list):
            return [joined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "Fn::Join" in value:
            return engine._resolve_refs(value, {}, parameters, {}, template.get("Mappings", {}), "", "")
        return {key: joined(one) for key, one in value.items()}

    found: dict[str, bool] = _evaluate_conditions(
        {**template, "Conditions": joined(template.get("Conditions", {}))}, parameters
    )
    return found
