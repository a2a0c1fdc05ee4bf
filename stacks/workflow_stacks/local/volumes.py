"""The volumes of a job definition: which directory of the state folder stands for each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .sandboxes import Mount

Record = dict[str, Any]

# Who a job without an access point is on this machine: never root.
NOBODY = (1000, 1000)


class MountError(Exception):
    """What ECS says when a volume cannot be mounted."""


@dataclass(frozen=True)
class Volumes:
    """Directories for the volumes of jobs.

    Attributes:
        state: The state folder of the local cloud.
        file_system: Tells whether an EFS file system exists, by its id.
        access_point: Gives an EFS access point by its id, or None.
    """

    state: Path
    file_system: Callable[[str], bool]
    access_point: Callable[[str], Record | None]

    def of_job(self, container: Record, environment: Record, scratch: Path) -> tuple[list[Mount], tuple[int, int]]:
        """The mounts of a job, and who owns the files that it makes.

        Args:
            container: The container properties of the job.
            environment: The compute environment it runs on; its instances have directories of their own.
            scratch: The directory of the attempt, for volumes that nobody shares.

        Raises:
            MountError: There is no such file system, access point or directory.
        """
        volumes = {volume["name"]: volume for volume in container["volumes"]}
        mounts, owner = [], NOBODY
        for point in container["mountPoints"]:
            volume = volumes.get(point["sourceVolume"])
            if volume is None:
                raise MountError(f"CannotCreateContainerError: unknown volume {point['sourceVolume']}")
            if "efsVolumeConfiguration" in volume:
                source, user = self._efs(volume["efsVolumeConfiguration"])
                owner = user or owner
            else:
                source = self._of_host(volume, environment, scratch)
            mounts.append(Mount(source, point["containerPath"], bool(point.get("readOnly"))))
        return mounts, owner

    def _efs(self, efs: Record) -> tuple[Path, tuple[int, int] | None]:
        file_system = efs["fileSystemId"]
        if not self.file_system(file_system):
            raise MountError(f"ResourceInitializationError: failed to invoke EFS utils: {file_system} does not exist")
        whole = self.state / "efs" / file_system
        id_ = efs.get("authorizationConfig", {}).get("accessPointId")
        if id_ is None:
            return _made(whole / _relative(efs.get("rootDirectory", "/")), NOBODY, 0o755), None
        point = self.access_point(id_)
        if point is None or point["FileSystemId"] != file_system:
            raise MountError(f"ResourceInitializationError: failed to invoke EFS utils: no access point {id_} there")
        root, user = point["RootDirectory"], point.get("PosixUser")
        folder = whole / _relative(root.get("Path", "/"))
        creation = root.get("CreationInfo")
        if not folder.exists() and folder != whole and not creation:
            raise MountError(f"ResourceInitializationError: failed to invoke EFS utils: no directory {root['Path']}")
        owner = (int(creation["OwnerUid"]), int(creation["OwnerGid"])) if creation else NOBODY
        made = _made(folder, owner, int(creation["Permissions"], 8) if creation else 0o755)
        return made, (int(user["Uid"]), int(user["Gid"])) if user else None

    def _of_host(self, volume: Record, environment: Record, scratch: Path) -> Path:
        path = volume.get("host", {}).get("sourcePath")
        if not path:
            return _made(scratch / "volumes" / volume["name"], NOBODY, 0o755)
        # What instances mount at boot, all instances of a context mount: they are known by their instance profile.
        resources: Mapping[str, Any] = environment.get("computeResources", {})
        machines = resources.get("instanceRole") or environment["computeEnvironmentName"]
        return _made(self.state / "instances" / machines.rsplit("/", 1)[-1] / _relative(path), NOBODY, 0o777)


def _relative(path: str) -> str:
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
    return str(PurePosixPath(*parts)) if parts else "."


def _made(folder: Path, owner: tuple[int, int], permissions: int) -> Path:
    """A directory, made with its owner where this machine lets us choose one."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(permissions)
        if os.geteuid() == 0:
            os.chown(folder, *owner)
    return folder
