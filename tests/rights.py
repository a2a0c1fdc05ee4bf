"""The rights of roles: what each role of an engine on a file system is granted, and what of it runs used.

`tests/matrix/rights.json` keeps it for every pair. Runs of all tests are held against it by `assert_rights`, and those
of `make matrix`, which do all that is known of, also by `assert_nothing_new`; templates by `tests/test_matrix.py`.
With WORKFLOW_CONTEXT_RECORD_RIGHTS in the environment runs and templates write what they find.
`python tests/rights.py` writes the tables of docs/rights.md.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_runs import denied_calls

from workflow_stacks.local import LocalCloud
from workflow_stacks.local.iam.authorizer import managed_policies
from workflow_stacks.local.iam.patterns import glob
from workflow_stacks.project import load_project

TABLE = Path(__file__).parent / "matrix" / "rights.json"
RECORD = "WORKFLOW_CONTEXT_RECORD_RIGHTS"
PAGE = Path(__file__).parents[1] / "docs" / "rights.md"
REASONS = {
    "batch:DeregisterJobDefinition": "A task that names an image gets a definition of its own, which goes at the end.",
    "batch:DescribeComputeEnvironments": "For Seqera Platform, Nextflow on S3 looks up the machine of each task.",
    "batch:DescribeJobDefinitions": "The definition of an image that is there already is used again.",
    "batch:DescribeJobQueues": "As `batch:DescribeComputeEnvironments`.",
    "batch:DescribeJobs": "`miniwdl-aws-submit` gives head jobs no role on EC2: they act as their machine.",
    "batch:ListJobs": "After an interruption, a head job looks for what it submitted; Cromwell looks so at its tasks.",
    "batch:RegisterJobDefinition": "As `batch:DeregisterJobDefinition`.",
    "batch:SubmitJob": "As `batch:DescribeJobs`.",
    "batch:TagResource": "Tags that a user asks for: labels of processes, `aws-batch-tags`, and the run of a task.",
    "batch:TerminateJob": "A workflow that fails or is stopped ends its tasks.",
    "ec2:DescribeInstances": "As `batch:DescribeComputeEnvironments`.",
    "ecr:BatchCheckLayerAvailability": "Images of a private registry.",
    "ecr:BatchGetImage": "Images of a private registry.",
    "ecr:GetAuthorizationToken": "Images of a private registry.",
    "ecr:GetDownloadUrlForLayer": "Images of a private registry.",
    "ecs:Describe*": "As `batch:DescribeComputeEnvironments`.",
    "ecs:*": "The agent of Amazon ECS on a machine.",
    "elasticfilesystem:Client*": "Machines mount at boot, and a task where its job definition says so.",
    "iam:PassRole": "Definitions that are registered for an image carry the role of tasks.",
    "logs:CreateLogStream": "As `batch:DescribeJobs`.",
    "logs:GetLogEvents": "The log of a task that failed is shown in that of the head job.",
    "logs:PutLogEvents": "As `batch:DescribeJobs`.",
    "s3:AbortMultipartUpload": "Files of more than 8 MiB are uploaded in parts.",
    "s3:DeleteObject": "Engines and the AWS CLI remove what is replaced or temporary.",
    "s3:GetBucketLocation": "Programs that look for the region of a bucket.",
    "s3:GetObject": "Inputs at `s3://` addresses that a task reads: the project's `data`, and files of the bucket.",
    "s3:GetObjectTagging": "`aws s3 cp` between two places in S3 copies tags.",
    "s3:GetObjectVersion": "Inputs at an address with a version.",
    "s3:ListBucket": "As `s3:GetObject`.",
    "s3:ListBucketMultipartUploads": "As `s3:AbortMultipartUpload`.",
    "s3:ListMultipartUploadParts": "As `s3:AbortMultipartUpload`.",
    "s3:PutObject": "Results that a task or `publishDir` writes to S3.",
    "s3:PutObjectTagging": "As `s3:GetObjectTagging`; and tags that `publishDir` gives.",
    "s3files:Client*": "Machines mount at boot.",
    "secretsmanager:*": "Machines read the license of ObjectiveFS at boot.",
}
"""Why a right stays that no run used, by the action or what it begins with."""
_ROLE = re.compile(r"(?:Compute|Engine)(\w*?)Role[0-9A-F]{8}")


@dataclass(frozen=True)
class Rights:
    """The rights of a role.

    Attributes:
        granted: The actions that its policies grant, as they write them.
        used: The actions that runs used.
    """

    granted: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()

    @property
    def unused(self) -> frozenset[str]:
        """What is granted and was never used."""
        return frozenset(one for one in self.granted if not any(_stands_for(one, action) for action in self.used))


Pairs = Mapping[str, Mapping[str, Rights]]
"""By engine and file system, such as `toil S3`: the role, such as `Head`, with its rights."""

Uses = Mapping[tuple[str, str], frozenset[str]]
"""By engine and file system, and role: the actions that it used."""


def read_table() -> Pairs:
    """What is kept."""
    found: Mapping[str, Any] = json.loads(TABLE.read_text())
    return {
        pair: {role: Rights(frozenset(one["granted"]), frozenset(one["used"])) for role, one in roles.items()}
        for pair, roles in found.items()
    }


def keep(pair: str, role: str, rights: Rights) -> None:
    """Write the rights of a role into the table."""
    content: dict[str, dict[str, Any]] = json.loads(TABLE.read_text())
    content.setdefault(pair, {})[role] = {"granted": sorted(rights.granted), "used": sorted(rights.used)}
    TABLE.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def used_in(cloud: LocalCloud, project_file: Path) -> Uses:
    """What roles of a project used on a local cloud since it started."""
    report = {row["role"].rpartition("/")[2]: row for row in cloud.iam_report()}
    found: dict[tuple[str, str], frozenset[str]] = {}
    for pair, stack in _stacks(project_file):
        for resource in _roles(cloud, stack):
            row, named = report.get(resource["PhysicalResourceId"]), _ROLE.search(resource["LogicalResourceId"])
            if row and named:
                used = frozenset(call["action"] for call in row["calls"] if call["allowed"])
                found[pair, named[1]] = found.get((pair, named[1]), frozenset()) | used
    return found


def assert_rights(cloud: LocalCloud, project_file: Path) -> None:
    """Hold what runs of a project did with their rights on a local cloud against the table.

    Nothing was denied; what each role is granted there is what the table says; and it used no more than that.
    """
    assert denied_calls(cloud) == []
    used = used_in(cloud, project_file)
    assert any(used.values()), "no role of the project made a call"
    table = read_table()
    for pair, stack in _stacks(project_file):
        template = cloud.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
        for role, kept in table[pair].items():
            found = granted(template)[role]
            # The contexts of the table may write to `data` in other buckets, others need not.
            missing = {one for one in kept.granted - found if not one.startswith("s3:")}
            assert (found - kept.granted, missing) == (set(), set()), f"{stack}: what {role} is granted more, and less"
    if os.environ.get(RECORD):
        for (pair, role), actions in used.items():
            kept = table[pair].get(role, Rights())
            keep(pair, role, Rights(kept.granted, kept.used | actions))
    else:
        assert beyond(table, used) == {}


def assert_nothing_new(cloud: LocalCloud, project_file: Path) -> None:
    """Hold runs that do all that is known of: no role used what the table says that it never used."""
    known = {pair: {role: Rights(used=one.used) for role, one in roles.items()} for pair, roles in read_table().items()}
    new = beyond(known, used_in(cloud, project_file))
    assert not new or os.environ.get(RECORD), f"never used before: {new}. If that is wanted, run this with {RECORD}=1"


def beyond(table: Pairs, used: Uses) -> Mapping[tuple[str, str], list[str]]:
    """The actions that roles used and that the table neither has as used nor as granted to them."""
    found = {}
    for (pair, role), actions in used.items():
        kept = table.get(pair, {}).get(role, Rights())
        if more := {one for one in actions if not any(_stands_for(known, one) for known in kept.used | kept.granted)}:
            found[pair, role] = sorted(more)
    return found


def assert_granted(pair: str, template: Mapping[str, Any]) -> None:
    """Hold what the roles of a context's template are granted against the table, where they are in it."""
    for role, kept in read_table()[pair].items():
        found = granted(template)[role]
        if os.environ.get(RECORD):
            keep(pair, role, Rights(found, kept.used))
        else:
            assert kept.granted == found, f"{pair}, {role}: if that is wanted, run this with {RECORD}=1"


