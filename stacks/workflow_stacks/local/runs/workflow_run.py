"""A workflow on the local cloud: brought there, submitted as its context says, followed, and told of."""

import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_stacks.local.batch.attempts import host_path, host_software
from workflow_stacks.local.batch.job_tags import (
    EFS_THROTTLE,
    SOFTWARE,
    SPOT_INTERRUPTION,
    TASK_FAILURE,
)
from workflow_stacks.local.batch.volumes import Volumes
from workflow_stacks.local.cloud.process import LocalCloud, LocalCloudError
from workflow_stacks.local.cloud.resources import deployed_stacks
from workflow_stacks.local.engines import ENGINES
from workflow_stacks.local.engines.base import LocalEngine, Place, Store
from workflow_stacks.local.sandboxes import CannotRunError, Sandbox, find_sandbox
from workflow_stacks.project import Project, find_context, load_project
from workflow_stacks.stack_outputs import stack_outputs

from .deployment import LocalDeployment
from .failure import Read, failed_by_itself, report, was_ended
from .progress import Progress
from .staging import FolderStage, S3Stage, S3Store
from .workflow_jobs import WorkflowJobs

POLL_SECONDS = 0.5
NOT_FOUND = 127

Look = Callable[[WorkflowJobs, "FolderStage | S3Stage"], None]
Record = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How a workflow is run.

    Attributes:
        spot_interruption: The share of attempts on Spot that lose their instance.
        task_failure: The share of attempts of tasks that fail.
        efs_throttle: The throughput of the file system in MiB/s, reads counted at a third; 0 for that of the disk.
        software: More directories with programs for the jobs, such as virtual environments.
        environment: More environment for the head job, such as settings of the engine.
        more_tags: More tags for the head job; see `job_tags`.
    """

    spot_interruption: float = 0.0
    task_failure: float = 0.0
    efs_throttle: float = 0.0
    software: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    more_tags: Mapping[str, str] = field(default_factory=dict)

    def tags(self) -> dict[str, str]:
        """As tags of the head job, which its tasks inherit."""
        software = ":".join(str(folder.resolve()) for folder in self.software)
        said = {
            SPOT_INTERRUPTION: self.spot_interruption,
            TASK_FAILURE: self.task_failure,
            EFS_THROTTLE: self.efs_throttle,
            SOFTWARE: software,
        }
        return {tag: str(value) for tag, value in said.items() if value} | dict(self.more_tags)


@dataclass(frozen=True)
class Result:
    """How a workflow ended.

    Attributes:
        succeeded: Whether it did.
        head: The id of the head job.
        tasks: How many tasks ended in which state.
        seconds: How long it took.
        results: Where its outputs are.
        outputs: Its outputs: name to value, files by their S3 address, or their path where they are on the file system.
        why: When it failed: which job, and the last lines of its log.
    """

    succeeded: bool
    head: str
    tasks: Mapping[str, int]
    seconds: float
    results: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    why: Sequence[str] = ()


def first_to_run(project_file: Path) -> tuple[str, str] | None:
    """A context of a project and a workflow that can run there, by their names."""
    project = load_project(project_file)
    for name, workflow in project.workflows.items():
        for context, settings in project.contexts.items():
            if settings.engine.engine in ENGINES and settings.engine.type == workflow.type.language:
                return context, name
    return None


class WorkflowRun:
    """Runs a workflow in a context of a project.

    Args:
        cloud: The local cloud; started and deployed to when it is not there.
        project_file: The project file.
        context: The name of the context.
        options: How to run it.
        progress: Who tells how it goes. Default: lines on stderr.
        needs_programs: Whether to fail at once when the programs of the head job are not on this machine.

    Raises:
        WorkflowContextError: There is no such context, its engine does not run here, or nothing can.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        project_file: Path,
        context: str,
        options: Options | None = None,
        progress: Progress | None = None,
        *,
        needs_programs: bool = True,
    ) -> None:
        self.cloud = cloud
        self.context = context
        self.options = options or Options()
        self._progress = progress or Progress()
        self._project_file = project_file
        self._project: Project = load_project(project_file)
        name = find_context(self._project, context).engine.engine
        if name not in ENGINES:
            raise LocalCloudError(f"{name} does not run on the local cloud yet; {', '.join(ENGINES)} can.")
        self.engine: LocalEngine = ENGINES[name]
        self.sandbox: Sandbox = find_sandbox()
        if needs_programs:
            self._check_programs()

    def run(self, workflow: Path, inputs: Sequence[str], look: Look) -> Result:
        """Run a workflow to its end.

        Args:
            workflow: A file, or the name that the project gives to a workflow.
            inputs: What the engine takes: `name=value`, or files of inputs.
            look: Called a few times a second with the jobs and the file system.
        """
        file = self._file(workflow)
        outputs = self._deployed()
        definition = self._definition(outputs["HeadJobDefinition"])
        stage = self._stage(outputs, definition)
        id_ = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
        results = f"{outputs['Outputs'].rstrip('/')}/local-runs/{id_}/"
        self._say_what_stands_in(definition)
        mounted = stage.target if isinstance(stage, FolderStage) else ""
        staged = f"{outputs['Outputs'].rstrip('/')}/local-runs/".removeprefix("s3://")
        endpoint = self.cloud.reading_endpoint(staged)
        place = Place(definition["containerProperties"]["command"], stage, results, mounted, endpoint)
        self._equip_machines(outputs)
        submission = self.engine.prepare(file, inputs, place)
        environment = {**submission.environment, **self.options.environment}
        start = time.monotonic()
        head = self.cloud.client("batch").submit_job(
            jobName=f"{file.stem}-{id_}",
            jobQueue=outputs["HeadQueue"],
            jobDefinition=outputs["HeadJobDefinition"],
            parameters=submission.parameters,
            containerOverrides={
                "environment": [{"name": name, "value": value} for name, value in environment.items()],
                **({"command": list(submission.command)} if submission.command else {}),
            },
            tags=self.options.tags(),
        )["jobId"]
        self._progress.say(f"Submitted {file.name} as head job {head}")
        queues = [outputs[name] for name in outputs if name.endswith("Queue")]
        jobs = WorkflowJobs(self.cloud.client, head, queues)
        self._follow(jobs, stage, look)
        store: Store = S3Store(self.cloud.client("s3"))
        results = submission.results
        read = stage.read_there if isinstance(stage, FolderStage) else _nothing
        if isinstance(stage, FolderStage) and not results.startswith("s3://"):
            store, results = stage, stage.here(results)
        return self._result(jobs, store, results, time.monotonic() - start, read)

    def prepare(self) -> None:
        """Start the local cloud and deploy the context, unless that is done; give its machines what they boot with."""
        self._equip_machines(self._deployed())

    def equip(self) -> None:
        """Give the machines of a context that is deployed what they boot with."""
        self._equip_machines(stack_outputs(self.cloud.client, self._project.stack_name(self.context)))

    def directory(self) -> FolderStage | None:
        """The directory that stands for the file system of the context; None when there is none."""
        outputs = self._deployed()
        stage = self._stage(outputs, self._definition(outputs["HeadJobDefinition"]))
        return stage if isinstance(stage, FolderStage) else None

    def _follow(self, jobs: WorkflowJobs, stage: FolderStage | S3Stage, look: Look) -> None:
        try:
            while not jobs.ended:
                time.sleep(POLL_SECONDS)
                jobs.look()
                look(jobs, stage)
        except KeyboardInterrupt:
            self._progress.say("Cancelling the workflow: its head job, and with it its tasks")
            jobs.cancel("Cancelled by Ctrl-C")
            self._progress.say("Cancelled; nothing of it runs any more")
            raise

    def _result(self, jobs: WorkflowJobs, store: Store, results: str, seconds: float, read: Read) -> Result:
        succeeded = jobs.head["status"] == "SUCCEEDED"
        return Result(
            succeeded,
            jobs.head["jobId"],
            dict(jobs.states),
            seconds,
            results,
            self.engine.outputs(store, results, since_ms=jobs.head["createdAt"]) if succeeded else {},
            () if succeeded else self._why(jobs, read),
        )

    def _why(self, jobs: WorkflowJobs, read: Read) -> list[str]:
        """The job to blame, what it ran, and what it said last."""
        tasks = jobs.described_tasks()
        job = next(iter(failed_by_itself(tasks)), jobs.head)
        ended = sum(was_ended(task) for task in tasks if task["status"] == "FAILED" and task is not job)
        told = report(job, "head job" if job is jobs.head else "task", ended, jobs.log(job), read)
        if job["container"].get("exitCode") == NOT_FOUND and not self.sandbox.runs_images:
            image = job["container"]["image"]
            told.insert(1, f"A program was not found: it may be in the image {image}, not on this machine.")
        return told

    def _file(self, workflow: Path) -> Path:
        named = self._project.workflows.get(str(workflow))
        file = self._project_file.parent / named.source_url if named else workflow
        if not file.is_file():
            names = ", ".join(self._project.workflows) or "none"
            raise LocalCloudError(
                f"There is no workflow {workflow}: neither a file, nor of the project (it has {names})"
            )
        return file

    def _deployed(self) -> dict[str, str]:
        stack = self._project.stack_name(self.context)
        if self.cloud.status() is None:
            self._progress.say("Starting the local cloud")
            self.cloud.start()
        if stack not in deployed_stacks(self.cloud.client):
            LocalDeployment(self.cloud, self._project_file, self._progress).deploy([self.context])
        return stack_outputs(self.cloud.client, stack)

    def _definition(self, arn: str) -> Record:
        found: list[Record] = self.cloud.client("batch").describe_job_definitions(jobDefinitions=[arn])[
            "jobDefinitions"
        ]
        return found[0]

    def _stage(self, outputs: Mapping[str, str], definition: Record) -> FolderStage | S3Stage:
        """The first directory that head jobs mount; without one, the context's folder in S3."""
        container = definition["containerProperties"]
        if not container.get("mountPoints"):
            return S3Stage(self.cloud.client("s3"), f"{outputs['Outputs'].rstrip('/')}/local-runs/")
        [environment, *_] = self._environments(outputs["HeadQueue"])
        scratch = self.cloud.state_dir / "scratch" / "stage"
        [mount, *_], owner = self._volumes().of_job(container, environment, scratch)
        return FolderStage(mount.source, mount.target, owner)

    def _equip_machines(self, outputs: Mapping[str, str]) -> None:
        for environment in self._environments(outputs["TaskQueue"]):
            self._volumes().equip(environment, self.engine.machine_files())

    def _volumes(self) -> Volumes:
        efs, ec2 = self.cloud.client("efs"), self.cloud.client("ec2")
        return Volumes(
            self.cloud.state_dir,
            lambda _: True,
            lambda id_: efs.describe_access_points(AccessPointId=id_)["AccessPoints"][0],
            lambda id_: _user_data(ec2.describe_launch_template_versions(LaunchTemplateId=id_, Versions=["$Latest"])),
        )

    def _environments(self, queue: str) -> list[Record]:
        """The compute environments of a queue, the first one first."""
        batch = self.cloud.client("batch")
        [found] = batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
        names = [one["computeEnvironment"] for one in found["computeEnvironmentOrder"]]
        environments: list[Record] = batch.describe_compute_environments(computeEnvironments=names)[
            "computeEnvironments"
        ]
        return environments

    def _check_programs(self) -> None:
        if self.sandbox.runs_images:
            return
        missing = sorted({package for program, package in self.engine.programs.items() if not self._which(program)})
        if missing:
            raise CannotRunError(f"The head job needs programs that are not here: {self.engine.how_to_get(missing)}")

    def _which(self, program: str) -> str | None:
        software = host_software(":".join(str(folder.resolve()) for folder in self.options.software))
        return shutil.which(program, path=host_path(software))

    def _say_what_stands_in(self, definition: Record) -> None:
        image = definition["containerProperties"]["image"]
        if self.sandbox.runs_images:
            self._progress.say(f"Jobs run in their images, by {self.sandbox.name}")
            return
        self._progress.say(
            f"Jobs run in sandboxes ({self.sandbox.name}): mounts, user, environment, logs and limits are those of "
            "their definitions. Images are not used, nor is memory limited:"
        )
        found = ", ".join(str(self._which(program)) for program in self.engine.programs)
        self._progress.say(f"  instead of {image}: {found}")
        self._progress.say("  instead of the images of tasks: what this machine has in /usr, and the same directories")


def _nothing(_place: str) -> bytes | None:
    """Without a file system jobs leave no files behind."""
    return None


def _user_data(answer: Mapping[str, Any]) -> str:
    """The user data of the one version of a launch template that EC2 was asked for."""
    [version] = answer["LaunchTemplateVersions"]
    return str(version["LaunchTemplateData"].get("UserData", ""))
