"""Storage for one run: provisioned by a call, deleted when the run has ended and its time is over."""

import aws_cdk as cdk
from aws_cdk import (
    aws_apigatewayv2 as apigateway,
    aws_apigatewayv2_authorizers as authorizers,
    aws_apigatewayv2_integrations as integrations,
    aws_batch as batch,
    aws_cloudwatch as cloudwatch,
    aws_events as events,
    aws_events_targets as targets,
    aws_iam as iam,
    aws_kms as kms,
    aws_lambda as lambda_,
    aws_logs as logs,
)
from constructs import Construct

from .access_log import AccessLog
from .context import WorkflowContext
from .engines.rights import container_role
from .functions import new_function
from .log_groups import new_log_group
from .nag import acknowledge_policies
from .pbs.settings import TAG
from .program import PROGRAM_PREFIX, HeadProgram, volume_files
from .s3_location import S3_WILDCARD, S3Location
from .scripts import read_script
from .storage_use import HEAD, StorageUse

IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"
PROVISIONING = ("efs", "ofs")
"""The kinds that can be asked for; a context has one of them, and says so when it is asked for the other."""

EXPIRY_JOB = "storage-expiry"
_CALLS_PER_SECOND = 10
_LOG_RETENTION = logs.RetentionDays.ONE_MONTH


