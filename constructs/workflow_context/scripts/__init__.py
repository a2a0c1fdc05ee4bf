"""Shell that runs on the instances of a context, kept as files so that shellcheck reads it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_SHEBANG = "#!/bin/bash\n"


def read_script(name: str, settings: Mapping[str, str] | None = None) -> str:
    """The text of a script of this package.

    Args:
        name: Its file name, such as `ecs_agent.sh`.
        settings: Environment variables that it finds set; no secrets, since user data can be read by whoever may
            describe the instance. Default: none.
    """
    text = _text(name)
    return text if not settings else f"{_SHEBANG}{_exports(settings)}{text.removeprefix(_SHEBANG)}"


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def install_script(name: str, path: str) -> str:
    """A script with which an instance puts another one of this package at a path, for anyone to run.

    Args:
        name: File name of the script that is put there.
        path: Where it is put.
    """
    command = f"install -D -m 755 /dev/stdin {shlex.quote(path)} <<'END-OF-SCRIPT'"
    return f"{_SHEBANG}{command}\n{read_script(name)}END-OF-SCRIPT\n"


@dataclass(frozen=True)
class MountScript:
    """How one kind of file system is mounted: the part of a script that is its own, and what that needs to know.

    The part defines `prepare` (the client and its settings), `attach TARGET` (one attempt to mount) and maybe
    `settle TARGET` (what to do once it is mounted), and ends with `host_mount DEVICE TYPE OPTIONS`, which the common
    part defines: it tries again where something fails, and mounts at later boots too.

    Attributes:
        part: Bash, without `#!`.
        settings: Environment variables that it finds set, `MOUNT_PATH` among them: the directory. No secrets, since
            user data can be read by whoever may describe the instance.
    """

    part: str
    settings: Mapping[str, str]

    @staticmethod
    def of(name: str, settings: Mapping[str, str]) -> "MountScript":
        """That of a kind of this package.

        Args:
            name: File name of the part, such as `mount_efs.sh`.
            settings: What it needs.
        """
        return MountScript(read_script(name).removeprefix(_SHEBANG), settings)

    def on_machine(self) -> str:
        """For instances of a context, which take no jobs without the file system: they shut down instead."""
        return self._after("host_mount.sh", {})

    def on_instance(self, *, read_only: bool = False) -> str:
        """For an instance with other work too: if the file system cannot be mounted, it goes on without.

        Args:
            read_only: Whether nothing can be written on the mount.
        """
        return self._after("instance_mount.sh", {"READ_ONLY": "yes"} if read_only else {})

    def _after(self, common: str, settings: Mapping[str, str]) -> str:
        exports = _exports({**self.settings, **settings})
        return "\n".join((_SHEBANG + exports, read_script(common).removeprefix(_SHEBANG), self.part))


def host_mount_script(name: str, settings: Mapping[str, str]) -> str:
    """The script with which an instance of a context mounts a file system of this package at boot.

    Args:
        name: The part of the kind, such as `mount_efs.sh`.
        settings: What it needs, as environment variables.
    """
    return MountScript.of(name, settings).on_machine()


def _exports(settings: Mapping[str, str]) -> str:
    return "".join(f"export {variable}={shlex.quote(value)}\n" for variable, value in settings.items())
