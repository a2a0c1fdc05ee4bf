"""Helpers for the test suites of those who use this package: `pip install 'cdk-workflow-context[testing]'`.

```python
import json
from pathlib import Path

from workflow_stacks.testing import TemplateSnapshotExtension, assert_no_data_loss, assert_private, synth

def test_the_templates_are_as_reviewed(snapshot):
    for name, template in synth("agc-project.yaml").items():
        assert template == snapshot(name=name, extension_class=TemplateSnapshotExtension)

def test_nothing_is_reachable_from_the_internet():
    assert_private(synth("agc-project.yaml"))

def test_an_update_of_what_is_deployed_keeps_the_data():
    assert_no_data_loss(json.loads(Path("deployed.json").read_text()), synth("agc-project.yaml"))
```
"""

from typing import TYPE_CHECKING

from workflow_context.lazy import lazy

if TYPE_CHECKING:
    from .data import assert_no_data_loss
    from .privacy import assert_private
    from .snapshots import TemplateSnapshotExtension, readable
    from .synthesis import synth

_MODULES = {
    "TemplateSnapshotExtension": ".snapshots",
    "assert_no_data_loss": ".data",
    "assert_private": ".privacy",
    "readable": ".snapshots",
    "synth": ".synthesis",
}

__all__ = ["TemplateSnapshotExtension", "assert_no_data_loss", "assert_private", "readable", "synth"]


__getattr__, __dir__ = lazy(__name__, _MODULES)
