"""Docker or Podman: where one works, a job runs in the image that it asks for."""

import asyncio
import os
import shutil
import subprocess
import sys

from .base import Room, Sandbox, succeeds


class ContainerEngine(Sandbox):
    """Containers of Docker or Podman, on the network of this machine.

    Args:
        program: `docker` or `podman`.
    """

    runs_images = True

    def __init__(self, program: str) -> None:
        self.name = program
        # The virtual machine of Docker Desktop knows the loopback of the real one by a name of its own.
        self.local_host = "localhost" if sys.platform == "linux" else "host.docker.internal"

    def works(self) -> bool:
        """Whether its daemon answers."""
        return shutil.which(self.name) is not None and succeeds([*self._program(), "info", "--format", "{{.ID}}"])

    def arguments(self, room: Room) -> list[str]:
        """`docker run …`."""
        parts = [
            *self._program(),
            "run",
            "--rm",
            "--name",
            room.name,
            "--network",
            "host",
            "--user",
            "{}:{}".format(*room.owner),
        ]
        for mount in room.mounts:
            parts += ["--volume", f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}"]
        for key, value in room.environment.items():
            if key not in ("PATH", "LANG"):  # the image knows these better
                parts += ["--env", f"{key}={value}"]
        entry, *rest = room.command
        return [*parts, "--env", "HOME=/tmp", "--entrypoint", entry, room.image, *rest]

    async def end(self, process: asyncio.subprocess.Process, room: Room, grace_seconds: float) -> None:
        """`docker stop`, which waits for the grace itself."""
        stop = await asyncio.create_subprocess_exec(
            *(*self._program(), "stop", "--time", str(round(grace_seconds)), room.name),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await stop.wait()
        super().kill(process, room)

    def kill(self, process: asyncio.subprocess.Process, room: Room) -> None:
        """`docker kill`: the client's own end would leave the container running."""
        succeeds([*self._program(), "kill", room.name])
        super().kill(process, room)

    def _program(self) -> list[str]:
        """The server of the local cloud hides the real DOCKER_HOST from its base."""
        host = os.environ.get("LOCAL_CLOUD_DOCKER_HOST", os.environ.get("DOCKER_HOST", ""))
        return ["env", *([f"DOCKER_HOST={host}"] if host else ["-u", "DOCKER_HOST"]), self.name]
