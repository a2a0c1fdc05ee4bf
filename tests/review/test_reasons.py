"""Every acknowledged finding has a reason that is true of the resource it stands on (LIF-17)."""

import pytest

from workflow_context.nag import COMPLIANCE_PACKS
from workflow_stacks.review import Review

JOBS = "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:batch:<AWS::Region>:<AWS::AccountId>:job"


def reasons(reviewed: Review, path: str, rule: str) -> set[str]:
    """The reasons of a rule, in whatever pack, on resources below a path; something must be there."""
    found = {
        one.reason
        for one in reviewed.acknowledged
        if one.finding.path.startswith(f"{path}/") and one.finding.rule.endswith(rule)
    }
    assert found, f"{rule} is not acknowledged below {path}"
    return found


def test_no_finding_of_any_pack_is_open(reviewed: Review) -> None:
    assert [f"{one.rule}: {one.path}" for one in reviewed.open] == []
    assert {one.finding.pack for one in reviewed.acknowledged} == set(reviewed.packs)


def test_old_versions_are_promised_only_where_they_are_kept(reviewed: Review) -> None:
    (project,) = reasons(reviewed, "Reviewed-core/Bucket/Bucket", "S3BucketReplicationEnabled")
    assert "kept for 7 days" in project
    for bucket in ("Reviewed-ofs/Storage/Bucket/Bucket", "Reviewed-ownBucket/StorageBucket/Bucket"):
        (own,) = reasons(reviewed, bucket, "S3BucketReplicationEnabled")
        assert "no old versions" in own
        assert "7 days" not in own


def test_a_bucket_with_a_key_needs_no_reason_to_have_none(reviewed: Review) -> None:
    with pytest.raises(AssertionError, match="not acknowledged"):
        reasons(reviewed, "Reviewed-ownKey/StorageBucket/Bucket", "S3DefaultEncryptionKMS")
    (without,) = reasons(reviewed, "Reviewed-ownBucket/StorageBucket/Bucket", "S3DefaultEncryptionKMS")
    assert "SSE-S3" in without
    (log,) = reasons(reviewed, "Reviewed-ownKey/StorageBucket/AccessLogs", "S3DefaultEncryptionKMS")
    assert "delivers access logs only" in log


def test_a_file_system_with_backups_is_not_said_to_have_none(reviewed: Review) -> None:
    (off,) = reasons(reviewed, "Reviewed-wdl/Storage", "EFSInBackupPlan")
    (on,) = reasons(reviewed, "Reviewed-backedUp/Storage", "EFSInBackupPlan")
    assert "off here" in off
    assert "copies it daily" in on


@pytest.mark.parametrize(
    ("context", "names"),
    [("snakemake", "snakejob-def-*"), ("nextflow", "nf-*"), ("cromwell", "cromwell_*"), ("toil", "toil-*")],
)
def test_job_definitions_end_at_the_names_that_the_engine_gives(reviewed: Review, context: str, names: str) -> None:
    (reason,) = reasons(reviewed, f"Reviewed-{context}/{context}/Engine/HeadRole", f"{JOBS}-definition/{names}]")
    assert f"names its job definitions {names}" in reason


def test_head_jobs_of_a_client_that_names_job_definitions_freely_are_said_to_reach_all(reviewed: Review) -> None:
    (reason,) = reasons(reviewed, "Reviewed-wdl/wdl/Engine/ClientJobs", f"{JOBS}-definition/*]")
    assert "any job definition of this account" in reason


def test_head_jobs_of_the_context_reach_its_own_job_definitions(reviewed: Review) -> None:
    (reason,) = reasons(reviewed, "Reviewed-wdl/wdl/Engine/HeadRole", "-task-*]")
    assert "names its job definitions <context>-task-*" in reason


@pytest.mark.parametrize("context", ["snakemake", "cromwell", "toil"])
def test_head_jobs_that_may_end_any_job_of_the_account_are_said_to(reviewed: Review, context: str) -> None:
    (reason,) = reasons(reviewed, f"Reviewed-{context}/{context}/Engine/HeadRole", f"{JOBS}/*]")
    assert "may end any job of this account" in reason


@pytest.mark.parametrize("context", ["wdl", "nextflow"])
def test_head_jobs_that_may_end_their_own_only_are_not_said_to_end_others(reviewed: Review, context: str) -> None:
    (reason,) = reasons(reviewed, f"Reviewed-{context}/{context}/Engine/HeadRole", f"{JOBS}/*]")
    assert "A condition on the tags of jobs" in reason
    assert "may end any job" not in reason


def test_the_rights_of_machines_end_at_the_clusters_of_aws_batch(reviewed: Review) -> None:
    for reason in reasons(reviewed, "Reviewed-wdl/wdl/Compute/InstanceRole", ":cluster/AWSBatch-*]"):
        assert "AWS Batch names its clusters" in reason
    assert not [one for one in reviewed.acknowledged if "IAM4" in one.finding.rule and "Compute" in one.finding.path]


def test_the_programs_of_head_jobs_are_not_called_declared_data(reviewed: Review) -> None:
    for reason in reasons(reviewed, "Reviewed-wdl/wdl/Engine/HeadRole", "workflow-program-*]"):
        assert "assets bucket" in reason


def test_a_rule_has_the_same_reason_in_every_pack(reviewed: Review) -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for one in reviewed.acknowledged:
        for pack in COMPLIANCE_PACKS:
            if one.finding.rule.startswith(f"{pack}-"):
                said.setdefault((one.finding.path, one.finding.rule.removeprefix(pack)), set()).add(one.reason)
    assert said
    assert [place for place, texts in said.items() if len(texts) > 1] == []
