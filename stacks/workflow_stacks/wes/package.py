"""What the function of `WesEndpoint` consists of: files of this installation, nothing that must be fetched or built.

AWS Lambda brings boto3 along. PyYAML is taken without its compiled part, which it does not need.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

HANDLER = "workflow_stacks.wes.function.handler"

_FILES: Mapping[str, tuple[str, ...]] = {
    "workflow_stacks": (
        "__init__.py",
        "errors.py",
        "stack_outputs.py",
        "runs/*.py",
        "runs/engines/*.py",
        *(f"wes/{name}.py" for name in ("__init__", "function", "languages", "model", "request", "service", "states")),
    ),
    "workflow_context": ("__init__.py", "lazy.py", "node.py", "pbs/*.py", "volumes/__init__.py", "volumes/times.py"),
    "yaml": ("*.py",),
    "typing_extensions": ("typing_extensions.py",),
}


def write_package(folder: Path) -> None:
    """Copy the files into a folder, from which AWS Lambda imports the handler.

    Args:
        folder: The folder. It must exist.
    """
    for name, source in sorted(packaged_files()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def packaged_files() -> Iterator[tuple[str, Path]]:
    """Each file: its path in the package, and where it is here."""
    for package, patterns in _FILES.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            message = f"the package {package} is not installed"
            raise ModuleNotFoundError(message, name=package)
        root = Path(spec.origin).parent
        inside = package if spec.submodule_search_locations else "."
        for pattern in patterns:
            for file in root.glob(pattern):
                yield str(Path(inside, file.relative_to(root))), file
