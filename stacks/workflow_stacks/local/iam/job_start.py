"""What IAM decides when a job starts: who its programs are, and what ECS needs for it.

ECS pulls the image, opens the log stream and reads the secrets with the execution role of the job, or without one with
the role of the instance; it mounts the file systems with the role of the job.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .authorizer import Authorizer
from .credentials import Credentials, Grant
from .endpoints import container_path, machine_path
from .principals import Principal
from .request import Call

Record = Mapping[str, Any]

_PRIVATE_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)")
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1):")
_MOUNT_REFUSED = (
    "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: "
    "stderr: b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'"
)


class StartRefusedError(Exception):
    """IAM does not allow what ECS needs to start the job. The message is the reason that ECS gives."""


@dataclass(frozen=True)
class FileSystemClient:
    """Who mounts a file system, and how.

    Attributes:
        service: `elasticfilesystem` or `s3files`.
        file_system: The id of the file system.
        access_point: The id of the access point, or nothing.
        tls: Whether the mount uses TLS.
        signed: Whether the client says who it is.
        by_machine: Whether the machine mounts it, with its own role.
    """

    service: str
    file_system: str
    access_point: str = ""
    tls: bool = True
    signed: bool = True
    by_machine: bool = False


@dataclass(frozen=True)
class ClientRights:
    """What a client may do on a file system.

    Attributes:
        write: Whether it may write.
        root: Whether its root stays root.
    """

    write: bool
    root: bool


@dataclass
class Identity:
    """Who one attempt of a job is.

    Attributes:
        task: The session of its job role; None without one.
        machine: The session of its instance's role; None on Fargate.
        execution: The session that ECS uses to start it.
        grants: Its credentials.
    """

    task: Principal | None
    machine: Principal | None
    execution: Principal | None
    grants: list[Grant] = field(default_factory=list)


@dataclass(frozen=True)
class JobStart:
    """Starts jobs as far as IAM is concerned.

    Attributes:
        authorizer: Decides.
        credentials: Gives jobs theirs.
        account: The account of the local cloud.
        region: Its region.
    """

    authorizer: Authorizer
    credentials: Credentials
    account: str
    region: str

    def identify(self, job: Record, environment: Record, task: str) -> Identity:
        """Find out who a job is.

        Args:
            job: Its record.
            environment: The compute environment that it runs in.
            task: The id of its ECS task, which names its session.
        """
        container = job["container"]
        profile = environment.get("computeResources", {}).get("instanceRole")
        machine = None
        if profile:
            name = self.authorizer.deployed.instance_role(profile)
            instance = "i-" + hashlib.sha256(environment["computeEnvironmentName"].encode()).hexdigest()[:17]
            machine = self._session(name, instance, job["jobId"])
        own = self._session(container.get("jobRoleArn"), task, job["jobId"])
        execution = self._session(container.get("executionRoleArn"), task, "") or machine
        return Identity(own, machine, execution)

    def environment(self, identity: Identity, endpoint: str) -> dict[str, str]:
        """The environment that lets the programs of a job find its credentials, until `end`."""
        found: dict[str, str] = {}
        if not _LOOPBACK.match(endpoint):
            return found | self._keys(identity)
        if identity.task:
            grant = self.credentials.grant(identity.task)
            identity.grants.append(grant)
            found |= {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint}{container_path(grant)}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": grant.token,
            }
        if identity.machine is None:
            return found | {"AWS_EC2_METADATA_DISABLED": "true"}
        grant = self.credentials.grant(identity.machine)
        identity.grants.append(grant)
        return found | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{endpoint}{machine_path(grant)}"}

    def _keys(self, identity: Identity) -> dict[str, str]:
        """SDKs take credentials by HTTP from this machine only: others, as containers on macOS, get them outright."""
        principal = identity.task or identity.machine
        if principal is None:
            return {}
        grant = self.credentials.grant(principal)
        identity.grants.append(grant)
        keys = self.credentials.current(grant)
        names = {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "AWS_SESSION_TOKEN": keys.token,
        }
        return {**names, "AWS_EC2_METADATA_DISABLED": "true"}

    def end(self, identity: Identity) -> None:
        """The job ended: nothing of its credentials is of use any more."""
        for grant in identity.grants:
            self.credentials.revoke(grant)

    def check(self, job: Record, identity: Identity, group: str, stream: str) -> None:
        """Check what ECS does before the command of a job runs.

        Args:
            job: The record of the job.
            identity: Who it is.
            group: Its log group.
            stream: Its log stream.

        Raises:
            StartRefusedError: A right is missing.
        """
        image = _PRIVATE_IMAGE.match(job["container"]["image"])
        if image:
            repository = f"arn:aws:ecr:{image[2]}:{image[1]}:repository/{image[3]}"
            self._need(identity.execution, Call("ecr:GetAuthorizationToken"), "CannotPullECRContainerError: ")
            for action in ("BatchGetImage", "GetDownloadUrlForLayer"):
                self._need(identity.execution, Call(f"ecr:{action}", repository), "CannotPullContainerError: ")
        log = f"arn:aws:logs:{self.region}:{self.account}:log-group:{group}:log-stream:{stream}"
        reason = (
            "CannotStartContainerError: failed to initialize logging driver: failed to create Cloudwatch log stream: "
        )
        for action in ("CreateLogStream", "PutLogEvents"):
            self._need(identity.execution, Call(f"logs:{action}", log), reason)
        for secret in job["container"].get("secrets", ()):
            self._check_secret(identity, str(secret["valueFrom"]))

    def client_rights(self, identity: Identity, client: FileSystemClient) -> ClientRights:
        """What a client of EFS or S3 Files may do.

        Raises:
            StartRefusedError: It may not mount.
        """
        service = client.service
        # Without a policy, everybody who reaches a mount target of EFS may do everything.
        if service == "elasticfilesystem" and not self.authorizer.deployed.file_system_policy(client.file_system):
            return ClientRights(write=True, root=True)
        place = f"arn:aws:{service}:{self.region}:{self.account}:"
        file_system = f"{place}file-system/{client.file_system}"
        inside = f"file-system/{client.file_system}/" if service == "s3files" else ""
        context = {
            "aws:securetransport": (str(client.tls).lower(),),
            "elasticfilesystem:accessedviamounttarget": ("true",),
        }
        if client.access_point:
            context[f"{service}:accesspointarn"] = (f"{place}{inside}access-point/{client.access_point}",)
        principal = identity.machine if client.by_machine else identity.task
        if client.signed and principal is None:
            raise StartRefusedError(_MOUNT_REFUSED)

        # Only a refused mount is a denied call: the other two say what the mount is like.
        def may(action: str) -> bool:
            call = Call(f"{service}:{action}", file_system, context)
            if not client.signed or principal is None:
                return self.authorizer.anonymous(call).allowed
            decision = self.authorizer.evaluate(principal, call)
            if decision.allowed or action == "ClientMount":
                self.authorizer.usage.record(principal.role_arn, call.action, file_system, allowed=decision.allowed)
            return decision.allowed

        if not may("ClientMount"):
            raise StartRefusedError(_MOUNT_REFUSED)
        return ClientRights(write=may("ClientWrite"), root=may("ClientRootAccess"))

    def _check_secret(self, identity: Identity, source: str) -> None:
        reason = (
            "ResourceInitializationError: unable to pull secrets or registry auth: "
            "execution resource retrieval failed: "
        )
        if ":secretsmanager:" in source:
            # A reference may end in json-key:version-stage:version-id.
            arn = ":".join(source.split(":")[:7])
            self._need(identity.execution, Call("secretsmanager:GetSecretValue", arn), reason)
            return
        name = source if source.startswith("arn:") else self._parameter(source)
        self._need(identity.execution, Call("ssm:GetParameters", name), reason)

    def _parameter(self, name: str) -> str:
        return f"arn:aws:ssm:{self.region}:{self.account}:parameter/{name.strip('/')}"

    def _need(self, principal: Principal | None, call: Call, reason: str) -> None:
        if principal is None:
            raise StartRefusedError(f"{reason}there is no execution role and no instance role")
        decision = self.authorizer.decide(principal, call)
        if not decision.allowed:
            message = f"User: {principal.arn} is not authorized to perform: {call.action} on resource: {call.resource} "
            raise StartRefusedError(f"{reason}AccessDeniedException: {message}{decision.because}")

    def _session(self, role: str | None, session: str, job: str) -> Principal | None:
        found = self.authorizer.deployed.role(role.rpartition("/")[2]) if role else None
        return Principal(found.arn, session, job, found.tags) if found else None
