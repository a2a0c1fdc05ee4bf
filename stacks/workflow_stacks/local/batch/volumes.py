"""The volumes of a job definition: which directory of the state folder stands for each."""

import base64
import email
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from workflow_stacks.local.iam.job_start import ClientRights, FileSystemClient
from workflow_stacks.local.sandboxes import Mount

Record = dict[str, Any]

# What an instance is told at boot of S3 Files; see `mount_s3_files.sh` of the construct library.
_BY_MACHINE = re.compile(r"^type=(s3files|efs)$", re.MULTILINE)
_SERVICES = {"s3files": "s3files", "efs": "elasticfilesystem"}
_SETTING = re.compile(r"^export (MOUNT_PATH|FILE_SYSTEM_ID|ACCESS_POINT_ID)='?([^'\n]+)", re.MULTILINE)

# Who a job without an access point is on this machine: never root.
NOBODY = (1000, 1000)
# Who root of a file system is here, and who it becomes where the file system does not trust it.
ROOT, SQUASHED = (60000, 60000), (65534, 65534)
ALL_RIGHTS = ClientRights(write=True, root=True)
_MACHINE = re.compile(r"[A-Za-z0-9+=,.@_-]+")

Rights = Callable[[FileSystemClient], ClientRights]


class MountError(Exception):
    """What ECS says when a volume cannot be mounted."""


@dataclass(frozen=True)
class Volumes:
    """Directories for the volumes of jobs.

    Attributes:
        state: The state folder of the local cloud.
        file_system: Tells whether an EFS file system exists, by its id.
        access_point: Gives an EFS access point by its id, or None.
        user_data: Gives the user data of a launch template by its id, as EC2 keeps it.
    """

    state: Path
    file_system: Callable[[str], bool]
    access_point: Callable[[str], Record | None]
    user_data: Callable[[str], str]

    def of_job(
        self, container: Record, environment: Record, scratch: Path, rights: Rights = lambda _: ALL_RIGHTS
    ) -> tuple[list[Mount], tuple[int, int]]:
        """The mounts of a job, and who owns the files that it makes.

        Args:
            container: The container properties of the job.
            environment: The compute environment it runs on; its instances have directories of their own.
            scratch: The directory of the attempt, for volumes that nobody shares.
            rights: Tells what a client of a file system may do; raises what ECS says when it may not mount.

        Raises:
            MountError: There is no such file system, access point or directory.
        """
        volumes = {volume["name"]: volume for volume in container["volumes"]}
        mounts, owner = [], NOBODY
        user: tuple[int, int] | None
        for point in container["mountPoints"]:
            volume = volumes.get(point["sourceVolume"])
            if volume is None:
                raise MountError(f"CannotCreateContainerError: unknown volume {point['sourceVolume']}")
            if "efsVolumeConfiguration" in volume:
                source, user = self._efs(volume["efsVolumeConfiguration"])
            elif "s3filesVolumeConfiguration" in volume:
                user = None
                source = self._s3_files(volume["s3filesVolumeConfiguration"]["fileSystemArn"])
            else:
                source, user = self._of_host(volume, environment, scratch)
            client = self._client(volume, environment)
            right = rights(client) if client else ALL_RIGHTS
            if user and user[0] == 0 and not right.root:
                user = SQUASHED
            owner = _here(user) if user else owner
            read_only = bool(point.get("readOnly")) or not right.write
            mounts.append(Mount(source, point["containerPath"], read_only, user))
        return mounts, owner

    def equip(self, environment: Record, files: Mapping[str, str]) -> None:
        """Put programs on the machines of a compute environment, as their boot would: path to text."""
        for path, text in files.items():
            file = self._on_machine(environment, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)

    def _efs(self, efs: Record) -> tuple[Path, tuple[int, int] | None]:
        """The directory, and the user that every client is there; None for whoever it is."""
        file_system = efs["fileSystemId"]
        if not self.file_system(file_system):
            raise MountError(f"ResourceInitializationError: failed to invoke EFS utils: {file_system} does not exist")
        whole = self.state / "efs" / file_system
        id_ = efs.get("authorizationConfig", {}).get("accessPointId")
        if id_ is None:
            whole = _made(whole, NOBODY, 0o755)
            folder = _made(_below(whole, efs.get("rootDirectory", "/")), NOBODY, 0o755)
            return folder, None
        point = self.access_point(id_)
        if point is None or point["FileSystemId"] != file_system:
            raise MountError(f"ResourceInitializationError: failed to invoke EFS utils: no access point {id_} there")
        root, user = point["RootDirectory"], point.get("PosixUser")
        folder = _below(whole, root.get("Path", "/"))
        creation = root.get("CreationInfo")
        if not folder.exists() and folder != whole and not creation:
            raise MountError(f"ResourceInitializationError: failed to invoke EFS utils: no directory {root['Path']}")
        owner = _here((int(creation["OwnerUid"]), int(creation["OwnerGid"]))) if creation else NOBODY
        made = _made(folder, owner, int(creation["Permissions"], 8) if creation else 0o755)
        return made, (int(user["Uid"]), int(user["Gid"])) if user else None

    def _s3_files(self, file_system: str) -> Path:
        """Like its access point, it knows one user."""
        return _made(self.state / "s3files" / file_system.rsplit("/", 1)[-1], NOBODY, 0o755)

    def _of_host(self, volume: Record, environment: Record, scratch: Path) -> tuple[Path, tuple[int, int] | None]:
        """A directory or a file of the machine, and the user that every client is there."""
        path = volume.get("host", {}).get("sourcePath")
        if not path:
            return _made(scratch / "volumes" / volume["name"], NOBODY, 0o755), None
        client = self._client_of_machine(environment, path)
        if client and client.service == "elasticfilesystem":
            point = {"accessPointId": client.access_point} if client.access_point else {}
            return self._efs({"fileSystemId": client.file_system, "authorizationConfig": point})
        place = self._on_machine(environment, path)
        if place.is_relative_to(self.state / "instances"):
            place = _below(self._machine(environment), path)
        return (place if place.is_file() else _made(place, NOBODY, 0o777)), None

    def _on_machine(self, environment: Record, path: str) -> Path:
        client = self._client_of_machine(environment, path)
        if client and client.service == "s3files":
            return self._s3_files(client.file_system)
        return self._machine(environment) / _relative(path)

    def _machine(self, environment: Record) -> Path:
        """The directory of the instances of a compute environment, which those of a launch template share."""
        resources: Mapping[str, Any] = environment.get("computeResources", {})
        template = resources.get("launchTemplate", {}).get("launchTemplateId")
        machines: str = template or resources.get("instanceRole") or environment["computeEnvironmentName"]
        name = machines.rsplit("/", 1)[-1]
        if not _MACHINE.fullmatch(name) or not name.strip("."):
            raise MountError(f"CannotCreateContainerError: {machines!r} is no name of an instance profile or template")
        return self.state / "instances" / name

    def _client(self, volume: Record, environment: Record) -> FileSystemClient | None:
        """Who mounts a volume, where that is a file system with rights of its own."""
        if "efsVolumeConfiguration" in volume:
            efs = volume["efsVolumeConfiguration"]
            authorization = efs.get("authorizationConfig", {})
            return FileSystemClient(
                "elasticfilesystem",
                efs["fileSystemId"],
                authorization.get("accessPointId") or "",
                tls=efs.get("transitEncryption") == "ENABLED",
                signed=authorization.get("iam") == "ENABLED",
            )
        if "s3filesVolumeConfiguration" in volume:
            files = volume["s3filesVolumeConfiguration"]
            point = files.get("accessPointArn") or ""
            return FileSystemClient("s3files", _last(files["fileSystemArn"]), _last(point))
        return self._client_of_machine(environment, volume.get("host", {}).get("sourcePath", ""))

    def _client_of_machine(self, environment: Record, path: str) -> FileSystemClient | None:
        # What instances mount at boot is said by their launch template, which all instances of a context share.
        template = environment.get("computeResources", {}).get("launchTemplate", {}).get("launchTemplateId")
        told = scripts_of(self.user_data(template)) if template else ""
        settings = dict(_SETTING.findall(told))
        mounted = _BY_MACHINE.search(told)
        if mounted is None or not path or path != settings.get("MOUNT_PATH"):
            return None
        point = settings.get("ACCESS_POINT_ID", "")
        return FileSystemClient(_SERVICES[mounted[1]], _last(settings["FILE_SYSTEM_ID"]), _last(point), by_machine=True)


