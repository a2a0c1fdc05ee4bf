"""Helpers for the test suites of those who use this package: `pip install 'cdk-workflow-context[testing]'`.

```python
from workflow_stacks.testing import TemplateSnapshotExtension, assert_private, synth

def test_the_templates_are_as_reviewed(snapshot):
    for name, template in synth("agc-project.yaml").items():
        assert template == snapshot(name=name, extension_class=TemplateSnapshotExtension)

def test_nothing_is_reachable_from_the_internet():
    assert_private(synth("agc-project.yaml"))
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .privacy import assert_private
    from .snapshots import TemplateSnapshotExtension, readable
    from .synthesis import synth

_MODULES = {
    "TemplateSnapshotExtension": ".snapshots",
    "assert_private": ".privacy",
    "readable": ".snapshots",
    "synth": ".synthesis",
}

__all__ = ["TemplateSnapshotExtension", "assert_private", "readable", "synth"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
