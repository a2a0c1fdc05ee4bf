"""What users of the package get for their own suites."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from templates import Templates, resources

from workflow_stacks.testing import assert_no_data_loss, assert_private, readable, synth

PROJECT = """
name: Mine
schemaVersion: 1
contexts:
  closed: {engines: [{type: wdl, engine: miniwdl}]}
  open: {usePublicSubnets: true, engines: [{type: wdl, engine: miniwdl}]}
"""


@pytest.fixture(scope="module")
def project_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("mine") / "agc-project.yaml"
    file.write_text(PROJECT)
    return file


@pytest.fixture(scope="module")
def mine(project_file: Path) -> Templates:
    return synth(project_file)


def with_resource(type_: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": type_, "Properties": properties}}}


def test_synth_gives_the_template_of_every_stack(mine: Templates) -> None:
    assert set(mine) == {"Mine-core", "Mine-closed", "Mine-open"}


def test_synth_takes_names_of_contexts_and_cdk_context(project_file: Path) -> None:
    assert set(synth(project_file, contexts=["closed"], context={"user": "jo"})) == {"Mine-core", "Mine-jo-closed"}


class TestAssertPrivate:
    def test_a_context_in_private_subnets_passes(self, mine: Templates) -> None:
        assert_private({name: mine[name] for name in ("Mine-core", "Mine-closed")})

    def test_a_context_in_public_subnets_is_named_with_its_jobs_and_machines(self, mine: Templates) -> None:
        with pytest.raises(AssertionError, match="not private") as caught:
            assert_private(mine)

        told = str(caught.value)
        assert "Mine-open/" in told
        assert "Mine-closed/" not in told
        assert "jobs get a public address" in told
        assert "machines get a public address" in told

    @pytest.mark.parametrize(
        ("template", "why"),
        [
            (
                with_resource(
                    "AWS::EC2::SecurityGroup", {"SecurityGroupIngress": [{"CidrIp": "0.0.0.0/0", "FromPort": 22}]}
                ),
                "ingress from 0.0.0.0/0",
            ),
            (with_resource("AWS::EC2::SecurityGroupIngress", {"CidrIpv6": "::/0"}), "ingress from ::/0"),
            (with_resource("AWS::S3::Bucket", {}), "public access is not blocked"),
            (
                with_resource(
                    "AWS::S3::BucketPolicy",
                    {
                        "PolicyDocument": {
                            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]
                        }
                    },
                ),
                "anybody is allowed s3:GetObject",
            ),
            (
                with_resource(
                    "AWS::KMS::Key",
                    {
                        "KeyPolicy": {
                            "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt"}
                        }
                    },
                ),
                "anybody is allowed kms:Decrypt",
            ),
            (with_resource("AWS::Lambda::Url", {"AuthType": "NONE"}), "no authorization"),
        ],
    )
    def test_what_is_public_is_named_with_the_reason(self, template: dict[str, Any], why: str) -> None:
        with pytest.raises(AssertionError, match=why):
            assert_private(template)

    def test_a_condition_on_everybody_and_a_denial_are_fine(self) -> None:
        assert_private(
            with_resource(
                "AWS::EFS::FileSystem",
                {
                    "FileSystemPolicy": {
                        "Statement": [
                            {"Effect": "Deny", "Principal": "*", "Action": "*"},
                            {"Effect": "Allow", "Principal": "*", "Action": "x", "Condition": {"Bool": {"y": "true"}}},
                        ]
                    }
                },
            )
        )


class TestAssertNoDataLoss:
    EFS = "AWS::EFS::FileSystem"

    def test_the_same_templates_pass(self, mine: Templates) -> None:
        assert_no_data_loss(mine, mine)

    def test_a_file_system_that_leaves_its_template_is_named(self, mine: Templates) -> None:
        [name] = resources(mine["Mine-closed"], self.EFS)
        without = {key: one for key, one in mine["Mine-closed"]["Resources"].items() if key != name}
        with pytest.raises(AssertionError, match="the update loses data") as caught:
            assert_no_data_loss(mine, {**mine, "Mine-closed": {**mine["Mine-closed"], "Resources": without}})

        assert f"Mine-closed/{name} (AWS::EFS::FileSystem) is removed: DATA DELETED" in str(caught.value)
        assert "Mine-open" not in str(caught.value)

    @pytest.mark.parametrize("policy", ["Delete", None])
    def test_a_replacement_is_named_with_the_property_that_causes_it(self, policy: str | None) -> None:
        old, new = (
            with_resource(self.EFS, {"KmsKeyId": key, "ThroughputMode": mode})
            for key, mode in (("a", "bursting"), ("b", "elastic"))
        )
        new["Resources"]["It"] |= {"UpdateReplacePolicy": policy} if policy else {}
        with pytest.raises(AssertionError) as caught:
            assert_no_data_loss(old, new)

        assert "Stack/It (AWS::EFS::FileSystem) is replaced, because of KmsKeyId: DATA DELETED" in str(caught.value)
        assert "ThroughputMode" not in str(caught.value)

    def test_a_change_in_place_passes(self) -> None:
        assert_no_data_loss(
            with_resource(self.EFS, {"ThroughputMode": "bursting"}),
            with_resource(self.EFS, {"ThroughputMode": "elastic"}),
        )

    def test_what_is_retained_passes_unless_data_must_not_be_detached(self) -> None:
        old, new = (with_resource("AWS::S3::Bucket", {"BucketName": name}) for name in ("a", "b"))
        gone: dict[str, Any] = {"Resources": {}}
        old["Resources"]["It"]["DeletionPolicy"] = new["Resources"]["It"]["UpdateReplacePolicy"] = "Retain"
        assert_no_data_loss(old, new)
        assert_no_data_loss(old, gone)

        with pytest.raises(AssertionError, match="because of BucketName: the data stays"):
            assert_no_data_loss(old, new, allow_detached=False)
        with pytest.raises(AssertionError, match="is removed: the data stays"):
            assert_no_data_loss(old, gone, allow_detached=False)

    def test_a_resource_that_holds_no_data_may_go(self) -> None:
        assert_no_data_loss(with_resource("AWS::SNS::Topic", {}), {"Resources": {}})

    def test_a_stack_that_is_not_updated_is_left_out(self, mine: Templates) -> None:
        assert_no_data_loss(mine, {"Mine-core": mine["Mine-core"]})

    def test_fails_when_there_is_nothing_to_compare(self, mine: Templates) -> None:
        renamed = {f"Other{name}": one for name, one in mine.items()}
        with pytest.raises(ValueError, match="old has Mine-closed, Mine-core, Mine-open, new has OtherMine-closed"):
            assert_no_data_loss(mine, renamed)


class TestSnapshots:
    def test_what_does_not_say_what_is_deployed_is_left_out(self) -> None:
        asset = "a" * 64
        template = {
            "Resources": {
                "CDKMetadata": {"Type": "AWS::CDK::Metadata"},
                "It": {
                    "Type": "X",
                    "Properties": {"Key": f"{asset}.zip"},
                    "Metadata": {"aws:cdk:path": "A/B", "cdk_nag": "kept"},
                },
            },
            "Parameters": {"BootstrapVersion": {}, "Mine": {"Type": "String"}},
            "Rules": {"CheckBootstrapVersion": {}},
        }

        assert readable(template) == {
            "Resources": {"It": {"Type": "X", "Properties": {"Key": "<asset>.zip"}, "Metadata": {"cdk_nag": "kept"}}},
            "Parameters": {"Mine": {"Type": "String"}},
        }

    def test_logical_ids_of_what_holds_data_are_kept(self, mine: Templates) -> None:
        kept = readable(mine["Mine-closed"])["Resources"]
        assert [one["Type"] for one in kept.values()].count("AWS::EFS::FileSystem") == 1
        assert set(kept) == set(mine["Mine-closed"]["Resources"]) - {"CDKMetadata"}

    def test_two_syntheses_in_different_folders_give_one_text(self, mine: Templates, tmp_path: Path) -> None:
        copy = tmp_path / "elsewhere" / "agc-project.yaml"
        copy.parent.mkdir()
        copy.write_text(PROJECT)
        again = synth(copy)
        assert json.dumps({name: readable(one) for name, one in again.items()}) == json.dumps(
            {name: readable(one) for name, one in mine.items()}
        )

    def test_the_extension_writes_one_file_for_a_stack(self, pytester_free: Callable[[str], str]) -> None:
        assert "2 snapshots generated" in pytester_free("--snapshot-update")
        assert "2 snapshots passed" in pytester_free("")


@pytest.fixture
def pytester_free(tmp_path: Path) -> Callable[[str], str]:
    """Runs a small suite of somebody else's."""
    import subprocess
    import sys

    (tmp_path / "test_theirs.py").write_text(
        "import pytest\n"
        "from workflow_stacks.testing import TemplateSnapshotExtension\n"
        "@pytest.mark.parametrize('stack', ['Lab-core', 'Lab-joint'])\n"
        "def test_it(stack, snapshot):\n"
        "    template = {'Resources': {'B': {'Type': 'AWS::S3::Bucket'}}}\n"
        "    assert template == snapshot(name=stack, extension_class=TemplateSnapshotExtension)\n"
    )

    def run(option: str) -> str:
        arguments = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            str(tmp_path),
            *filter(None, [option]),
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, env=environment).stdout

    return run
