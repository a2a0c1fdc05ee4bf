"""Roles and jobs with the statements that a test gives them."""

from itertools import count

import pytest
from answers import TASKS, document

NUMBERS = count()


@pytest.fixture(scope="session")
def buckets(lab) -> None:
    """The bucket that the context has, and one that it does not."""
    s3 = lab.cloud.client("s3")
    for bucket in ("iam-context", "iam-other"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="ctx/a", Body=b"content")


@pytest.fixture
def role_with(lab):
    """Makes a role of jobs with these statements."""

    def made(*statements: dict, **more) -> str:
        return lab.new_role(f"iam-{next(NUMBERS)}", TASKS, own=document(*statements), **more)

    return made


@pytest.fixture
def job_with(lab, role_with):
    """Runs a job with these statements in the policy of its role, and gives it with a client of a service."""
    jobs = []

    def made(service: str, *statements: dict, **more):
        job = lab.as_job(service, role=role_with(*statements, **more))
        jobs.append(job)
        return job

    yield made
    for job in jobs:
        job.__exit__(None, None, None)
