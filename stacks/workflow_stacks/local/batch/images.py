"""What is known of container images where they are not run: the processors that they are built for, and their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow_stacks.project.instances import parse

Record = dict[str, Any]

X86_64, ARM64 = "x86_64", "arm64"
# https://pkg.go.dev/github.com/distribution/reference: a name begins with a letter or a digit, never like an option.
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
# What an arm64 machine says of a program for another processor; ECS passes on what the container runtime says.
WRONG_PROCESSOR = "exec {}: exec format error"
EXEC_FAILED = 255


@dataclass(frozen=True)
class KnownImage:
    """What is published of an image.

    Attributes:
        name: A pattern of its reference.
        architectures: What it is built for.
        source: Where that is written.
    """

    name: re.Pattern[str]
    architectures: frozenset[str]
    source: str


KNOWN: Sequence[KnownImage] = (
    KnownImage(
        re.compile(r"(docker\.io/)?snakemake/snakemake:v?[0-9].*"),
        frozenset({X86_64}),
        "https://github.com/snakemake/snakemake/blob/main/.github/workflows/release-please.yml: no platforms are given",
    ),
)
"""Images that do not run everywhere. One that is not here counts as built for every processor."""


def is_reference(image: str) -> bool:
    """Whether a text can be the name of an image."""
    return _REFERENCE.fullmatch(image) is not None


def wrong_processor(container: Record, environment: Record) -> bool:
    """Whether the image of a job is built for another processor than its machine has."""
    known = next((one for one in KNOWN if one.name.fullmatch(container["image"])), None)
    return known is not None and _architecture(container, environment) not in known.architectures


def _architecture(container: Record, environment: Record) -> str:
    """The processor of the machine: by the instance types, on Fargate as the definition says."""
    said = container.get("runtimePlatform", {}).get("cpuArchitecture")
    if said:
        return ARM64 if said == "ARM64" else X86_64
    types = environment.get("computeResources", {}).get("instanceTypes", ())
    return ARM64 if types and all(map(_is_arm, types)) else X86_64


def _is_arm(instance_type: str) -> bool:
    name = parse(instance_type)
    return name.architecture == ARM64 if name else instance_type.endswith(ARM64)