def granted(template: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """The actions that a context's template grants to each of its roles, as its policies write them."""
    found = {}
    for id_, role in template["Resources"].items():
        named = _ROLE.search(id_) if role["Type"] == "AWS::IAM::Role" else None
        if named is None:
            continue
        inline = [one["PolicyDocument"] for one in role["Properties"].get("Policies", ())]
        attached = [
            one["Properties"]["PolicyDocument"]
            for one in template["Resources"].values()
            if one["Type"] == "AWS::IAM::Policy" and {"Ref": id_} in one["Properties"]["Roles"]
        ]
        managed = [
            json.loads(document)
            for arn, document in managed_policies().items()
            if arn.rpartition(":")[2] in json.dumps(role["Properties"].get("ManagedPolicyArns", ()))
        ]
        statements = [statement for document in (*inline, *attached, *managed) for statement in document["Statement"]]
        actions = [one["Action"] for one in statements if one["Effect"] == "Allow"]
        found[named[1]] = frozenset(action for one in actions for action in ([one] if isinstance(one, str) else one))
    return found


def _stacks(project_file: Path) -> Iterable[tuple[str, str]]:
    """The engine and file system of each context of a project, with the name of its stack."""
    project = load_project(project_file)
    for name, context in project.contexts.items():
        yield f"{context.engine.engine} {context.filesystem.fs_type}", project.stack_name(name)


def _roles(cloud: LocalCloud, stack: str) -> Iterable[Mapping[str, str]]:
    cloudformation = cloud.client("cloudformation")
    standing = {one["StackName"] for one in cloudformation.describe_stacks()["Stacks"]}
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"] if stack in standing else ()
    return [one for one in resources if one["ResourceType"] == "AWS::IAM::Role"]


def _stands_for(granted: str, action: str) -> bool:
    return bool(glob(granted, ignore_case=True).match(action))


def reason_for(action: str) -> str | None:
    """Why an action is granted that no run used."""
    return next((why for pattern, why in REASONS.items() if glob(pattern).match(action)), None)


def reasons_table() -> str:
    """The reasons in Markdown."""
    return _table(("Action", "Why it stays"), [(f"`{action}`", why) for action, why in REASONS.items()])


def roles_table(pairs: Pairs) -> str:
    """What each role did, in Markdown."""
    rows = [
        (
            pair,
            f"`{role}`",
            *(", ".join(f"`{one}`" for one in sorted(actions)) for actions in (rights.used, rights.unused)),
        )
        for pair, roles in sorted(pairs.items())
        for role, rights in sorted(roles.items())
    ]
    return _table(("Engine and file system", "Role", "Used", "Granted, never used"), rows)


def page(text: str) -> str:
    """The page with both tables as they are now."""
    for name, table in (("reasons", reasons_table()), ("roles", roles_table(read_table()))):
        begin, end = f"<!-- {name}: python tests/rights.py -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{table}{end}{rest.partition(end)[2]}"
    return text


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
