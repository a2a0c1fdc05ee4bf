"""Two environments of a genomics platform, each with two engines on one file system.

Synthesize it with: cdk synth --app "python examples/larger_genomics_stack/app.py" --all
"""

import aws_cdk as cdk
from platform_stacks import ComputeStack, DataStack


class Environment(cdk.Stage):
    """One environment: the stack with the data, and the stack with the contexts that use it."""

    def __init__(self, scope: cdk.App, id: str, *, max_vcpus: int) -> None:
        super().__init__(scope, id)
        self.data = DataStack(self, "Data")
        self.compute = ComputeStack(self, "Compute", data=self.data, max_vcpus=max_vcpus)
        cdk.Tags.of(self).add("Environment", id, exclude_resource_types=["AWS::Batch::JobQueue"])


def build(outdir: str | None = None) -> cdk.App:
    """The app with both environments."""
    app = cdk.App(outdir=outdir)
    Environment(app, "Staging", max_vcpus=64)
    Environment(app, "Production", max_vcpus=2048)
    return app


if __name__ == "__main__":
    build().synth()
