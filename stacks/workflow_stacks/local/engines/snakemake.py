"""Snakemake on the local cloud, by the packages of this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from .base import LocalEngine


class Snakemake(LocalEngine):
    """Snakemake and the plugins that it needs on S3, with a pip that fetches nothing."""

    programs: Mapping[str, str] = {
        "snakemake": "snakemake snakemake-executor-plugin-aws-batch snakemake-storage-plugin-s3"
    }
    images: Sequence[str] = ("docker.io/snakemake/snakemake", "snakemake/snakemake")

    # The head job brings its plugin for the file system along; on S3 all jobs install theirs. pandas comes with peppy.
    # https://github.com/snakemake/snakemake/blob/v9.27.1/Dockerfile
    packages: Sequence[str] = ("snakemake[reports,messaging,pep]", "pandas")

    @override
    def image_files(self) -> Mapping[str, str]:
        """A pip that fetches nothing."""
        from workflow_stacks.local.batch import image_packages  # the server alone needs what it imports

        text = f"#!/usr/bin/env python\n{Path(image_packages.__file__).read_text(encoding='utf-8')}"
        return {"/opt/image/bin/pip": text, f"{image_packages.STAND_INS}/pip/__main__.py": text}
