"""The engine: cwltool, which runs all steps of a workflow in its head job."""

import aws_cdk as cdk
from constructs import Construct

from workflow_context import ContextParts, WorkflowEngine

IMAGE = "quay.io/commonwl/cwltool:3.1.20250110105449"


class CwltoolEngine(WorkflowEngine):
    """cwltool in the shared directory."""

    def __init__(self, scope: Construct, id: str, parts: ContextParts, *, image: str = IMAGE) -> None:
        super().__init__(scope, id, parts)
        directory = self.shared_directory
        container = self.head_container(
            "Head",
            image=image,
            command=["--no-container", "--outdir", directory, "Ref::workflow", "Ref::inputs"],
            environment={"TMPDIR": directory},
        )
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            container,
            parameters={"workflow": "hello.cwl", "inputs": "inputs.yml"},
            timeout=cdk.Duration.days(1),
        )

    @property
    def client_configuration(self) -> str:
        queue, definition = self.compute.head_queue, self.head_job_definition
        return (
            f"aws batch submit-job --job-name cwl --job-queue {queue.job_queue_name} "
            f"--job-definition {definition.job_definition_name} --parameters workflow=WORKFLOW.cwl,inputs=INPUTS.yml"
        )
