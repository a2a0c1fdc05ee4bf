"""The same rooms by `unshare`, `mount` and `pivot_root` of util-linux, where bubblewrap is not installed."""

import os
import shlex
import shutil
from pathlib import Path

from .base import (
    SYSTEM_FOLDERS,
    Sandbox,
    SandboxSpec,
    as_owner,
    confined,
    succeeds,
    system_files,
)

DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
TOOLS = ("mount", "pivot_root", "setpriv", "umount", "unshare")


class Unshare(Sandbox):
    """Rooms made by a shell script in new namespaces."""

    name = "unshare"
    _depth = 2  # unshare, and the shell

    def works(self) -> bool:
        """Whether the tools are here, and namespaces may be made."""
        return all(map(_which, TOOLS)) and succeeds([*_namespaces(), "mount", "-t", "tmpfs", "tmpfs", "/mnt"])

    def arguments(self, spec: SandboxSpec) -> list[str]:
        """`unshare … sh -c SCRIPT`."""
        variables = [f"{key}={value}" for key, value in spec.environment.items()]
        become = as_owner(spec) if os.geteuid() == 0 else _as_user(spec)
        return [*_namespaces(), "sh", "-c", self._script(spec), "sh", "env", "-i", *variables, *become, *spec.command]

    def _script(self, spec: SandboxSpec) -> str:
        tmp, home = spec.make_scratch()
        new = spec.scratch / "root"
        new.mkdir(exist_ok=True)
        lines = [
            "set -eu",
            f"cd {shlex.quote(str(new))}",
            "mount -t tmpfs -o mode=0777 tmpfs .",
            f"cd {new}",
            "umask 022",
        ]

        def bind(source: Path | str, target: str, *, read_only: bool) -> None:
            here, there = shlex.quote(str(source)), shlex.quote(target.lstrip("/"))
            if Path(source).is_dir():
                lines.append(f"mkdir -p {there}")
            else:
                lines.append(f"mkdir -p $(dirname {there}); [ -e {there} ] || : > {there}")
            lines.append(f"mount --bind {here} {there}")
            if read_only:
                lines.append(f"mount -o remount,bind,ro {there}")

        limit = spec.scratch_bytes
        if limit:
            lines += ["mkdir -p tmp", f"mount -t tmpfs -o size={limit},mode=1777 tmpfs tmp"]
        else:
            bind(tmp, "/tmp", read_only=False)  # noqa: S108
        bind(home, spec.home, read_only=False)
        bind("/usr", "/usr", read_only=True)
        for opened in spec.opened():
            lines.append(f"mount -t tmpfs -o mode=0755 tmpfs {shlex.quote(str(opened).lstrip('/'))}")
            for entry in sorted(opened.iterdir()):
                if entry.is_symlink():
                    link = shlex.quote(str(entry.readlink())), shlex.quote(str(entry).lstrip("/"))
                    lines.append("ln -s {} {}".format(*link))
                else:
                    bind(entry, str(entry), read_only=True)
        for folder in SYSTEM_FOLDERS:
            if Path(f"/{folder}").is_symlink():
                lines.append(f"ln -s usr/{folder} {folder}")
            elif Path(f"/{folder}").exists():
                bind(f"/{folder}", f"/{folder}", read_only=True)
        for file in system_files():
            bind(file, file, read_only=True)
        for inside, source in spec.system.items():
            bind(source, inside, read_only=True)
        for source in spec.software:
            bind(source, str(source), read_only=True)
        for mount in spec.mounts:
            bind(mount.source, mount.target, read_only=mount.read_only)
        for device in DEVICES:
            bind(f"/dev/{device}", f"/dev/{device}", read_only=False)
        return "\n".join(
            [
                *lines,
                "ln -s /proc/self/fd dev/fd",
                "for n in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${n%:*} dev/${n#*:}; done",
                "mkdir -p -m 1777 dev/shm; mkdir -p proc .old; mount -t proc proc proc",
                "pivot_root . .old; cd /; umount -l /.old; rmdir /.old; hash -r 2>/dev/null || :",
                # The first process of a spec gets no signal that it does not wait for: the command is the second.
                'set +e; "$@" & wait $!; exit $?',
            ]
        )


def _which(tool: str) -> str | None:
    return shutil.which(tool, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def _namespaces() -> list[str]:
    """New mount, process and message namespaces, that end when their maker does."""
    become = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [
        *("env", f"PATH={os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "setpriv", "--pdeathsig", "KILL"),
        *("unshare", *become, "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--"),
    ]


def _as_user(spec: SandboxSpec) -> list[str]:
    uid, gid = spec.user
    if (uid, gid) == (0, 0):
        return confined()
    return ["unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--", *confined()]
