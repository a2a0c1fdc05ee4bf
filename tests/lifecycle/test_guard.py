"""The template refuses an edit that would give up a file system; tags replace nothing; replaced data stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from templates import PROJECTS, Template, Templates, resources

from workflow_stacks import WorkflowContextError, build_app

KEY = "arn:aws:kms:us-east-1:123456789012:key/{}1111111-2222-3333-4444-555555555555"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-AbCdEf"
OFS = f"expectedSizeTb: 2, licenseSecretArn: '{SECRET.format('license')}', packageUri: 's3://software/o-{{arch}}.rpm'"
FILE = """\
name: Guarded
schemaVersion: 1
contexts:
"""
SAME = {
    "efs": "{fsType: EFS}",
    "efsElastic": "{fsType: EFS, configuration: {throughputMode: elastic}}",
    "efsRetained": "{fsType: EFS, configuration: {removalPolicy: retain, backup: true}}",
    "efsExpiring": "{fsType: EFS, configuration: {expirationHours: 100}}",
}
OTHERS = {
    "efsKey": f"{{fsType: EFS, configuration: {{kmsKeyArn: '{KEY.format(1)}'}}}}",
    "efsOtherKey": f"{{fsType: EFS, configuration: {{kmsKeyArn: '{KEY.format(2)}'}}}}",
    "efsZone": "{fsType: EFS, configuration: {availabilityZone: us-east-1b}}",
    "efsUser": "{fsType: EFS, configuration: {posixUser: {uid: 5000, gid: 5000}}}",
    "efsImported": "{fsType: EFS, configuration: {fileSystemId: fs-01234567, accessPointId: fsap-01234567, "
    "securityGroupId: sg-01234567}}",
    "s3files": "{fsType: S3Files}",
    "fsx": "{fsType: FSxLustre}",
    "fsxPersistent": "{fsType: FSxLustre, configuration: {deploymentType: PERSISTENT_2}}",
    "ofs": f"{{fsType: OFS, configuration: {{{OFS}}}}}",
    "ofsPassphrase": f"{{fsType: OFS, configuration: {{{OFS}, passphraseSecretArn: '{SECRET.format('pass')}'}}}}",
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, synthesize: Callable[..., Templates]) -> dict[str, Template]:
    file = tmp_path_factory.mktemp("guard") / "agc-project.yaml"
    contexts = [
        f"  {name}: {{engines: [{{type: wdl, engine: miniwdl, filesystem: {filesystem}}}]}}\n"
        for name, filesystem in {**SAME, **OTHERS}.items()
    ]
    file.write_text(FILE + "".join(contexts))
    return {name.removeprefix("Guarded-"): one for name, one in synthesize(file, zones=True).items()}


def identity(template: Template) -> str:
    default: str = template["Parameters"]["FileSystemIdentity"]["Default"]
    return default


def test_another_file_system_has_another_identity(guarded: dict[str, Template]) -> None:
    found = [identity(guarded[name]) for name in ("efs", *OTHERS)]
    assert len(set(found)) == len(found), found


def test_what_is_changed_in_place_changes_no_identity(guarded: dict[str, Template]) -> None:
    assert len({identity(guarded[name]) for name in SAME}) == 1


def test_cloudformation_refuses_another_identity_than_that_of_the_template(guarded: dict[str, Template]) -> None:
    for name in (*SAME, *OTHERS):
        [rule] = [rule for id_, rule in guarded[name]["Rules"].items() if id_ == "FileSystemStays"]
        [assertion] = rule["Assertions"]
        assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "FileSystemIdentity"}, identity(guarded[name])]}
        assert f"-c allowDataLoss={name}" in assertion["AssertDescription"]


@pytest.mark.parametrize("said", ["file", "command line"])
def test_a_template_that_may_lose_data_has_no_guard(said: str, tmp_path: Path) -> None:
    file = tmp_path / "agc-project.yaml"
    written = "allowDataLoss: true, " if said == "file" else ""
    file.write_text(f"{FILE}  one: {{{written}engines: [{{type: wdl, engine: miniwdl}}]}}\n")
    app = build_app(file, context={"allowDataLoss": "one"} if said == "command line" else {})
    template = app.synth().get_stack_by_name("Guarded-one").template
    assert "FileSystemIdentity" not in template["Parameters"]
    assert "FileSystemStays" not in template["Rules"]


def test_a_context_that_does_not_exist_cannot_be_allowed_to_lose_data() -> None:
    with pytest.raises(WorkflowContextError, match="no context 'wld'"):
        build_app(PROJECTS / "minimal.yaml", context={"allowDataLoss": "wld"})


DATA = ("AWS::EFS::FileSystem", "AWS::FSx::FileSystem", "AWS::S3::Bucket", "AWS::SecretsManager::Secret")


@pytest.mark.parametrize("flags", ["variants", "storages", "bare_storages"])
def test_data_stays_when_its_resource_is_replaced_whatever_the_removal_policy(
    flags: str, request: pytest.FixtureRequest
) -> None:
    templates: Templates = request.getfixturevalue(flags)
    data = [
        (stack, name, one)
        for stack, template in templates.items()
        for name, one in template["Resources"].items()
        if one["Type"] in DATA
    ]
    assert {one["DeletionPolicy"] for _, _, one in data} == {"Delete", "Retain"}
    assert [(stack, name) for stack, name, one in data if one["UpdateReplacePolicy"] != "Retain"] == []


def test_the_passphrase_stays_as_long_as_what_it_opens(storages: Templates) -> None:
    template = storages["Storages-ofs"]
    [passphrase] = resources(template, "AWS::SecretsManager::Secret")
    buckets = {name: one for name, one in resources(template, "AWS::S3::Bucket").items() if "AccessLogs" not in name}
    assert buckets
    assert all(passphrase in bucket["DependsOn"] for bucket in buckets.values())


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory, synthesize: Callable[..., Templates]) -> list[Template]:
    file = tmp_path_factory.mktemp("tags") / "agc-project.yaml"
    found = []
    for tags in ("", "tags: {CostCenter: '1'}, ", "tags: {CostCenter: '2', Owner: ann}, "):
        file.write_text(
            f"{FILE}  one: {{{tags}requestSpotInstances: true, engines: [{{type: wdl, engine: miniwdl}}]}}\n"
        )
        found.append(synthesize(file)["Guarded-one"])
    return found


def test_a_tag_changes_no_property_that_replaces(tagged: list[Template]) -> None:
    from workflow_stacks.plan import Effect, changes

    for before, after in ((tagged[0], tagged[1]), (tagged[1], tagged[2])):
        found = changes(before, after)
        assert found
        assert {one.effect for one in found} <= {Effect.IN_PLACE, Effect.NEW_INSTANCES}


def test_queues_and_environments_have_no_tag_of_the_user(tagged: list[Template]) -> None:
    for type_ in ("AWS::Batch::JobQueue", "AWS::Batch::ComputeEnvironment"):
        before, after = (_properties(template, type_) for template in (tagged[0], tagged[2]))
        assert before
        assert before == after


def test_instances_volumes_and_jobs_have_the_tags(tagged: list[Template]) -> None:
    [launch] = resources(tagged[2], "AWS::EC2::LaunchTemplate").values()
    specifications = launch["Properties"]["LaunchTemplateData"]["TagSpecifications"]
    owned = {one["ResourceType"] for one in specifications if {"Key": "Owner", "Value": "ann"} in one["Tags"]}
    assert owned == {"instance", "volume"}
    for definition in resources(tagged[2], "AWS::Batch::JobDefinition").values():
        assert definition["Properties"]["Tags"]["Owner"] == "ann"
        assert definition["Properties"]["PropagateTags"] is True


def _properties(template: Template, type_: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources(template, type_).items()}
