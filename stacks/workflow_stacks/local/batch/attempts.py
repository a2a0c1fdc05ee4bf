"""One attempt of a job: a process in a sandbox, from its mounts to its exit code."""

import asyncio
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_stacks.local.engines import engine_of
from workflow_stacks.local.iam.job_start import Identity, JobStart, StartRefusedError
from workflow_stacks.local.sandboxes import (
    CannotRunError,
    Mount,
    Sandbox,
    SandboxSpec,
    find_sandbox,
    nfs_owner,
)

from .dispatch import batch_variables
from .faults import Fault, draw_fault
from .images import EXEC_FAILED, WRONG_PROCESSOR, is_reference, packages_of_image, wrong_processor
from .job_logs import JobLog
from .job_records import now_ms
from .job_tags import (
    EFS_THROTTLE,
    SCRATCH_BYTES,
    SOFTWARE,
    inherited,
)
from .retries import Outcome
from .throttle import Throttle
from .volumes import MountError, Volumes

Record = dict[str, Any]

# ECS waits as long between SIGTERM and SIGKILL.
GRACE_SECONDS = 30.0
TIMED_OUT = "Job attempt duration exceeded timeout"
NOT_STARTED = 127
GUARD = "/opt/image/libexec/nfs_owner.py"
FAILED_ON_PURPOSE = 1
# Who is who, and where localhost is.
SYSTEM = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/root:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/:/bin/sh\n",
    "/etc/group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost job\n::1 localhost\n",
}


