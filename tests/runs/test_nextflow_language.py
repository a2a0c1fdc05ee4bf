"""ENG-4: a pipeline in DSL 1, which current releases of Nextflow refuse, is known before a head job is started."""

from pathlib import Path
from unittest.mock import MagicMock

import pytest

from workflow_stacks.runs.engines.base import Place
from workflow_stacks.runs.engines.nextflow import Nextflow
from workflow_stacks.runs.staging import Stage, WorkflowInputError
from workflow_stacks.runs.workflow_source import WorkflowSource

DSL_1 = """\
reads = Channel.fromPath(params.reads)
process count {
    input:
    file one from reads
    output:
    file "counts" into counted
    script: "wc -l $one > counts"
}
"""
DSL_2 = """\
process count {
    input:
    path one
    output:
    path "counts"
    script: "wc -l $one > counts"
}
workflow { count(Channel.fromPath(params.reads)) }
"""


def prepare(folder: Path, script: str, image: str = "docker.io/nextflow/nextflow:25.04.4") -> None:
    (folder / "main.nf").write_text(script)
    place = Place(
        run_id="one",
        stage=Stage(MagicMock(), "s3://bucket/sources/", None),
        results="s3://bucket/results/one/",
        mount="",
        parameters={},
        image=image,
    )
    Nextflow().prepare(WorkflowSource("main", "main.nf", folder), [], place)


@pytest.mark.parametrize("script", [DSL_1, f"nextflow.enable.dsl = 1\n{DSL_2}"], ids=["by its words", "by its option"])
def test_eng_4_a_pipeline_in_dsl_1_is_refused_with_what_would_run_it(tmp_path: Path, script: str) -> None:
    with pytest.raises(WorkflowInputError, match=r"main.nf is written in DSL 1.* or set 'image' of the engine"):
        prepare(tmp_path, script)


@pytest.mark.parametrize("image", ["nextflow/nextflow:22.10.6", "my.registry:5000/nextflow:21.04.0-custom"])
def test_eng_4_the_image_that_it_names_takes_it(tmp_path: Path, image: str) -> None:
    prepare(tmp_path, DSL_1, image)


def test_eng_4_a_pipeline_in_dsl_2_is_taken(tmp_path: Path) -> None:
    prepare(tmp_path, DSL_2)
