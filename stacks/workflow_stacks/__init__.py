"""The application: a project file becomes CDK stacks.

The names below are imported when first used, so that `workflow-context validate` does not start Node.js.
"""

from typing import TYPE_CHECKING

from workflow_context.lazy import lazy

if TYPE_CHECKING:
    from .app import build_app
    from .context import ContextStack
    from .core import CoreStack
    from .define import ProjectStacks, define_stacks
    from .errors import WorkflowContextError
    from .project import Context, Project, validate_project
    from .wes.endpoint import WesEndpoint

_MODULES = {
    "Context": ".project",
    "ContextStack": ".context",
    "CoreStack": ".core",
    "Project": ".project",
    "ProjectStacks": ".define",
    "WesEndpoint": ".wes.endpoint",
    "WorkflowContextError": ".errors",
    "build_app": ".app",
    "define_stacks": ".define",
    "validate_project": ".project",
}

__all__ = [
    "Context",
    "ContextStack",
    "CoreStack",
    "Project",
    "ProjectStacks",
    "WesEndpoint",
    "WorkflowContextError",
    "build_app",
    "define_stacks",
    "validate_project",
]


__getattr__, __dir__ = lazy(__name__, _MODULES)
