"""What requests to Amazon S3 ask of IAM.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree as ET

from .deployed import Deployed, Encryption
from .request import Call, Request, UnknownOperationError

# The subresources of a bucket that a request names by a parameter, with the actions of GET, PUT and DELETE.
_BUCKET = {
    "accelerate": ("GetAccelerateConfiguration", "PutAccelerateConfiguration", ""),
    "acl": ("GetBucketAcl", "PutBucketAcl", ""),
    "cors": ("GetBucketCORS", "PutBucketCORS", "PutBucketCORS"),
    "encryption": ("GetEncryptionConfiguration", "PutEncryptionConfiguration", "PutEncryptionConfiguration"),
    "lifecycle": ("GetLifecycleConfiguration", "PutLifecycleConfiguration", "PutLifecycleConfiguration"),
    "location": ("GetBucketLocation", "", ""),
    "logging": ("GetBucketLogging", "PutBucketLogging", ""),
    "notification": ("GetBucketNotification", "PutBucketNotification", ""),
    "object-lock": ("GetBucketObjectLockConfiguration", "PutBucketObjectLockConfiguration", ""),
    "ownershipControls": ("GetBucketOwnershipControls", "PutBucketOwnershipControls", "PutBucketOwnershipControls"),
    "policy": ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "policyStatus": ("GetBucketPolicyStatus", "", ""),
    "publicAccessBlock": ("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
    "replication": ("GetReplicationConfiguration", "PutReplicationConfiguration", "PutReplicationConfiguration"),
    "requestPayment": ("GetBucketRequestPayment", "PutBucketRequestPayment", ""),
    "tagging": ("GetBucketTagging", "PutBucketTagging", "PutBucketTagging"),
    "uploads": ("ListBucketMultipartUploads", "", ""),
    "versioning": ("GetBucketVersioning", "PutBucketVersioning", ""),
    "versions": ("ListBucketVersions", "", ""),
    "website": ("GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
}
# Those of an object; with a version the action has another name.
_OBJECT = {
    "acl": ("Acl", ("GET", "PUT")),
    "tagging": ("Tagging", ("GET", "PUT", "DELETE")),
    "retention": ("Retention", ("GET", "PUT")),
    "legal-hold": ("LegalHold", ("GET", "PUT")),
}
_VERSIONED = frozenset({"Acl", "Tagging"})
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
_LISTING_KEYS = ("prefix", "delimiter", "max-keys")
_LISTING = frozenset(
    {*_LISTING_KEYS, "continuation-token", "encoding-type", "fetch-owner", "list-type", "marker", "start-after", "x-id"}
)
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def needs_body(request: Request) -> bool:
    """Whether what a request asks for stands in its body."""
    return request.method == "POST" and "delete" in request.query


def s3_calls(request: Request, deployed: Deployed) -> Iterator[Call]:
    """The calls of a request."""
    bucket, _, key = request.path.removeprefix("/").partition("/")
    if not bucket:
        if request.method != "GET":
            raise UnknownOperationError
        yield Call("s3:ListAllMyBuckets")
    elif not key:
        yield from _bucket_calls(request, bucket)
    else:
        yield from _object_calls(request, deployed, bucket, key)


def missing_object_call(request: Request, deployed: Deployed) -> Call | None:
    """What decides between 404 and 403 for an object that is not there: only who may list learns that it is missing."""
    bucket, _, key = request.path.removeprefix("/").partition("/")
    is_read = request.method in ("GET", "HEAD") and key and not set(_OBJECT) & set(request.query)
    if not is_read or request.parameter("versionId") or deployed.has_object(bucket, key):
        return None
    return Call("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": (key,)})


def _bucket_calls(request: Request, bucket: str) -> Iterator[Call]:
    arn = f"arn:aws:s3:::{bucket}"
    if request.method == "POST" and "delete" in request.query:
        yield from _delete_many(request, bucket)
        return
    named = [name for name in _BUCKET if name in request.query]
    methods = ("GET", "PUT", "DELETE")
    if named and request.method in methods:
        action = _BUCKET[named[0]][methods.index(request.method)]
        if not action:
            raise UnknownOperationError
        yield Call(f"s3:{action}", arn, _listing(request) if action.startswith("ListBucket") else {})
    elif any(name not in _LISTING and not name.startswith("X-Amz-") for name in request.query):
        raise UnknownOperationError  # a subresource that is not known here
    elif request.method == "GET":
        yield Call("s3:ListBucket", arn, _listing(request))
    elif request.method == "HEAD":
        yield Call("s3:ListBucket", arn)
    elif request.method == "PUT":
        yield Call("s3:CreateBucket", arn)
    elif request.method == "DELETE":
        yield Call("s3:DeleteBucket", arn)
    else:
        raise UnknownOperationError


def _listing(request: Request) -> dict[str, tuple[str, ...]]:
    """A request without a prefix has no key s3:prefix, not an empty one."""
    return {f"s3:{name}": (request.query[name][0],) for name in _LISTING_KEYS if name in request.query}


def _delete_many(request: Request, bucket: str) -> Iterator[Call]:
    try:
        root = ET.fromstring(request.body)  # noqa: S314  its parser knows no external entities
    except ET.ParseError as error:
        raise UnknownOperationError from error
    for item in root:
        if item.tag.removeprefix(_NAMESPACE) != "Object":
            continue
        found = {part.tag.removeprefix(_NAMESPACE): part.text or "" for part in item}
        version = found.get("VersionId")
        action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
        yield Call(action, f"arn:aws:s3:::{bucket}/{found.get('Key', '')}", _version(version))


def _object_calls(request: Request, deployed: Deployed, bucket: str, key: str) -> Iterator[Call]:
    arn, version = f"arn:aws:s3:::{bucket}/{key}", request.parameter("versionId")
    named = [name for name in _OBJECT if name in request.query]
    if named:
        yield _subresource(request, *_OBJECT[named[0]], arn, version)
    elif request.method in ("GET", "HEAD"):
        if "uploadId" in request.query:
            yield Call("s3:ListMultipartUploadParts", arn)
            return
        if "attributes" in request.query:
            yield Call("s3:GetObjectVersionAttributes" if version else "s3:GetObjectAttributes", arn, _version(version))
        yield Call("s3:GetObjectVersion" if version else "s3:GetObject", arn, _version(version))
        yield from _kms(deployed.object_encryption(bucket, key), bucket, request, "Decrypt")
    elif request.method == "DELETE":
        action = "DeleteObjectVersion" if version else "DeleteObject"
        yield Call("s3:AbortMultipartUpload" if "uploadId" in request.query else f"s3:{action}", arn, _version(version))
    elif request.method == "POST" and "restore" in request.query:
        yield Call("s3:RestoreObject", arn)
    elif request.method == "POST" and "select" in request.query:
        yield Call("s3:GetObject", arn)
        yield from _kms(deployed.object_encryption(bucket, key), bucket, request, "Decrypt")
    elif request.method == "PUT" or (request.method == "POST" and {"uploads", "uploadId"} & set(request.query)):
        yield from _put(request, deployed, bucket, arn)
    else:
        raise UnknownOperationError


def _subresource(request: Request, what: str, methods: tuple[str, ...], arn: str, version: str) -> Call:
    if request.method not in methods:
        raise UnknownOperationError
    versioned = "Version" if version and what in _VERSIONED else ""
    return Call(f"s3:{_VERBS[request.method]}Object{versioned}{what}", arn, {**_version(version), **_acl(request)})


def _put(request: Request, deployed: Deployed, bucket: str, arn: str) -> Iterator[Call]:
    """PutObject, CopyObject and the steps of a multipart upload."""
    headers = request.headers
    tags = {name: values[0] for name, values in parse_qs(headers.get("x-amz-tagging", "")).items()}
    context = {
        **_acl(request),
        **{f"s3:requestobjecttag/{name}".lower(): (value,) for name, value in tags.items()},
        **{
            f"s3:{name}": (headers[name],)
            for name in (
                "x-amz-copy-source",
                "x-amz-metadata-directive",
                "x-amz-server-side-encryption",
                "x-amz-server-side-encryption-aws-kms-key-id",
                "x-amz-storage-class",
            )
            if name in headers
        },
    }
    if tags:
        context["s3:requestobjecttagkeys"] = tuple(tags)
    yield Call("s3:PutObject", arn, context)
    if tags:
        yield Call("s3:PutObjectTagging", arn, context)
    if any(name == "x-amz-acl" or name.startswith("x-amz-grant-") for name in headers):
        yield Call("s3:PutObjectAcl", arn, context)
    if "x-amz-copy-source" in headers:
        yield from _copied(request, deployed)
    given = headers.get("x-amz-server-side-encryption-aws-kms-key-id", "")
    if given:
        encryption = Encryption(deployed.key_arn(given) or given)
    elif headers.get("x-amz-server-side-encryption"):
        encryption = Encryption()
    else:
        encryption = deployed.bucket_encryption(bucket)
    yield from _kms(encryption, bucket, request, "GenerateDataKey")
    if {"partNumber", "uploadId"} & set(request.query):
        yield from _kms(encryption, bucket, request, "Decrypt")


def _copied(request: Request, deployed: Deployed) -> Iterator[Call]:
    path, _, query = request.headers["x-amz-copy-source"].partition("?")
    source, _, key = unquote(path).removeprefix("/").partition("/")
    version = next(iter(parse_qs(query).get("versionId", [])), "")
    arn = f"arn:aws:s3:::{source}/{key}"
    yield Call("s3:GetObjectVersion" if version else "s3:GetObject", arn, _version(version))
    yield from _kms(deployed.object_encryption(source, key), source, request, "Decrypt")


def _kms(encryption: Encryption, bucket: str, request: Request, action: str) -> Iterator[Call]:
    """What S3 does with a KMS key, in the name of the caller."""
    if encryption.key_arn:
        context = {
            "kms:viaservice": (f"s3.{request.region}.amazonaws.com",),
            "kms:calleraccount": (request.account,),
            "kms:encryptioncontext:aws:s3:arn": (f"arn:aws:s3:::{bucket}",),
        }
        yield Call(f"kms:{action}", encryption.key_arn, context)


def _acl(request: Request) -> dict[str, tuple[str, ...]]:
    return {"s3:x-amz-acl": (request.headers["x-amz-acl"],)} if "x-amz-acl" in request.headers else {}


def _version(version: str | None) -> dict[str, tuple[str, ...]]:
    return {"s3:versionid": (version,)} if version else {}
