"""AWS Batch on loopback as far as the front end knows it, with the faults that the real one has."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from workflow_context.pbs.journal import Journal
from workflow_context.pbs.settings import Settings

Record = dict[str, Any]

ARN = "arn:aws:batch:us-east-1:123456789012"
TEMPLATE = f"{ARN}:job-definition/tasks:1"
NewSettings = Callable[..., Settings]
Poll = Callable[[Settings], dict[str, str]]
SPOT = "Host EC2 (instance i-0123456789abcdef0) terminated."
"""What AWS Batch says of a job whose Spot machine went."""


class FakeBatch(ThreadingHTTPServer):
    """Keeps jobs; a test sets their states.

    Attributes:
        calls: How often each operation was called.
        jobs: What DescribeJobs says, by job id.
        definitions: Job definitions by ARN.
        throttled: How many of the next calls are refused for being too many.
        lost: How many of the next answers to SubmitJob are lost; the job is taken all the same.
        lost_before: How many of the next SubmitJob are lost on the way to AWS Batch.
        not_to_end: The ids of jobs that TerminateJob refuses to end.
        submitted: What SubmitJob was asked, by the id of the job or array.
        names: The ids of jobs by their ids for the engine.
        blind: Whether ListJobs shows nothing.
        hidden: The ids of jobs that DescribeJobs leaves out.
        unknown: Operations that this AWS Batch does not have.
        sizes: How many jobs an array has, by its id.
        slow_to_end: How many times DescribeJobs says of a job that was ended that it still runs.
        moments: When jobs were submitted.
        signatures: The Authorization header of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: Counter[str] = Counter()
        self.jobs: dict[str, Record] = {}
        self.definitions: dict[str, Record] = {
            TEMPLATE: {
                "jobDefinitionName": "tasks",
                "jobDefinitionArn": TEMPLATE,
                "revision": 1,
                "status": "ACTIVE",
                "platformCapabilities": ["EC2"],
                "timeout": {"attemptDurationSeconds": 86400},
                "containerProperties": {"image": "ubuntu:24.04", "mountPoints": [{"containerPath": "/mnt/efs"}]},
            }
        }
        self.throttled = self.lost = self.lost_before = self.slow_to_end = 0
        self.blind = False
        self.not_to_end: set[str] = set()
        self.hidden: set[str] = set()
        self.unknown: set[str] = set()
        self.submitted: dict[str, Record] = {}
        self.names: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.moments: list[float] = []
        self.signatures: list[str] = []
        self.lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def become(self, status: str, *ids: str, **more: Any) -> None:
        """Set the state of jobs; of all without ids."""
        for id_ in ids or list(self.jobs):
            self.job(id_).update({"status": status, **more})

    def know(self, settings: Settings) -> None:
        """Know jobs of a run by their ids for the engine too."""
        self.names |= {job.id: job.batch for job in Journal(settings.state, settings.run).jobs().values()}

    def job(self, id_: str) -> Record:
        """A job, by its id for the engine or for AWS Batch."""
        return self.jobs[self.names.get(id_, id_)]

    def living(self) -> list[str]:
        """The ids of the jobs that have not ended."""
        return [id_ for id_, job in self.jobs.items() if job["status"] not in ("SUCCEEDED", "FAILED")]

    def submitjob(self, request: Record) -> Record:
        definition = self.definitions.get(request["jobDefinition"])
        if definition is None or definition["status"] != "ACTIVE":
            raise ValueError("JobDefinition is not active")
        id_ = str(uuid.uuid4())
        size = request.get("arrayProperties", {}).get("size")
        names = [id_] if size is None else [f"{id_}:{index}" for index in range(size)]
        for index, name in enumerate(names):
            self.jobs[name] = {
                **{key: request[key] for key in ("jobName", "jobQueue", "jobDefinition", "timeout") if key in request},
                "jobId": name,
                "status": "RUNNABLE",
                "container": request["containerOverrides"],
                "request": request,
                **({"arrayProperties": {"index": index}} if size else {}),
            }
        if size is not None:
            self.sizes[id_] = size
        self.submitted[id_] = request
        self.moments.append(time.monotonic())
        return {"jobId": id_, "jobName": request["jobName"]}

    def describejobs(self, request: Record) -> Record:
        assert len(request["jobs"]) <= 100
        for job in map(self.jobs.get, request["jobs"]):
            if job and "ending" in job:
                job["ending"] -= 1
                if not job["ending"]:
                    self.become("FAILED", job["jobId"])
                    del job["ending"]
        shown = [id_ for id_ in request["jobs"] if id_ in self.jobs and id_ not in self.hidden]
        return {"jobs": [self.jobs[id_] for id_ in shown]}

    def listjobs(self, request: Record) -> Record:
        [condition] = request["filters"]
        assert condition["name"] == "JOB_NAME"
        return {
            "jobSummaryList": [
                {"jobId": id_}
                for id_, job in self.submitted.items()
                if not self.blind and job["jobName"] in condition["values"] and job["jobQueue"] == request["jobQueue"]
            ]
        }

    def terminatejob(self, request: Record) -> Record:
        if request["jobId"] in {self.names.get(id_, id_) for id_ in self.not_to_end}:
            raise ValueError("not authorized")
        size = self.sizes.get(request["jobId"])
        names = [request["jobId"]] if size is None else [f"{request['jobId']}:{index}" for index in range(size)]
        for id_ in names:
            if id_ in self.jobs:
                ending = {"ending": self.slow_to_end} if self.slow_to_end else {}
                self.become("RUNNING" if ending else "FAILED", id_, statusReason=request["reason"], **ending)
        return {}

    def terminatejobs(self, request: Record) -> Record:
        assert 1 <= len(request["jobs"]) <= 50
        errors = []
        for id_ in request["jobs"]:
            try:
                self.terminatejob({"jobId": id_, "reason": request["reason"]})
            except ValueError as error:
                errors.append({"job": id_, "code": "ClientException", "message": str(error)})
        failed = {one["job"] for one in errors}
        return {"successful": [id_ for id_ in request["jobs"] if id_ not in failed], "errors": errors}

    def describejobdefinitions(self, request: Record) -> Record:
        found = [
            one
            for one in self.definitions.values()
            if one["jobDefinitionArn"] in request.get("jobDefinitions", ())
            or (one["jobDefinitionName"] == request.get("jobDefinitionName") and one["status"] == "ACTIVE")
        ]
        return {"jobDefinitions": found}

    def registerjobdefinition(self, request: Record) -> Record:
        revision = 1 + sum(
            one["jobDefinitionName"] == request["jobDefinitionName"] for one in self.definitions.values()
        )
        arn = f"{ARN}:job-definition/{request['jobDefinitionName']}:{revision}"
        self.definitions[arn] = {**request, "jobDefinitionArn": arn, "revision": revision, "status": "ACTIVE"}
        return {"jobDefinitionArn": arn}

    def deregisterjobdefinition(self, request: Record) -> Record:
        self.definitions[request["jobDefinition"]]["status"] = "INACTIVE"
        return {}


