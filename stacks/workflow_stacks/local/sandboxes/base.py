"""The contract of a sandbox: a place where one attempt of a job runs, and sees what its definition mounts."""

import abc
import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

CHECK_SECONDS = 10.0
LOOK_SECONDS = 0.1
# What programs of the system need besides /usr.
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/perl",
    "/etc/pki",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
# Debian's Java keeps its settings there.
SYSTEM_PATTERNS = ("java-*",)
SYSTEM_FOLDERS = ("bin", "lib", "lib32", "lib64", "sbin")


@dataclass(frozen=True)
class Mount:
    """A directory of this machine, and where a job finds it.

    Attributes:
        source: Where it is here.
        target: Where jobs find it.
        read_only: Whether they cannot write there.
        user: User and group that its file server takes every client for. Default: whoever the client is.
    """

    source: Path
    target: str
    read_only: bool = False
    user: tuple[int, int] | None = None


@dataclass(frozen=True)
class SandboxSpec:
    """What one attempt of a job gets.

    Attributes:
        name: A name that no other attempt has.
        image: The container image that the job asks for.
        command: The command and its arguments.
        environment: All of its environment.
        mounts: What the job definition mounts, and nothing else.
        software: Directories of this machine with programs, mounted read-only where they are.
        system: Files that stand in for those of an image: path in the spec to path here.
        owner: User and group that own the files it makes, where this machine lets us choose.
        user: User and group that it believes to be.
        scratch: A directory for its private /tmp and home.
        scratch_bytes: The size of /tmp, when it is limited.
    """

    name: str
    image: str
    command: Sequence[str]
    environment: Mapping[str, str]
    mounts: Sequence[Mount]
    software: Sequence[Path]
    system: Mapping[str, Path]
    owner: tuple[int, int]
    user: tuple[int, int]
    scratch: Path
    scratch_bytes: int | None = None
    home: str = field(default="/root")

    def opened(self) -> list[Path]:
        """Directories of /usr that cannot stay as they are, since something is mounted in them that is not there."""
        targets = (Path(mount.target) for mount in self.mounts)
        missing = (target for target in targets if target.is_relative_to("/usr") and not target.exists())
        return sorted({next(parent for parent in target.parents if parent.exists()) for target in missing})

    def make_scratch(self) -> tuple[Path, Path]:
        """Make the directories for /tmp and home, writable by whoever the job is."""
        made = []
        for name in ("tmp", "home"):
            folder = self.scratch / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o1777)
            made.append(folder)
        return made[0], made[1]


class Sandbox(abc.ABC):
    """A way to run a command in a spec.

    Attributes:
        name: What people call it.
        runs_images: Whether it runs the container image of the job; otherwise programs of this machine stand in.
        local_host: The name by which a job reaches the local cloud.
    """

    name: str
    runs_images = False
    local_host = "localhost"
    _depth = 1  # how many processes stand before the command

    @abc.abstractmethod
    def works(self) -> bool:
        """Whether this machine has it and lets us use it."""

    @abc.abstractmethod
    def arguments(self, spec: SandboxSpec) -> list[str]:
        """The command that runs the spec's command in the spec."""

    async def start(self, spec: SandboxSpec) -> asyncio.subprocess.Process:
        """Start the spec's command; what it says, on standard error too, is its output.

        The pipe of the output is one of ours, which `communicate` knows nothing of: read `stdout`, then `wait`.
        """
        output, said = os.pipe()
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0))
        try:
            if os.geteuid() == 0:
                # As container runtimes do: else a job that is another user may write to it, and not open /dev/stderr.
                os.fchown(said, *spec.owner)
            process = await asyncio.create_subprocess_exec(
                *self.arguments(spec),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(said)
        process.stdout = reader
        return process

    async def end(self, process: asyncio.subprocess.Process, spec: SandboxSpec, grace_seconds: float) -> None:
        """End a running command as ECS does: SIGTERM, and SIGKILL to everything when the grace is over."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace_seconds
        told: set[int] = set()
        while process.returncode is None and clock() < deadline:
            # While the sandbox is made, this is one of its tools: the command comes after it, and is told then.
            pid = _descendant(process.pid, self._depth)
            if pid is not None and pid not in told:
                told.add(pid)
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.wait()), LOOK_SECONDS)
        self.kill(process, spec)

    def kill(self, process: asyncio.subprocess.Process, spec: SandboxSpec) -> None:
        """End it now, whatever it does."""
        del spec
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def succeeds(arguments: Sequence[str]) -> bool:
    """Whether a command can be run and is content."""
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=CHECK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def system_files() -> list[str]:
    """What programs of this system need besides /usr."""
    patterns = (str(found) for pattern in SYSTEM_PATTERNS for found in sorted(Path("/etc").glob(pattern)))
    return [*(file for file in SYSTEM_FILES if Path(file).exists()), *patterns]


# What root of a container may do: no mounts, no devices, nothing of the kernel's.
# https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
_CAPABILITIES = ("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "net_bind_service")


def confined() -> list[str]:
    """What takes from the job all rights over the namespaces that it is in, for good."""
    kept = ",".join(f"+{name}" for name in _CAPABILITIES)
    return ["setpriv", "--inh-caps=-all", f"--bounding-set=-all,{kept}", "--no-new-privs", "--"]


def as_owner(spec: SandboxSpec) -> list[str]:
    """What makes the job the user it believes to be, while its files belong to their owner. For root only."""
    (owner, group), (uid, gid) = spec.owner, spec.user
    return [
        *("setpriv", f"--reuid={owner}", f"--regid={group}", "--clear-groups"),
        *("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--"),
        *confined(),
    ]


def _descendant(pid: int, depth: int) -> int | None:
    """The first child of the first child, and so on."""
    for _ in range(depth):
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return None
        if not children:
            return None
        pid = int(children[0])
    return pid