class StorageDispatcher(Construct):
    """Gives each run storage of its own on a context's file system, and deletes it after the run.

    An HTTP API answers `POST /provision-storage-efs` and `POST /provision-storage-ofs` with a name. Behind it is a
    directory of its own: on Amazon EFS with an access point and a POSIX user of its own, on ObjectiveFS with a bind
    mount. Requests are `{"version": 2, "storage_expiration_hours": 0, "fs_size_tb": 10}`, every key optional: hours are
    whole, 0 to 8760, by default 0 on EFS and 720 on ObjectiveFS; the size is for ObjectiveFS, 0 to 50 TB, by default
    that of the context. A request with the header `Idempotency-Key` is answered with the same name when it is sent
    again by the same caller. `POST /use-storage` with `{"name": …}` answers with the job definition of a head job on
    that storage, `headJobDefinition`, for engines that say how (`WorkflowEngine.volume_jobs`): Nextflow, Snakemake and
    miniwdl.

    A job on the head queue deletes what is over: each hour, and when a head job ends. The time begins when the last run
    on the storage has ended, by the mark that the engine's head job leaves. With 0 hours the storage goes when its runs
    succeeded; when one failed it is kept for a week, so that it can be resumed. What no run used goes after its hours,
    and a day at least. What has no mark stays: a run may be going. One pass deletes 100 at most.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.
        encryption_key: Key for the logs of the API. Default: that of CloudWatch Logs.

    Attributes:
        api: The HTTP API.
        records: Where in S3 is written down what was provisioned; jobs of the context cannot write there.
        expiry_job_definition: The job that deletes: parameters `mode` (`delete`, `dry-run` or `measure`, which writes
            down how many bytes each storage holds) and `name` (`all`, or that of one).

    Raises:
        ValueError: The file system has no directories for single runs, the engine marks no runs as ended, or the
            outputs of the context are a whole bucket, in which jobs could change the records.

    Security considerations:
        Callers are asked for by IAM: only who may `execute-api:Invoke` on the routes gets storage (`grant_provision`),
        which is recorded under the ARN that IAM found, or uses some, whoever the owner is (`grant_use`). The function
        that provisions can make access points that carry the mark of this construct, on this file system, and write
        records; it can delete nothing but a record of its own that failed. Another one makes the roles and job
        definitions of jobs on storage: see `StorageUse`. The job that deletes can mount the directory of all storage
        as root, delete access points with the mark, have those removed, and write records; it has no way to the
        directory of the context.
        On EFS the policies of the context's roles name its own access point, and those of the roles of jobs on storage
        the one of that storage: no other run can mount it. With miniwdl tasks mount without a role
        (`EfsFileSystem.allow_mounts_without_iam`): there whoever knows the id of an access point can mount it, and
        what keeps runs apart is that nobody is told it, and the POSIX user of each. On ObjectiveFS jobs bind a
        directory of their machine: a run sees its own, but a head job could register a job definition that binds all.

    Cost:
        The API 1.00 USD for a million requests, the function less; the job a Fargate task of a minute each hour, and
        one for each run: about 0.60 USD a month and 0.001 USD a run (us-east-1). Access points cost nothing; Amazon EFS
        has at most 10,000 for each file system. https://docs.aws.amazon.com/efs/latest/ug/limits.html
    """

    def __init__(
        self, scope: Construct, id: str, *, context: WorkflowContext, encryption_key: kms.IKey | None = None
    ) -> None:
        super().__init__(scope, id)
        runs, outputs = context.engine.runs, context.engine.outputs
        volumes = context.storage.run_volumes()
        if volumes is None:
            message = f"{type(context.storage).__name__} has no directories for single runs; EfsFileSystem has"
            raise ValueError(message)
        if runs is None:
            message = f"{type(context.engine).__name__} marks no runs that ended on the file system, so none can expire"
            raise ValueError(message)
        if not outputs.prefix:
            message = "the outputs of the context are a whole bucket; give it an S3Location with a prefix"
            raise ValueError(message)
        self._context = context
        self._volumes = volumes
        self._key = encryption_key
        # Beside the place of the context and not in it, where its jobs may write.
        self.records = S3Location(outputs.bucket, f"{outputs.prefix}-storage")
        self._settings = {
            "BUCKET": outputs.bucket.bucket_name,
            "PREFIX": f"{self.records.prefix}/",
            **({"FILE_SYSTEM": volumes.file_system_id} if volumes.file_system_id else {}),
        }
        self.api = apigateway.HttpApi(
            self, "Api", create_default_stage=False, description="Storage for runs of the workflow context"
        )
        provision = integrations.HttpLambdaIntegration("Integration", self._new_function())
        self._routes = [self._new_route(f"provision-storage-{kind}", provision) for kind in PROVISIONING]
        self._use = self._new_use()
        self._use_routes = self._new_use_routes()
        self._stage = self._new_stage()
        self.expiry_job_definition = self._new_expiry_job()
        self._expire_when_due()
        logs.MetricFilter(
            self,
            "BytesFreed",
            log_group=context.engine.log_group,
            filter_pattern=logs.FilterPattern.exists("$.bytesFreed"),
            metric_namespace="WorkflowContext/Storage",
            metric_name=context.engine.context_name,
            metric_value="$.bytesFreed",
            unit=cloudwatch.Unit.BYTES,
        )
        acknowledge_policies(
            self,
            {
                "s3:": S3_WILDCARD,
                "execute-api:": "One route of this API, in whatever stage: it has one.",
                "elasticfilesystem:": "Amazon EFS gives access points their ids when they are made; a condition on "
                "their tag limits the right to those of this construct.",
            },
            {PROGRAM_PREFIX: "The programs of jobs in the assets bucket of the CDK, which hold no data."},
        )

    def grant_provision(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody to get storage.

        Args:
            grantee: Who may: a role of users, of CI, or of head jobs.
        """
        efs, ofs = (route.grant_invoke(grantee) for route in self._routes)
        return efs.combine(ofs)

    def grant_use(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody who may run workflows in the context to run them on storage, of every owner.

        That is `workflow-context run --storage`, beside `WorkflowContext.grant_submit`.

        Args:
            grantee: Who may.

        Raises:
            ValueError: The engine of the context cannot use it.
        """
        if self._use is None:
            message = f"{type(self._context.engine).__name__} does not say how its jobs use storage (volume_jobs)"
            raise ValueError(message)
        definitions = self._use.definition_arn(HEAD)
        submit = iam.Grant.add_to_principal(grantee=grantee, actions=["batch:SubmitJob"], resource_arns=[definitions])
        tag = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["batch:TagResource"],
            resource_arns=[definitions],
            conditions={"Null": {f"aws:RequestTag/{TAG}": "true"}},
        )
        return self._use_routes[0].grant_invoke(grantee).combine(submit).combine(tag)

    def grant_manage(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow somebody to see whose storage there is, to keep it longer, and to have it deleted, of every owner.

        That is `workflow-context storage`, but for `provision` (`grant_provision`), with what it shows of runs.

        Args:
            grantee: Who may.
        """
        engine, queue = self._context.engine, self._context.compute.head_queue
        submit = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["batch:SubmitJob"],
            resource_arns=[queue.job_queue_arn, self.expiry_job_definition.job_definition_arn],
        )
        follow = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["batch:DescribeJobs"],
            resource_arns=["*"],  # it has no resource level
        )
        return (
            self.records.grant_read_write(grantee)
            .combine(engine.outputs.within("runs").grant_read(grantee))
            .combine(engine.log_group.grant(grantee, "logs:GetLogEvents"))
            .combine(submit)
            .combine(follow)
        )

    def metric_bytes_freed(self) -> cloudwatch.Metric:
        """Bytes that were deleted: the sum, each hour."""
        return cloudwatch.Metric(
            namespace="WorkflowContext/Storage",
            metric_name=self._context.engine.context_name,
            statistic="Sum",
            period=cdk.Duration.hours(1),
        )

    def outputs(self) -> dict[str, str]:
        """What a user wants to know once it is deployed: name to value, for stack outputs."""
        return {
            "StorageApi": self.api.api_endpoint,
            "StorageKind": self._volumes.kind,
            "StorageRecords": self.records.uri,
            "StorageExpiryJobDefinition": self.expiry_job_definition.job_definition_arn,
            **({"StorageUse": self._use.function.function_name} if self._use else {}),
        }

    def _new_function(self) -> lambda_.Function:
        function = new_function(
            self,
            "Provision",
            code=lambda_.Code.from_inline(read_script("provision_storage.py")),
            description="Provisions storage for runs of the workflow context",
            timeout=cdk.Duration.seconds(25),  # an HTTP API waits for 30
            environment={
                **self._settings,
                "KIND": self._volumes.kind,
                "CONTEXT": self._context.engine.context_name,
                "SIZE_TB": f"{self._volumes.expected_size_tb:g}",
            },
            log_retention=_LOG_RETENTION,
            log_encryption_key=self._key,
            after_failure="Whoever calls waits for the answer, and calls again.",
        )
        self.records.grant_read_write(function)
        self._volumes.grant_provision(function)
        return function

    def _new_route(self, name: str, integration: integrations.HttpLambdaIntegration) -> apigateway.HttpRoute:
        [route] = self.api.add_routes(
            path=f"/{name}",
            methods=[apigateway.HttpMethod.POST],
            integration=integration,
            authorizer=authorizers.HttpIamAuthorizer(),
        )
        return route

    def _new_use(self) -> StorageUse | None:
        jobs = self._context.engine.volume_jobs
        if jobs is None:
            return None
        return StorageUse(
            self,
            "Use",
            context=self._context,
            volumes=self._volumes,
            jobs=jobs,
            records=self.records,
            settings=self._settings,
            log_retention=_LOG_RETENTION,
            encryption_key=self._key,
        )

    def _new_use_routes(self) -> list[apigateway.HttpRoute]:
        if self._use is None:
            return []
        integration = integrations.HttpLambdaIntegration("UseIntegration", self._use.function)
        return [self._new_route(name, integration) for name in ("use-storage", "remove-storage-use")]

    def _new_stage(self) -> apigateway.HttpStage:
        log_group = new_log_group(self, "AccessLog", retention=_LOG_RETENTION, encryption_key=self._key)
        return apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=_CALLS_PER_SECOND, burst_limit=2 * _CALLS_PER_SECOND),
            access_log_settings=AccessLog(log_group),
        )

    def _new_expiry_job(self) -> batch.EcsJobDefinition:
        engine, whole = self._context.engine, self._volumes.whole
        runs = engine.runs
        assert runs is not None  # noqa: S101  the constructor has seen to it
        role = container_role(self, "ExpiryRole", "Deletes storage of runs of the workflow context")
        program = HeadProgram(self, "Program", files=volume_files())
        program.grant_read(role)
        whole.grant_read_write(role)
        self.records.grant_read_write(role)
        self._volumes.grant_remove(role)
        if self._use:
            self._use_routes[1].grant_invoke(role)
        container = engine.head_container(
            "StorageExpiryContainer",
            image=IMAGE,
            command=engine.head_command("Ref::mode", "Ref::name"),
            environment={
                **engine.start_environment(program),
                **self._settings,
                **({"USE_API": self.api.api_endpoint} if self._use else {}),
                "STORAGE_ROOT": str(self._context.storage.mount_path),
                "RUNS": runs.directory,
                "END_MARKERS": ",".join(runs.end_markers),
                "FAILURE_MARKERS": ",".join(runs.failure_markers),
            },
            cpu=1,
            memory=cdk.Size.gibibytes(2),
            role=role,
            storage=whole,
        )
        definition = engine.new_job_definition(
            "StorageExpiryJob", container, parameters={"mode": "delete", "name": "all"}, timeout=cdk.Duration.hours(6)
        )
        definition.node.add_dependency(*whole.ready)
        return definition

    def _expire_when_due(self) -> None:
        queue = self._context.compute.head_queue

        def job() -> targets.BatchJob:
            return targets.BatchJob(
                queue.job_queue_arn,
                queue,
                self.expiry_job_definition.job_definition_arn,
                self.expiry_job_definition,
                job_name=EXPIRY_JOB,
                retry_attempts=2,
            )

        events.Rule(
            self,
            "EachHour",
            description="Delete storage whose time is over",
            schedule=events.Schedule.rate(cdk.Duration.hours(1)),
            targets=[job()],
        )
        events.Rule(
            self,
            "AtTheEndOfARun",
            description="Delete storage of a run that has ended, if its time is over",
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=["Batch Job State Change"],
                detail={
                    **self._context.engine.job_events([queue.job_queue_arn]),
                    "status": ["SUCCEEDED", "FAILED"],
                    # Its own end is no reason to begin again.
                    "jobName": [{"anything-but": [EXPIRY_JOB]}],
                },
            ),
            targets=[job()],
        )
