"""Engines whose image is not made for every processor."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2, aws_s3 as s3

from workflow_context import BatchCompute, EfsFileSystem, Network, S3Location, SnakemakeEngine, WorkflowContext

ARM = BatchCompute.with_options(architecture=ec2.InstanceArchitecture.ARM_64)


def context(image: str | None) -> WorkflowContext:
    stack = cdk.Stack()
    placement = Network(stack, "Network", vpc=ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)).placement()
    return WorkflowContext(
        stack,
        "Context",
        engine=SnakemakeEngine.with_options(image=image) if image else SnakemakeEngine,
        compute=ARM,
        placement=placement,
        storage=EfsFileSystem(stack, "Storage", placement=placement),
        outputs=S3Location(s3.Bucket(stack, "Bucket"), "outputs"),
    )


def test_the_default_image_of_snakemake_is_refused_on_arm64() -> None:
    """AWS-10: tasks failed with `exec format error`."""
    with pytest.raises(ValueError, match="is for x86_64 only"):
        context(None)


def test_an_image_of_ones_own_is_not() -> None:
    assert context("registry.example.org/snakemake:9.27.1-arm64").engine
