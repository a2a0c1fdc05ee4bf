"""Shell that runs on the instances of a context, kept as files so that shellcheck reads it."""

import shlex
from collections.abc import Mapping
from importlib.resources import files

_SHEBANG = "#!/bin/bash\n"


def read_script(name: str, settings: Mapping[str, str] | None = None) -> str:
    """The text of a script of this package.

    Args:
        name: Its file name, such as `ecs_agent.sh`.
        settings: Environment variables that it finds set; no secrets, since user data can be read by whoever may
            describe the instance. Default: none.
    """
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return text if not settings else f"{_SHEBANG}{_exports(settings)}{text.removeprefix(_SHEBANG)}"


def install_script(name: str, path: str) -> str:
    """A script with which an instance puts another one of this package at a path, for anyone to run.

    Args:
        name: File name of the script that is put there.
        path: Where it is put.
    """
    command = f"install -D -m 755 /dev/stdin {shlex.quote(path)} <<'END-OF-SCRIPT'"
    return f"{_SHEBANG}{command}\n{read_script(name)}END-OF-SCRIPT\n"


def host_mount_script(name: str, settings: Mapping[str, str]) -> str:
    """The script with which an instance mounts a file system at boot: settings, common part, part of the kind.

    Args:
        name: The part of the kind, such as `mount_efs.sh`.
        settings: What it needs, as environment variables; no secrets, since user data can be read by whoever may
            describe the instance.
    """
    parts = (read_script(part).removeprefix(_SHEBANG) for part in ("host_mount.sh", name))
    return "\n".join((_SHEBANG + _exports(settings), *parts))


def _exports(settings: Mapping[str, str]) -> str:
    return "".join(f"export {variable}={shlex.quote(value)}\n" for variable, value in settings.items())
