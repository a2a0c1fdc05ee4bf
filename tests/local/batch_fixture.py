"""A small AWS Batch on the local cloud, without CloudFormation: queues, a job definition, and jobs that are scripts."""

import json
import time
import urllib.request
from itertools import count
from typing import Self

import boto3
from botocore.config import Config

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.batch.job_records import ENDED
from workflow_stacks.local.batch.job_tags import SHORT_TIMEOUTS

MOUNT = "/mnt/efs"
USER = {"Uid": 1000, "Gid": 1000}
NUMBERS = count()
SHOW_AND_WAIT = "echo $AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN; exec sleep 600"


class Lab:
    """Submits scripts as jobs, and waits for them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.batch = cloud.client("batch")
        self.role = self.new_role("lab", "ec2.amazonaws.com", "service-role/AmazonEC2ContainerServiceforEC2Role")
        self.job_role = self.new_role("lab-job", "ecs-tasks.amazonaws.com", "AdministratorAccess")
        iam = cloud.client("iam")
        iam.create_instance_profile(InstanceProfileName="lab")
        iam.add_role_to_instance_profile(InstanceProfileName="lab", RoleName="lab")
        self.file_system = cloud.client("efs").create_file_system()["FileSystemId"]
        self.access_point = self.new_access_point("/lab")
        self.queue = self.new_queue("EC2", 4)
        self.definition = self.new_definition()

    def new_role(self, name: str, service: str, *managed: str, boundary: str = "", **inline: dict) -> str:
        """A role with AWS's managed policies and inline ones."""
        iam = self.cloud.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        more = {"PermissionsBoundary": boundary} if boundary else {}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)["Role"]["Arn"]
        for policy in managed:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        for policy, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        return arn

    def new_access_point(self, path: str, user: dict = USER) -> str:
        owner = {"OwnerUid": user["Uid"], "OwnerGid": user["Gid"], "Permissions": "750"}
        return self.cloud.client("efs").create_access_point(
            FileSystemId=self.file_system,
            PosixUser=user,
            RootDirectory={"Path": path, "CreationInfo": owner},
        )["AccessPointId"]

    def new_queue(self, kind: str, max_vcpus: int, **settings) -> str:
        number = next(NUMBERS)
        environment = self.batch.create_compute_environment(
            computeEnvironmentName=f"lab-{number}",
            type="MANAGED",
            computeResources={"type": kind, "maxvCpus": max_vcpus, "subnets": ["subnet-1"], "instanceRole": "lab"},
        )["computeEnvironmentArn"]
        order = [{"order": 1, "computeEnvironment": environment}]
        return self.batch.create_job_queue(
            jobQueueName=f"lab-{number}", priority=1, computeEnvironmentOrder=order, **settings
        )["jobQueueArn"]

    def volume(self, access_point: str) -> dict:
        return {
            "name": "shared",
            "efsVolumeConfiguration": {
                "fileSystemId": self.file_system,
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"accessPointId": access_point},
            },
        }

    def new_definition(self, **container) -> str:
        return self.batch.register_job_definition(
            jobDefinitionName=f"lab-{next(NUMBERS)}",
            type="container",
            containerProperties={
                "image": "debian:12-slim",
                "command": ["bash", "-c", "Ref::script"],
                "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
                "volumes": [self.volume(self.access_point)],
                "mountPoints": [{"sourceVolume": "shared", "containerPath": MOUNT}],
                **container,
            },
        )["jobDefinitionArn"]

    def submit(self, script: str, *, queue: str = "", definition: str = "", seconds: int | None = None, **more) -> str:
        if seconds:
            more = {**more, "timeout": {"attemptDurationSeconds": seconds}}
            more["tags"] = {**more.get("tags", {}), SHORT_TIMEOUTS: "yes"}
        return self.batch.submit_job(
            jobName="script",
            jobQueue=queue or self.queue,
            jobDefinition=definition or self.definition,
            parameters={"script": script},
            **more,
        )["jobId"]

    def job(self, id_: str) -> dict:
        return self.batch.describe_jobs(jobs=[id_])["jobs"][0]

    def wait(self, id_: str, *states: str, patience: float = 50) -> dict:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if (job := self.job(id_))["status"] in (states or ENDED):
                return job
            time.sleep(0.03)
        raise AssertionError(f"the job is {job['status']} ({job.get('statusReason')}), not {states or 'ended'}")

    def run(self, script: str, **settings) -> dict:
        return self.wait(self.submit(script, **settings))

    def log(self, job: dict) -> list[str]:
        options = job["container"].get("logConfiguration", {}).get("options", {})
        events = self.cloud.client("logs").get_log_events(
            logGroupName=options.get("awslogs-group", "/aws/batch/job"),
            logStreamName=job["container"]["logStreamName"],
            startFromHead=True,
        )["events"]
        return [event["message"] for event in events]

    def unchecked(self):
        """A client of AWS Batch that sends what it is given, once."""
        environment = self.cloud.environment()
        return boto3.client(
            "batch",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, max_pool_connections=8),
        )

    def as_job(self, service: str = "batch", *, role: str = "", **job) -> "AsJob":
        """A job that waits, and a client that has its credentials, as its own programs do."""
        definition = self.new_definition(jobRoleArn=role or self.job_role)
        return AsJob(self, service, self.submit(SHOW_AND_WAIT, definition=definition, **job))


class AsJob:
    """A client with the credentials of a job that waits until the `with` ends."""

    def __init__(self, lab: Lab, service: str, id_: str) -> None:
        self.lab, self.id = lab, id_
        self.credentials = self.fetch()
        self.client = self.client_of(service)

    def fetch(self) -> dict:
        """The credentials, from where the job gets them."""
        running = self.lab.wait(self.id, "RUNNING", "FAILED")
        while not (said := self.lab.log(running)):
            time.sleep(0.05)
        self.address, self.token = said[0].split()
        request = urllib.request.Request(self.address, headers={"Authorization": self.token})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def client_of(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.lab.cloud.server().endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["Token"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.lab.batch.terminate_job(jobId=self.id, reason="the test is over")
        self.lab.wait(self.id)
