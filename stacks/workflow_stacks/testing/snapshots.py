"""Snapshots of templates that people can read, and that stay the same while nothing changes.

What differs between machines, or between releases of aws-cdk-lib, without a change to what is deployed is
left out: the metadata of the CDK, the check of the bootstrap version, and the hashes of assets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from syrupy.extensions.json import JSONSnapshotExtension

_ASSET = re.compile(r"\b[0-9a-f]{64}\b")
_PATH = "aws:cdk:path"


def readable(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template without what does not say what is deployed.

    Args:
        template: A synthesized template, such as `synth` or `Template.to_json` give.
    """
    found: dict[str, Any] = json.loads(_ASSET.sub("<asset>", json.dumps(template)))
    resources = {
        name: _without_paths(resource)
        for name, resource in found.get("Resources", {}).items()
        if resource.get("Type") != "AWS::CDK::Metadata"
    }
    parameters = {name: value for name, value in found.get("Parameters", {}).items() if name != "BootstrapVersion"}
    rules = {name: value for name, value in found.get("Rules", {}).items() if name != "CheckBootstrapVersion"}
    conditions = {name: value for name, value in found.get("Conditions", {}).items() if name != "CDKMetadataAvailable"}
    plain = {**found, "Resources": resources, "Parameters": parameters, "Rules": rules, "Conditions": conditions}
    return {name: value for name, value in plain.items() if value}


def _without_paths(resource: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in resource.get("Metadata", {}).items() if not name.startswith("aws:")}
    return {
        **{name: value for name, value in resource.items() if name != "Metadata"},
        **({"Metadata": metadata} if metadata else {}),
    }


class TemplateSnapshotExtension(JSONSnapshotExtension):
    """A syrupy extension: one JSON file for each template, without what `readable` leaves out.

    Name the snapshot after the stack, `snapshot(name=stack_name, extension_class=TemplateSnapshotExtension)`, and read
    the difference before you accept it with `pytest --snapshot-update`.
    """

    def serialize(self, data: Any, **settings: Any) -> Any:
        """Return the text of a snapshot."""
        return super().serialize(readable(data) if isinstance(data, Mapping) else data, **settings)
