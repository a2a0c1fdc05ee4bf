"""Docker or Podman: where one works, a job runs in the image that it asks for."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from .base import CHECK_SECONDS, Sandbox, SandboxSpec

# An image of nothing, to see whether containers can be run.
_NOTHING = "localhost/workflow-context-nothing"
_EMPTY_TAR = bytes(10240)
_PROGRAM_NOT_FOUND = 127


class ContainerEngine(Sandbox):
    """Containers of Docker or Podman, on the network of this machine.

    Args:
        program: `docker` or `podman`.
        as_caller: What it must be told when a container shall be who makes it, and that is not root. Default: nothing.
    """

    runs_images = True

    def __init__(self, program: str, as_caller: Sequence[str] = ()) -> None:
        self.name = program
        self._as_caller = as_caller
        # The virtual machine of Docker Desktop knows the loopback of the real one by a name of its own.
        self.local_host = "localhost" if sys.platform == "linux" else "host.docker.internal"

    def works(self) -> bool:
        """Whether it runs containers: in one of nothing, it gets as far as not finding the program.

        That it is installed, and answers, does not say that it may.
        """
        if shutil.which(self.name) is None:
            return False
        if self._call("import", "-", _NOTHING, sent=_EMPTY_TAR) != 0:
            return False
        code = self._call("run", "--rm", "--network", "host", "--entrypoint", "/nothing", _NOTHING)
        self._call("rmi", "--force", _NOTHING)
        return code == _PROGRAM_NOT_FOUND

    def arguments(self, spec: SandboxSpec) -> list[str]:
        """`docker run …`."""
        parts = [
            *self._program(),
            "run",
            "--rm",
            "--name",
            spec.name,
            "--network",
            "host",
            *self._user(spec),
        ]
        for mount in spec.mounts:
            parts += ["--volume", f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}"]
        for key, value in spec.environment.items():
            if key not in ("PATH", "LANG"):  # the image knows these better
                parts += ["--env", f"{key}={value}"]
        return [*parts, "--env", "HOME=/tmp", "--", spec.image, *spec.command]

    async def end(self, process: asyncio.subprocess.Process, spec: SandboxSpec, grace_seconds: float) -> None:
        """`docker stop`, which waits for the grace itself."""
        stop = await asyncio.create_subprocess_exec(
            *(*self._program(), "stop", "--time", str(round(grace_seconds)), spec.name),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await stop.wait()
        super().kill(process, spec)

    def kill(self, process: asyncio.subprocess.Process, spec: SandboxSpec) -> None:
        """`docker kill`: the client's own end would leave the container running."""
        self._call("kill", spec.name)
        super().kill(process, spec)

    def _call(self, *arguments: str, sent: bytes = b"") -> int | None:
        """The exit code of a command; None when there is no answer."""
        command = [*self._program(), *arguments]
        try:
            done = subprocess.run(command, input=sent, capture_output=True, timeout=CHECK_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None
        return done.returncode

    def _user(self, spec: SandboxSpec) -> list[str]:
        """The owner of the files, where it is root who makes them; else whoever makes the folders, and so owns them."""
        if os.geteuid() == 0:
            return ["--user", "{}:{}".format(*spec.owner)]
        own = ["--user", f"{os.geteuid()}:{os.getegid()}"]
        return [*self._as_caller, *own]

    def _program(self) -> list[str]:
        """The server of the local cloud hides the real DOCKER_HOST from its base."""
        host = os.environ.get("LOCAL_CLOUD_DOCKER_HOST", os.environ.get("DOCKER_HOST", ""))
        return ["env", *([f"DOCKER_HOST={host}"] if host else ["-u", "DOCKER_HOST"]), self.name]
