"""One job definition for each image: made once from that of the context's tasks, and found again by its name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .batch_api import BatchApi, BatchError, Record
from .journal import lock
from .settings import TAG, Settings

_KEPT = ("platformCapabilities", "retryStrategy", "timeout")


def definition_for(api: BatchApi, settings: Settings, image: str, *, anew: bool = False) -> str:
    """The ARN of the job definition for an image; that of the context's tasks for none.

    Args:
        api: AWS Batch.
        settings: The context.
        image: The image; empty for that of the context.
        anew: What is remembered is not true any more.
    """
    if not image:
        return settings.template
    key = hashlib.sha256(f"{settings.template}\n{image}".encode()).hexdigest()[:20]
    folder = settings.state / "definitions"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / key
    if not anew and (arn := _read(note)):
        return arn
    with lock(note.with_suffix(".lock")):
        if not anew and (arn := _read(note)):
            return arn
        arn = _find(api, settings, _name(settings, key)) or _register(api, settings, image, key)
        note.write_text(arn, encoding="utf-8")
    return arn


def remove_definitions(api: BatchApi, settings: Settings) -> int:
    """Deregister what was registered for images; jobs that were submitted are not touched. Returns how many."""
    removed = 0
    for note in sorted((settings.state / "definitions").glob("*")):
        arn = _read(note)
        if arn:
            note.unlink()
            api.call("DeregisterJobDefinition", {"jobDefinition": arn})
            removed += 1
    return removed


def _read(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _name(settings: Settings, key: str) -> str:
    return f"{settings.names or f'{settings.context}-fe'}-{key}"


def _find(api: BatchApi, settings: Settings, name: str) -> str:
    found = api.call("DescribeJobDefinitions", {"jobDefinitionName": name, "status": "ACTIVE"})["jobDefinitions"]
    # Names can be taken by whoever may register job definitions; the tag of a context by its head jobs only.
    found = [one for one in found if one.get("tags", {}).get(TAG) == settings.context]
    return max(found, key=lambda one: int(one["revision"]))["jobDefinitionArn"] if found else ""


def _register(api: BatchApi, settings: Settings, image: str, key: str) -> str:
    found: list[Record] = api.call("DescribeJobDefinitions", {"jobDefinitions": [settings.template]})["jobDefinitions"]
    if not found:
        raise BatchError("ClientException", f"{settings.template} is not there")
    [template] = found
    # Through text: no list of the template may be changed.
    container = json.loads(json.dumps(template["containerProperties"]))
    made = api.call(
        "RegisterJobDefinition",
        {
            "jobDefinitionName": _name(settings, key),
            "type": "container",
            "containerProperties": {**container, "image": image},
            **{name: template[name] for name in _KEPT if template.get(name)},
            "propagateTags": True,
            "tags": {TAG: settings.context},
        },
    )
    return str(made["jobDefinitionArn"])
