"""Toil on the local cloud: the head job definition of the context, and tasks whose containers run where Toil does."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from workflow_stacks.runs.engines.base import read_values
from workflow_stacks.runs.staging import WorkflowInputError

from . import no_container
from .base import (
    LocalEngine,
    Place,
    Store,
    Submission,
    staged_by_content,
    staged_file,
    staged_together,
)

LANGUAGES = {".cwl": "cwl", ".wdl": "wdl"}


class Toil(LocalEngine):
    """Stages the workflow, and those beside it that it may import, in S3."""

    programs: Mapping[str, str] = {"toil-wdl-runner": "toil[aws,cwl,wdl]", "cwltool": "toil[aws,cwl,wdl]"}
    images: Sequence[str] = ("quay.io/ucsc_cgl/toil",)
    # https://github.com/DataBiosphere/toil/blob/releases/9.6.0/docker/Dockerfile.py
    packages: Sequence[str] = ("toil[all]", "setuptools", "virtualenv")

    @override
    def image_files(self) -> Mapping[str, str]:
        text = Path(no_container.__file__).read_text(encoding="utf-8")
        return {f"/opt/image/bin/{name}": f"#!/usr/bin/env python3\n{text}" for name in no_container.PROGRAMS}

    @override
    def prepare(self, workflow: Path, inputs: Sequence[str], place: Place) -> Submission:
        language = LANGUAGES.get(workflow.suffix)
        if language is None:
            raise WorkflowInputError(f"{workflow} is neither {' nor '.join(LANGUAGES)}")
        values = {name: _input(value, language, place) for name, value in read_values(inputs).items()}
        beside = {str(file.relative_to(workflow.parent)): file for file in workflow.parent.rglob(f"*{workflow.suffix}")}
        places = staged_together(place.stage, {**beside, workflow.name: workflow})
        return Submission(
            {
                "language": language,
                "workflow": places[workflow.name],
                "inputs": staged_by_content(place.stage, json.dumps(values).encode(), "inputs.json"),
                "outputs": place.results,
            },
            place.results,
        )

    @override
    def outputs(self, store: Store, results: str, *, since_ms: int) -> Mapping[str, Any]:
        """What Toil printed at the end."""
        del since_ms
        content = store.read(f"{results}outputs.json")
        found: dict[str, Any] = json.loads(content) if content else {}
        return found


def _input(value: Any, language: str, place: Place) -> Any:
    staged = staged_file(value, place.stage)
    return {"class": "File", "location": staged} if language == "cwl" and staged != value else staged
