"""Shell that runs on the instances of a context, kept as files so that shellcheck reads it."""

from importlib.resources import files


def read_script(name: str) -> str:
    """The text of a script of this package, such as `ecs_agent.sh`."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
