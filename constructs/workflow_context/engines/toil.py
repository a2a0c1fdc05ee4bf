"""Toil, by its batch system for AWS Batch: https://toil.readthedocs.io/en/latest/."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct
from typing_extensions import override

from workflow_context.s3_location import S3_WILDCARD
from workflow_context.scripts import read_script

from .base import WorkflowEngine
from .check import CheckTask, task_container
from .parts import ContextParts
from .task_rights import UNMARKED_JOBS, UNMARKED_TAGS, Ownership

# The image that Toil 9.6.0 itself starts jobs with (toil.version.dockerTag): head and jobs must be of one version.
IMAGE = "quay.io/ucsc_cgl/toil:9.6.0-6793fc7f112785e13a229691d6de23225e73339e-py3.10"

_BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
_OBJECT_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)
# What Toil does once for each job store, at its beginning and at its end: toil/lib/aws/s3.py and utils.py.
_BUCKET_LIFE_ACTIONS = (
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:ListBucketVersions",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutEncryptionConfiguration",
)


class ToilEngine(WorkflowEngine):
    """Toil, for WDL and CWL, with a job store in S3 for each run.

    Toil makes a bucket for each job store, and deletes it when the run has succeeded. The name of a job store of this
    context begins with `job_store`; the log of a head job says it whole. A run that ended early goes on when a new head
    job is given its name (`jobStore`).

    Args:
        scope: Where the construct lives.
        id: Its name there. The names of job stores follow from it.
        parts: What the context gives it. With `S3FileSystem` workflows may read and write in the work directory, while
            Toil's own files are in the job stores; results go to `outputs`.
        image: Container image of head jobs and of the jobs that Toil starts. Default: the one that the Toil project
            publishes, by version.

    Attributes:
        task_role: The role of task jobs.
        job_store: Beginning of the job store names that the roles of the context may use: `aws:<region>:toil-…`.
        head_job_definition: Runs one workflow: parameters `language` (`wdl` or `cwl`), `workflow` (its URL; one in S3
            comes with what lies beside it, and behind a CWL document may stand `#process`), `inputs` (JSON,
            or the URL of a JSON file), `outputs` (an S3 folder, where `outputs.json` names them at the end) and
            `jobStore` (`new`, or the name of one to go on with).

    Raises:
        ValueError: The file system is mounted: Toil's job definitions carry no mount.

    Security considerations:
        Toil's job definitions are privileged and bind the machine's Docker socket: a task can do everything on its
        machine, read the files of the other tasks there, and act with the instance role. Do not run workflows of people
        who may not see each other's data in one context. Toil takes the block of public access off the buckets that it
        makes; the roles may not set ACLs or bucket policies, so nothing in them becomes public, and the block of the
        account, where it is on, stays. Head jobs may register job definitions named `toil-…`, submit with them to the
        queues of the context, and give them the task role, no other. The names are the same in every context, and no
        tag of a job tells the context: a head job may submit with the job definitions of other Toil contexts of the
        account, and so act as their task roles, and may end any job whose id it knows and that bears no other context's
        tag. One account is one trust boundary for Toil. Its tasks log to AWS Batch's own log group, `/aws/batch/job`.

    Cost:
        A head job takes one Fargate vCPU and 4 GiB: 0.058 USD an hour (us-east-1). A job store of a run that failed
        stays, and costs what S3 storage costs, until `toil clean` or the restarted run deletes it. Toil knows one
        queue: jobs that lose Spot machines are tried again on Spot, three times.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        parts: ContextParts,
        *,
        image: str = IMAGE,
    ) -> None:
        super().__init__(scope, id, parts)
        if self.storage.mount_path is not None:
            message = (
                f"the job definitions that Toil makes do not mount {type(self.storage).__name__}, and its job stores "
                "are in S3; give S3FileSystem"
            )
            raise ValueError(message)
        self._image = image
        # Bucket names are shared by all accounts: the account in them keeps others from taking ours. The address is
        # that of the construct in the tree; its first two characters are always the same.
        self._store_names = f"toil-{self.node.addr[2:10]}-{cdk.Aws.ACCOUNT_ID}"
        self.job_store = f"aws:{cdk.Aws.REGION}:{self._store_names}"
        self.task_role = self.new_role("TaskRole", "Task jobs of the workflow context")
        self.grant_task(self.task_role)
        self.outputs.grant_read_write(self.task_role)
        self._grant_job_stores()
        self.grant_pass_roles(self.task_role)
        self.grant_default_log(self.compute.instance_role)
        self.compute.run_at_boot(read_script("toil_folders.sh"))
        self.head_job_definition = self.new_job_definition(
            "HeadJob",
            self.head_container(
                "Head",
                image=image,
                command=self.head_command(
                    "Ref::language", "Ref::workflow", "Ref::inputs", "Ref::outputs", "Ref::jobStore"
                ),
                environment={
                    **self.program_environment(["fetched.sh", "toil_head.sh"]),
                    **self._settings(),
                    "TOIL_JOB_STORE": self.job_store,
                },
            ),
            parameters={
                "language": "wdl",
                "workflow": "https://raw.githubusercontent.com/DataBiosphere/toil/releases/9.6.0/"
                "src/toil/test/wdl/miniwdl_self_test/self_test.wdl",
                "inputs": "{}",
                "outputs": self.outputs.within("toil", "results").uri,
                "jobStore": "new",
            },
            timeout=cdk.Duration.days(14),
        )

    @property
    @override
    def client_configuration(self) -> str:
        return "\n".join(
            [
                *(f"export {name}={value}" for name, value in self._settings().items()),
                f"# toil-wdl-runner --batchSystem aws_batch --jobStore {self.job_store}-NAME WORKFLOW.wdl INPUTS.json",
                "# NAME: lower-case letters and digits, at most 28; a new one for each run.",
                "# Add --workDir /var/lib/toil --coordinationDir /var/lib/toil (make it here too): else tasks on one",
                "# machine delete each other's files.",
            ]
        )

    @property
    @override
    def check_task(self) -> CheckTask:
        # As Toil registers it: privileged, in the image of the head job, logging where AWS Batch does.
        return CheckTask(
            name="toil-check-", container=task_container(self._image, role=self.task_role, privileged=True)
        )

    @override
    def extra_outputs(self) -> dict[str, str]:
        return {"JobStore": self.job_store, "TaskRole": self.task_role.role_arn}

    @property
    @override
    def ownership(self) -> Ownership:
        return Ownership(
            "toil-*", UNMARKED_TAGS, UNMARKED_JOBS
        )  # Toil names them, and tags jobs with nothing of the context

    @override
    def wildcard_reasons(self) -> dict[str, str]:
        job_stores = "Or the buckets of this context's job stores, which Toil names and makes."
        return {**super().wildcard_reasons(), "s3:": f"{S3_WILDCARD} {job_stores}"}

    def _settings(self) -> dict[str, str]:
        return {
            "AWS_DEFAULT_REGION": cdk.Aws.REGION,
            "TOIL_AWS_REGION": cdk.Aws.REGION,
            "TOIL_AWS_BATCH_QUEUE": self.compute.kinds[0].arn,
            "TOIL_AWS_BATCH_JOB_ROLE_ARN": self.task_role.role_arn,
            "TOIL_APPLIANCE_SELF": self._image,
        }

    def _grant_job_stores(self) -> None:
        buckets = cdk.Stack.of(self).format_arn(
            service="s3",
            region="",
            account="",
            resource=f"{self._store_names}-*--toil",
            arn_format=cdk.ArnFormat.NO_RESOURCE_NAME,
        )
        for role in (self.head_role, self.task_role):
            for statement in (
                iam.PolicyStatement(sid="ListJobStores", actions=list(_BUCKET_ACTIONS), resources=[buckets]),
                iam.PolicyStatement(sid="UseJobStores", actions=list(_OBJECT_ACTIONS), resources=[f"{buckets}/*"]),
            ):
                role.add_to_policy(statement)
        for statement in (
            iam.PolicyStatement(sid="MakeJobStores", actions=list(_BUCKET_LIFE_ACTIONS), resources=[buckets]),
            iam.PolicyStatement(sid="EmptyJobStores", actions=["s3:DeleteObjectVersion"], resources=[f"{buckets}/*"]),
        ):
            self.head_role.add_to_policy(statement)
