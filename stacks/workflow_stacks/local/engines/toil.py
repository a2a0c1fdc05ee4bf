"""Toil on the local cloud: its runners, and tasks whose containers run where Toil does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from . import no_container
from .base import LocalEngine


class Toil(LocalEngine):
    """Toil's runners, with stand-ins for `docker` and `singularity`."""

    programs: Mapping[str, str] = {"toil-wdl-runner": "toil[aws,cwl,wdl]", "cwltool": "toil[aws,cwl,wdl]"}
    images: Sequence[str] = ("quay.io/ucsc_cgl/toil",)
    # https://github.com/DataBiosphere/toil/blob/releases/9.6.0/docker/Dockerfile.py
    packages: Sequence[str] = ("toil[all]", "setuptools", "virtualenv")

    @override
    def image_files(self) -> Mapping[str, str]:
        text = Path(no_container.__file__).read_text(encoding="utf-8")
        return {f"/opt/image/bin/{name}": f"#!/usr/bin/env python3\n{text}" for name in no_container.PROGRAMS}
