"""AWS::S3::Bucket in the words of the S3 API: encryption, lifecycle, access log and object ownership as XML.

CloudFormation and the API name the same things differently: each function takes what a template says and returns
the body of the S3 request.
"""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def encryption(properties: Mapping[str, Any]) -> bytes:
    """PutBucketEncryption."""
    return _xml(
        "ServerSideEncryptionConfiguration",
        {
            "Rule": [
                {
                    "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
                    "BucketKeyEnabled": rule.get("BucketKeyEnabled"),
                }
                for rule in properties["ServerSideEncryptionConfiguration"]
            ]
        },
    )


def lifecycle(properties: Mapping[str, Any]) -> bytes:
    """PutBucketLifecycleConfiguration."""
    return _xml("LifecycleConfiguration", {"Rule": [_lifecycle_rule(rule) for rule in properties["Rules"]]})


def logging(properties: Mapping[str, Any]) -> bytes:
    """PutBucketLogging."""
    target = {
        "TargetBucket": properties.get("DestinationBucketName"),
        "TargetPrefix": properties.get("LogFilePrefix", ""),
    }
    return _xml("BucketLoggingStatus", {"LoggingEnabled": target})


def ownership(properties: Mapping[str, Any]) -> bytes:
    """PutBucketOwnershipControls."""
    return _xml("OwnershipControls", {"Rule": list(properties["Rules"])})


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters", [])]
    prefix = {"Prefix": rule.get("Prefix", "")}
    expiration = {
        "Date": rule.get("ExpirationDate"),
        "Days": rule.get("ExpirationInDays"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    noncurrent = rule.get("NoncurrentVersionExpiration") or {}
    if "NoncurrentVersionExpirationInDays" in rule:
        noncurrent = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    return {
        "ID": rule.get("Id"),
        "Status": rule["Status"],
        "Filter": {"And": {**prefix, "Tag": tags}} if tags else prefix,
        "Expiration": expiration if any(value is not None for value in expiration.values()) else None,
        "NoncurrentVersionExpiration": noncurrent or None,
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        "Transition": [
            {"Days": transition.get("TransitionInDays"), "StorageClass": transition["StorageClass"]}
            for transition in rule.get("Transitions", [])
        ],
    }


def _xml(tag: str, content: Mapping[str, Any]) -> bytes:
    root = Element(tag, xmlns=NAMESPACE)
    _fill(root, content)
    return tostring(root)


def _fill(parent: Element, content: Mapping[str, Any]) -> None:
    for name, values in content.items():
        for value in values if isinstance(values, list) else [values]:
            if value is None:
                continue
            child = SubElement(parent, name)
            if isinstance(value, Mapping):
                _fill(child, value)
            else:
                child.text = str(value).lower() if isinstance(value, bool) else str(value)