def scripts_of(user_data: str) -> str:
    """What stands in the user data of a launch template."""
    archive = email.message_from_bytes(base64.b64decode(user_data))
    parts = (part.get_payload(decode=True) for part in archive.walk() if not part.is_multipart())
    return "\n".join(part.decode() for part in parts if isinstance(part, bytes))


def _last(identifier: str) -> str:
    return identifier.rpartition("/")[2]


def _below(root: Path, path: str) -> Path:
    """A place in a directory, wherever links lead: jobs may have made some, to anywhere.

    Raises:
        MountError: They lead out of it.
    """
    found = (root / _relative(path)).resolve()
    if not found.is_relative_to(root.resolve()):
        raise MountError(f"CannotCreateContainerError: {path} is a link that leads out of its file system")
    return found


def _here(user: tuple[int, int]) -> tuple[int, int]:
    """Who a user of a file system is on this machine: root never is root."""
    return (user[0] or ROOT[0], user[1] or ROOT[1])


def _relative(path: str) -> str:
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
    return str(PurePosixPath(*parts)) if parts else "."


def _made(folder: Path, owner: tuple[int, int], permissions: int) -> Path:
    """A directory, made with its owner where this machine lets us choose one."""
    if not folder.exists():
        # What leads to it is root's: that of the file system, or whoever a job without a user is on a machine.
        above = [one for one in folder.parents if not one.exists()]
        folder.mkdir(parents=True)
        folder.chmod(permissions)
        if os.geteuid() == 0:
            os.chown(folder, *owner)
            for one in above:
                os.chown(one, *(NOBODY if owner == NOBODY else ROOT))
    return folder