def host_path(software: list[Path]) -> str:
    """Where a job finds programs of this machine."""
    own = [str(folder / "bin") for folder in software if (folder / "bin").is_dir()]
    return os.pathsep.join(
        ["/opt/image/bin", *own, "/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
    )


def host_software(more: str | None = None) -> list[Path]:
    """Directories outside /usr that hold programs: those asked for, and this Python with its packages."""
    asked = [Path(one).resolve() for one in (more or "").split(os.pathsep) if one]
    bases = [base for folder in asked for base in _base_of(folder)]
    found = dict.fromkeys([*asked, Path(sys.prefix), *bases, Path(sys.base_prefix)])
    return [folder for folder in found if not folder.is_relative_to("/usr")]


def _base_of(venv: Path) -> list[Path]:
    """The Python that a virtual environment was made of."""
    python = venv / "bin" / "python"
    return [python.resolve().parents[1]] if python.exists() else []


@dataclass
class Attempts:
    """Runs attempts of jobs.

    Attributes:
        state: The state folder of the local cloud.
        port: Where the local cloud listens.
        region: The region of the local cloud.
        jobs: Every job by its id.
        volumes: The directories of their volumes.
        logs: Calls an operation of CloudWatch Logs by its name.
        start: Knows who a job is, and whether IAM allows what ECS needs to start it.
    """

    state: Path
    port: int
    region: str
    jobs: Any
    volumes: Volumes
    logs: Callable[[str, Record], None]
    start: JobStart
    _running: dict[str, tuple[asyncio.subprocess.Process, Sandbox, SandboxSpec]] = field(default_factory=dict)
    _throttles: dict[tuple[str, str], Throttle] = field(default_factory=dict)

    async def run(self, job: Record, environment: Record, queue: Record, stop: "asyncio.Future[str]") -> Outcome:
        """Run one attempt of a job to its end.

        Args:
            job: Its record; the log stream and the times are written there.
            environment: The compute environment that has spec for it.
            queue: Its queue.
            stop: Done, with a reason, when the job shall end.
        """
        name = f"{job['jobId'].replace(':', '-')}-{len(job['attempts']) + 1}"
        scratch = self.state / "scratch" / name
        task = secrets.token_hex(16)
        container = job["container"]
        cluster = environment["computeEnvironmentName"]
        container["taskArn"] = f"arn:aws:ecs:{self.region}:{job['jobArn'].split(':')[4]}:task/{cluster}/{task}"
        log = JobLog(self.logs, container, job["jobDefinition"].rsplit("/", 1)[-1].rpartition(":")[0], task)
        container["logStreamName"] = log.stream
        identity = self.start.identify(job, environment, task)
        fault = draw_fault(job, self.jobs, environment)
        if fault:
            log.write(f"[local cloud] {fault.words}")
        try:
            if fault and not fault.status_reason:
                job["startedAt"] = now_ms()
                return Outcome(FAILED_ON_PURPOSE)
            self.start.check(job, identity, log.group, log.stream)
            _check_image(job["container"]["image"])
            sandbox = find_sandbox()
            if wrong_processor(job["container"], environment):
                log.write(WRONG_PROCESSOR.format(job["container"]["command"][0]))
                job["startedAt"] = now_ms()
                return Outcome(EXEC_FAILED)
            spec = self._spec(name, scratch, job, environment, queue, sandbox, identity)
            return await self._run_in(sandbox, spec, job, log, fault, stop)
        except (StartRefusedError, MountError, CannotRunError, OSError) as error:
            log.write(f"[local cloud] {error}")
            return Outcome(None, status_reason="Task failed to start", reason=str(error))
        finally:
            self.start.end(identity)
            shutil.rmtree(scratch, ignore_errors=True)

    def kill_all(self) -> None:
        """End every attempt that runs, at once."""
        for process, sandbox, spec in list(self._running.values()):
            sandbox.kill(process, spec)

    async def _run_in(
        self,
        sandbox: Sandbox,
        spec: SandboxSpec,
        job: Record,
        log: JobLog,
        fault: Fault | None,
        stop: "asyncio.Future[str]",
    ) -> Outcome:
        process = await sandbox.start(spec)
        self._running[spec.name] = process, sandbox, spec
        job["status"], job["startedAt"] = "RUNNING", now_ms()
        if process.stdout is None:
            raise MountError("the process has no output")
        ended = asyncio.create_task(_ended(process, log.copy(process.stdout)))
        pacing = self._pacing(process, job, spec)
        either: set[asyncio.Future[Any]] = {ended, stop}
        seconds = fault.after_seconds if fault else job.get("timeout", {}).get("attemptDurationSeconds")
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if fault:
                sandbox.kill(process, spec)
                return Outcome(None, status_reason=fault.status_reason)
            if ended.done():
                code = ended.result()
                return Outcome(code, reason="CannotStartContainerError" if code == NOT_STARTED else "")
            await sandbox.end(process, spec, GRACE_SECONDS)
            return Outcome(await ended or 137, stop.result() if stop.done() else TIMED_OUT, final=True)
        finally:
            if pacing:
                pacing.cancel()
            sandbox.kill(process, spec)
            with suppress(asyncio.CancelledError):
                await ended
            self._running.pop(spec.name, None)

    def _pacing(
        self, process: asyncio.subprocess.Process, job: Record, spec: SandboxSpec
    ) -> "asyncio.Task[None] | None":
        """Hold the job to the throughput of its file system, where one was asked for."""
        mibps = inherited(job, self.jobs, EFS_THROTTLE)
        if mibps is None or not spec.mounts:
            return None
        shared = self._throttles.setdefault((mibps, str(spec.mounts[0].source)), Throttle(float(mibps)))
        return asyncio.create_task(shared.pace(process.pid))

    def _spec(
        self,
        name: str,
        scratch: Path,
        job: Record,
        environment: Record,
        queue: Record,
        sandbox: Sandbox,
        identity: Identity,
    ) -> SandboxSpec:
        container = job["container"]
        mounts, owner = self.volumes.of_job(
            container, environment, scratch, lambda client: self.start.client_rights(identity, client)
        )
        software = host_software(inherited(job, self.jobs, SOFTWARE))
        limit = inherited(job, self.jobs, SCRATCH_BYTES)
        engine = None if sandbox.runs_images else engine_of(container["image"])
        guard = [] if sandbox.runs_images else _guarded(mounts)
        packages = packages_of_image(self.state, engine.packages, software) if engine else []
        return SandboxSpec(
            name=name,
            image=container["image"],
            command=[*guard, *(engine.entry_point if engine else ()), *container["command"]],
            environment={
                "PATH": host_path(software),
                "HOME": "/root",
                "LANG": "C.UTF-8",
                **self._aws(identity, sandbox.local_host),
                **{one["name"]: one["value"] for one in container["environment"]},
                **batch_variables(job, environment, queue),
            },
            mounts=[*packages, *mounts],
            software=software,
            system=self.system_files(
                {**(engine.image_files() if engine else {}), **({GUARD: _guard()} if guard else {})}
            ),
            owner=owner,
            user=_user(container.get("user", "")),
            scratch=scratch,
            scratch_bytes=int(limit) if limit else None,
        )

    def _aws(self, identity: Identity, host: str) -> dict[str, str]:
        # By number, so that every SDK puts the bucket in the path, and asks for credentials.
        number = f"http://{'127.0.0.1' if host == 'localhost' else host}:{self.port}"
        return {
            "AWS_ENDPOINT_URL": f"http://{host}:{self.port}",
            "AWS_ENDPOINT_URL_S3": number,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **self.start.environment(identity, number),
        }

    def system_files(self, image_files: Mapping[str, str]) -> dict[str, Path]:
        """Files that stand in for those of an image, kept by what is in them."""
        found = {}
        for inside, text in {**SYSTEM, **image_files}.items():
            file = self.state / "image" / hashlib.sha256(text.encode()).hexdigest()[:16]
            if not file.exists():
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
                file.chmod(0o755)
            found[inside] = file
        return found


async def _ended(process: asyncio.subprocess.Process, copying: Any) -> int:
    await copying
    code = await process.wait()
    return code if code >= 0 else 128 - code


def _check_image(image: str) -> None:
    if not is_reference(image):
        raise MountError(f"CannotPullContainerError: invalid reference format: {image}")


def _guarded(mounts: list[Mount]) -> list[str]:
    """What stands before the command, so that its file servers decide who owns files on them."""
    decided = [mount for mount in mounts if mount.user is not None]
    if not decided:
        return []
    uid, gid = map(str, decided[0].user or ())
    return [sys.executable, "-I", "-S", GUARD, uid, gid, *(mount.target for mount in decided), "--"]


def _guard() -> str:
    return Path(nfs_owner.__file__).read_text()


def _user(text: str) -> tuple[int, int]:
    """`1000:1000` or `1000`; a name is one that only the image knows."""
    user, _, group = text.partition(":")
    return (int(user), int(group) if group.isdecimal() else int(user)) if user.isdecimal() else (0, 0)