class _Handler(BaseHTTPRequestHandler):
    server: FakeBatch

    def do_POST(self) -> None:
        operation = self.path.rsplit("/", 1)[-1]
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        batch = self.server
        with batch.lock:
            batch.calls[operation] += 1
            batch.signatures.append(self.headers["Authorization"])
            if batch.throttled:
                batch.throttled -= 1
                self._answer(429, {"message": "Too Many Requests"}, "TooManyRequestsException")
                return
            if operation == "submitjob" and batch.lost_before:
                batch.lost_before -= 1
                self.close_connection = True
                return
            if operation in batch.unknown:
                self._answer(404, {"message": "not here"}, "UnknownOperationException")
                return
            try:
                answer = getattr(batch, operation)(request)
            except ValueError as error:
                self._answer(400, {"message": str(error)}, "ClientException")
                return
            if operation == "submitjob" and batch.lost:
                batch.lost -= 1
                self.close_connection = True
                return
        self._answer(200, answer)

    def _answer(self, code: int, body: Record, error: str = "") -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def fake_batch() -> Iterator[FakeBatch]:
    """An AWS Batch that runs until the block ends."""
    with FakeBatch() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def states(text: str) -> dict[str, str]:
    """What `qstat -f` says, read as Nextflow reads it: line by line."""
    found, id_ = {}, ""
    for line in text.splitlines():
        if line.startswith("Job Id:"):
            id_ = line[7:].strip()
        elif " job_state = " in line:
            found[id_] = line.split(" = ")[1].strip()
    return found
