"""The architecture of a context as boxes and arrows, from what was synthesized and nothing else.

- `templates`: CloudFormation templates of several stacks as one, with references followed from stack to stack
- `boxes`: the table of resource types: what each is in the picture
- `rights`: who may read, write and submit what, by IAM
- `jobs`: which jobs run where
- `architecture`: all of it together, as nodes and edges
- `drawing`: the picture, by matplotlib (the extra `plot`)
"""

from .architecture import Architecture, architecture_of
from .graph import Edge, Node

__all__ = ["Architecture", "Edge", "Node", "architecture_of"]
