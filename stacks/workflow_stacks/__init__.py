"""The application: a project file becomes CDK stacks.

The names below are imported when first used, so that `workflow-context validate` does not start Node.js.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import build_app
    from .context import ContextStack
    from .core import CoreStack
    from .errors import WorkflowContextError

_MODULES = {
    "ContextStack": ".context",
    "CoreStack": ".core",
    "WorkflowContextError": ".errors",
    "build_app": ".app",
}

__all__ = ["ContextStack", "CoreStack", "WorkflowContextError", "build_app"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_MODULES[name], __name__), name)
