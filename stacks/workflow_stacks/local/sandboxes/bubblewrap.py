"""Bubblewrap: a sandbox in a process, of which root is not needed. https://github.com/containers/bubblewrap."""

import os
import shutil
from pathlib import Path, PurePosixPath

from .base import (
    SYSTEM_FOLDERS,
    Sandbox,
    SandboxSpec,
    as_owner,
    succeeds,
    system_files,
)


class Bubblewrap(Sandbox):
    """Rooms made by `bwrap`."""

    name = "bubblewrap"
    _depth = 2  # bwrap, and the first process of the spec

    def works(self) -> bool:
        """Whether there is a bwrap that may make a spec."""
        return shutil.which("bwrap") is not None and succeeds(
            ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--", "true"]
        )

    def arguments(self, spec: SandboxSpec) -> list[str]:
        """`bwrap …`; made by root, it runs the command as the owner of the files."""
        root = os.geteuid() == 0
        tmp, home = spec.make_scratch()
        limit = spec.scratch_bytes
        made: set[str] = set()
        parts = [
            *("bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
            *("--hostname", "job", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm", "--proc", "/proc"),  # noqa: S108
        ]

        def parents(target: str) -> list[str]:
            wanted = [str(parent) for parent in reversed(PurePosixPath(target).parents) if str(parent) != "/"]
            new = [parent for parent in wanted if parent not in made]
            made.update(new)
            return [part for parent in new for part in ("--perms", "0755", "--dir", parent)]

        def bind(option: str, source: Path | str, target: str) -> None:
            parts.extend((*parents(target), option, str(source), target))
            made.add(target)

        parts += ["--perms", "1777", "--size", str(limit), "--tmpfs", "/tmp"] if limit else []  # noqa: S108
        for place, target in ((None if limit else tmp, "/tmp"), (home, spec.home)):  # noqa: S108
            if place:
                bind("--bind", place, target)
            made.add(target)
        bind("--ro-bind", "/usr", "/usr")
        for opened in spec.opened():
            parts += ["--perms", "0755", "--tmpfs", str(opened)]
            for entry in sorted(opened.iterdir()):
                if entry.is_symlink():
                    parts += ["--symlink", str(entry.readlink()), str(entry)]
                else:
                    bind("--ro-bind", entry, str(entry))
        for folder in SYSTEM_FOLDERS:
            if Path(f"/{folder}").is_symlink():
                parts += ["--symlink", f"usr/{folder}", f"/{folder}"]
            elif Path(f"/{folder}").exists():
                bind("--ro-bind", f"/{folder}", f"/{folder}")
        for file in system_files():
            bind("--ro-bind", file, file)
        for inside, source in spec.system.items():
            bind("--ro-bind", source, inside)
        for software in spec.software:
            bind("--ro-bind", software, str(software))
        for mount in spec.mounts:
            bind("--ro-bind" if mount.read_only else "--bind", mount.source, mount.target)
        parts += ["--chmod", "0777", "/", "--chdir", "/", "--clearenv"]
        for key, value in spec.environment.items():
            parts += ["--setenv", key, value]
        if root:
            return [*parts, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--", *as_owner(spec), *spec.command]
        uid, gid = map(str, spec.user)
        return [*parts, "--unshare-user", "--uid", uid, "--gid", gid, "--", *spec.command]
