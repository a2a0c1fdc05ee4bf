"""What is known of container images where they are not run: their processors, Python packages and names."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from workflow_stacks.local.sandboxes import Mount
from workflow_stacks.project.instances import parse

from .image_packages import MACHINE, View, installed_in, with_requirements

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


def packages_of_image(state: Path, packages: Sequence[str], software: Sequence[Path]) -> list[Mount]:
    """What stands over directories of this machine, so that a job sees only the Python packages that its image has.

    Args:
        state: The state folder of the local cloud.
        packages: The packages of the image as pip names them; it also has what they require.
        software: The directories.
    """
    # pip writes into the directory of packages, and so changes its time.
    times = tuple(site.stat().st_mtime_ns for folder in software for site in sorted(folder.glob("lib/*/site-packages")))
    return _packages_of_image(state, tuple(packages), tuple(software), times)


@lru_cache
def _packages_of_image(
    state: Path, packages: tuple[str, ...], software: tuple[Path, ...], times: tuple[int, ...]
) -> list[Mount]:
    digest = hashlib.sha256(repr((packages, software, times)).encode()).hexdigest()[:16]
    written = state / "image" / "packages" / digest
    views = {str(number): View(folder, MACHINE / str(number)) for number, folder in enumerate(software)}
    if not written.exists():
        names = with_requirements(packages, installed_in(software))
        part = written.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for number, view in views.items():
            view.write(names, part / number)
        part.rename(written)
    mounts = []
    for number, view in views.items():
        covered = view.covers()
        if covered:
            mounts.append(Mount(view.folder, str(view.inside), read_only=True))
        mounts += [Mount(written / number / one, str(view.folder / one), read_only=True) for one in covered]
    return mounts


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
