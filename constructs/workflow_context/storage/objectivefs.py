"""ObjectiveFS as the workflow file system: POSIX over a bucket, mounted by every instance."""

import re
from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import (
    aws_batch as batch,
    aws_iam as iam,
    aws_kms as kms,
    aws_s3 as s3,
    aws_secretsmanager as secrets,
)
from constructs import Construct, IDependable
from typing_extensions import override

from workflow_context.bucket import WorkflowBucket
from workflow_context.models.objectivefs_memory import extra_task_memory_gb
from workflow_context.nag import acknowledge, in_compliance_packs
from workflow_context.retention import keep_when_replaced
from workflow_context.s3_location import S3Location
from workflow_context.scripts import MountScript

from .objectivefs_run_volumes import ObjectiveFsRunVolumes
from .on_bucket import BucketFileSystem
from .run_volumes import RunVolumes

_MOUNT_PATH = "/mnt/objectivefs"
_INDEX = cdk.Size.gibibytes(1)  # what a mount takes beside its cache, at most
_MIN_CACHE_MIB = 64
_ARCHITECTURES = ("x86_64", "aarch64")
_PACKAGE_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+\.rpm)")


class ObjectiveFsFileSystem(BucketFileSystem):
    """An ObjectiveFS file system for one context: a FUSE process on every instance, over a bucket of its own.

    Defines the bucket (and that of its access log), and the passphrase unless one is given. Instances install the
    client, fetch licence and passphrase, and mount at boot, before their ECS agent takes jobs; one that cannot mount
    takes none and shuts down. Fargate cannot mount it: head jobs run on EC2 too. The first instance makes the file
    system in the bucket.

    The client is installed from a bucket of yours and not from the vendor's site: there the address is a secret of
    your account, and a machine that boots at night must not need somebody else's web server.

    Args:
        scope: Where the construct lives.
        id: Its name there. The logical ids of the bucket and the passphrase follow from it: changing it replaces them,
            and the data cannot be read any more.
        expected_size_tb: How much the file system will hold, 0 to 50 TB: all inputs, twice, is a fair guess. It sets
            `task_memory_overhead`: 2 GiB up to 1 TB, 3 up to 10, then 1 more for each 10 TB.
        license_secret: The secret whose text is the ObjectiveFS licence.
        package_uri: The vendor's package for Amazon Linux, in S3: `s3://bucket/objectivefs-7.2-1.{arch}.rpm`, where
            `{arch}` becomes `x86_64` or `aarch64`, as the instance is. Head jobs run on x86_64.
        bucket: A bucket that holds an ObjectiveFS file system already, such as a retained one; `passphrase_secret` is
            its own. Default: a new one.
        passphrase_secret: The secret whose text encrypts the data. Default: a new one with a random text. A retained
            file system can only be read with the passphrase it was made with.
        cache_size: Memory for the cache of each instance, at least 64 MiB. Default: the overhead of one task less 1
            GiB, which the index takes. A larger cache raises `task_memory_overhead`.
        encryption_key: Key for the objects in the bucket, and for a new passphrase. Default: AWS's own keys.
        removal_policy: What happens to bucket and passphrase when the stack goes. Default: they go too; the bucket
            only when it is empty (`aws s3 rm --recursive`), since S3 refuses to delete one that holds objects.

    Attributes:
        bucket: The bucket, which holds the file system in the vendor's own format.
        passphrase_secret: The secret with the passphrase.

    Raises:
        ValueError: A size or a cache out of range, or a package that is not an rpm in S3.

    Security considerations:
        Data is encrypted by the client before it leaves the instance, again by S3 at rest, and by TLS on the way; no
        port is opened. Licence and passphrase are in Secrets Manager only: never in the template nor in user data. On
        an instance they are files of root. The instance role may read both, and so may a container that asks the
        metadata service for that role: run only images you trust with the data. All users of containers may write in
        the root directory; files belong to the user who wrote them.

    Cost:
        Storage 0.023 USD per GB and month and S3 requests, a few even when idle instances compact and list; the
        licence, by the number of instances that mount at a time (99th percentile of the month): many small Spot
        instances cost more than a few large ones. Nothing while no instance runs, but for storage and 0.40 USD a month
        for each secret. https://objectivefs.com/terms
    """

    mount_path = _MOUNT_PATH
    host_mounted = True

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        expected_size_tb: float,
        license_secret: secrets.ISecret,
        package_uri: str,
        bucket: s3.IBucket | None = None,
        passphrase_secret: secrets.ISecret | None = None,
        cache_size: cdk.Size | None = None,
        encryption_key: kms.IKey | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, id)
        if bucket is not None and (passphrase_secret is None or encryption_key is not None):
            raise ValueError(
                "bucket is one that exists, with a file system in it: give the passphrase_secret that it was made "
                "with, and no encryption_key"
            )
        package = _PACKAGE_URI.fullmatch(package_uri)
        if package is None:
            message = f"package_uri must be an rpm in S3, such as s3://bucket/objectivefs.rpm, got {package_uri!r}"
            raise ValueError(message)
        if cache_size is not None and cache_size.to_mebibytes() < _MIN_CACHE_MIB:
            message = f"cache_size must be at least {_MIN_CACHE_MIB} MiB, got {cache_size.to_mebibytes():g}"
            raise ValueError(message)
        self._package_uri = package_uri
        self._size_tb = expected_size_tb
        self._package_bucket = s3.Bucket.from_bucket_name(self, "PackageBucket", package[1])
        self._package_key = package[2]
        table = cdk.Size.gibibytes(extra_task_memory_gb(expected_size_tb))
        self._cache = cache_size or _sum(table, _INDEX, minus=True)
        self._overhead = max(table, _sum(self._cache, _INDEX), key=lambda size: size.to_mebibytes())
        self._license_secret = license_secret
        self.passphrase_secret = passphrase_secret or self._new_passphrase(removal_policy, encryption_key)
        self._access_log_bucket: s3.IBucket | None = None
        self._ready: list[IDependable] = [self.passphrase_secret]
        if bucket is None:
            new = WorkflowBucket(
                self, "Bucket", encryption_key=encryption_key, versioned=False, removal_policy=removal_policy
            )
            # The bucket goes first: while AWS refuses to delete it, what opens its data stays too.
            new.node.add_dependency(self.passphrase_secret)
            bucket, self._access_log_bucket = new.bucket, new.access_log_bucket
            self._ready.append(new)
        self.bucket: s3.IBucket = bucket
        resource = bucket.node.default_child
        self._bucket_identity = resource.logical_id if isinstance(resource, s3.CfnBucket) else bucket.bucket_name

    @override
    def run_volumes(self) -> RunVolumes | None:
        return ObjectiveFsRunVolumes(self, self._size_tb)

    @override
    def identity(self) -> Mapping[str, str]:
        return {"bucket": self._bucket_identity, "passphrase": self.passphrase_secret.secret_arn}

    @property
    @override
    def ready(self) -> Sequence[IDependable]:
        return self._ready

    @property
    @override
    def task_memory_overhead(self) -> cdk.Size:
        return self._overhead

    @override
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Jobs need no right of their own: they see a directory of their instance."""
        return iam.Grant.drop(grantee, "jobs see a directory of their instance")

    @override
    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Jobs need no right of their own: they see a directory of their instance."""
        return self.grant_read(grantee)

    @override
    def grant_host_mount(self, grantee: iam.IGrantable, *, read_only: bool = False) -> iam.Grant:
        objects = S3Location(self.bucket, read_only=read_only)
        package = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:GetObject"],
            resource_arns=[
                self._package_bucket.arn_for_objects(key)
                for key in dict.fromkeys(self._package_key.replace("{arch}", one) for one in _ARCHITECTURES)
            ],
        )
        return (
            objects.grant_read_write(grantee)
            .combine(self._license_secret.grant_read(grantee))
            .combine(self.passphrase_secret.grant_read(grantee))
            .combine(package)
        )

    @override
    def volumes(self, *, on_fargate: bool) -> Sequence[batch.EcsVolume]:
        return [batch.EcsVolume.host(name="objectivefs", container_path=_MOUNT_PATH, host_path=_MOUNT_PATH)]

    @property
    @override
    def mount_script(self) -> MountScript:
        settings = {
            "MOUNT_PATH": _MOUNT_PATH,
            "BUCKET": self.bucket.bucket_name,
            "REGION": cdk.Aws.REGION,
            "PACKAGE_URI": self._package_uri,
            "LICENSE_SECRET": self._license_secret.secret_arn,
            "PASSPHRASE_SECRET": self.passphrase_secret.secret_arn,
            "CACHE_SIZE": f"{self._cache.to_mebibytes():g}M",
        }
        return MountScript.of("mount_objectivefs.sh", settings)

    @property
    @override
    def _measured_bucket(self) -> s3.IBucket:
        return self.bucket

    @override
    def outputs(self) -> dict[str, str]:
        return {
            "FileSystemBucket": self.bucket.bucket_name,
            **({"FileSystemAccessLogBucket": self._access_log_bucket.bucket_name} if self._access_log_bucket else {}),
            "PassphraseSecret": self.passphrase_secret.secret_arn,
        }

    def _new_passphrase(self, removal_policy: cdk.RemovalPolicy, key: kms.IKey | None) -> secrets.Secret:
        secret = secrets.Secret(
            self,
            "Passphrase",
            description="Passphrase of the workflow file system: without it the data cannot be read",
            generate_secret_string=secrets.SecretStringGenerator(password_length=48, exclude_punctuation=True),
            encryption_key=key,
            removal_policy=removal_policy,
        )
        keep_when_replaced(secret)
        acknowledge(
            secret,
            "The data is encrypted with this text for as long as it lives: a rotated one would open nothing.",
            "AwsSolutions-SMG4",
            *in_compliance_packs("SecretsManagerRotationEnabled"),
        )
        if key is None:
            acknowledge(
                secret,
                "Secrets Manager encrypts it with the account's key aws/secretsmanager. Who needs a key of one's own "
                "gives the file system an encryption_key.",
                *in_compliance_packs("SecretsManagerUsingKMSKey"),
            )
        return secret


def _sum(one: cdk.Size, other: cdk.Size, *, minus: bool = False) -> cdk.Size:
    return cdk.Size.mebibytes(one.to_mebibytes() + (-1 if minus else 1) * other.to_mebibytes())
