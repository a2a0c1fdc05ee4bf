"""The tags by which the stacks of a project are found again. Imports nothing."""

PROJECT_TAG = "workflow-context:project"
CONTEXT_TAG = "workflow-context:context"
USER_TAG = "workflow-context:user"

UNTAGGED = ("AWS::Batch::ComputeEnvironment", "AWS::Batch::JobQueue")
"""What CloudFormation replaces, with its jobs, when a tag changes."""
