"""A plugin of Snakemake that head jobs bring along, because no image has it."""

from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_PLUGIN = "snakemake-executor-plugin-cluster-generic"


@cache
def bundled_plugin() -> dict[str, str]:
    """The module and the licence of the installed plugin: path in the program to text.

    It is not imported here: its own imports take a second.

    Raises:
        ValueError: It is not installed.
    """
    module = _PLUGIN.replace("-", "_")
    try:
        found = distribution(_PLUGIN)
    except PackageNotFoundError as error:
        message = f"Snakemake on a shared file system needs {_PLUGIN}: pip install 'cdk-workflow-context[snakemake]'"
        raise ValueError(message) from error
    code, licence = (
        Path(str(found.locate_file(name))).read_text(encoding="utf-8")
        for name in (f"{module}/__init__.py", f"{module}-{found.version}.dist-info/LICENSE")
    )
    return {f"plugins/{module}/__init__.py": code, f"plugins/{module}/LICENSE": licence}
