"""The dashboard and the alarms of a context."""

import json
from collections.abc import Callable
from typing import ClassVar

import pytest
from templates import Template, Templates, only, resources


@pytest.fixture(scope="module")
def monitored(variants: Templates) -> Template:
    return variants["Variants-monitored"]


def test_a_context_has_no_dashboard_unless_asked(variants: Templates) -> None:
    for type_ in ("AWS::CloudWatch::Dashboard", "AWS::CloudWatch::Alarm", "AWS::SNS::Topic"):
        assert not resources(variants["Variants-onDemand"], type_)


def test_the_dashboard_shows_the_file_system_and_the_queues(monitored: Template) -> None:
    body = json.dumps(only(monitored, "AWS::CloudWatch::Dashboard"))
    for shown in (
        "PermittedThroughput",
        "MeteredIOBytes",
        "BurstCreditBalance",
        "PercentIOLimit",
        "StorageBytes",
        "ClientConnections",
        "Task jobs, state entered",
        "Head jobs, state entered",
        "Task jobs, summed",
    ):
        assert shown in body


def test_every_alarm_goes_to_the_topic(monitored: Template) -> None:
    [topic] = resources(monitored, "AWS::SNS::Topic")
    alarms = resources(monitored, "AWS::CloudWatch::Alarm").values()
    assert len(alarms) == 4
    for alarm in alarms:
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
    assert only(monitored, "AWS::SNS::Subscription")["Endpoint"] == "lab@example.org"


def test_cloudwatch_may_publish_and_nobody_may_without_tls(monitored: Template) -> None:
    deny, allow = only(monitored, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}


def test_credits_are_watched_by_the_rate_at_which_they_go(monitored: Template) -> None:
    [alarm] = [
        one["Properties"]
        for one in resources(monitored, "AWS::CloudWatch::Alarm").values()
        if "Burst credits" in one["Properties"]["AlarmDescription"]
    ]
    assert alarm["Threshold"] == 6
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert any("RATE(balance)" in metric.get("Expression", "") for metric in alarm["Metrics"])


def test_rules_look_at_the_queues_of_the_context_only(monitored: Template) -> None:
    queues = set(resources(monitored, "AWS::Batch::JobQueue"))
    for rule in resources(monitored, "AWS::Events::Rule").values():
        watched = {queue["Fn::GetAtt"][0] for queue in rule["Properties"]["EventPattern"]["detail"]["jobQueue"]}
        assert watched <= queues


@pytest.fixture(scope="module")
def kinds(synthesize: Callable[..., Templates], tmp_path_factory: pytest.TempPathFactory) -> Templates:
    ofs = (
        "{fsType: OFS, configuration: {expectedSizeTb: 1, packageUri: 's3://lab/objectivefs-{arch}.rpm', "
        "licenseSecretArn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:ofs-AbCdEf'}}"
    )
    written = {"s3": "{fsType: S3}", "ofs": ofs, "s3files": "{fsType: S3Files}", "fsx": "{fsType: FSxLustre}"}
    lines = [
        f"  {name}: {{monitoring: {{}}, engines: [{{type: snakemake, engine: snakemake, filesystem: {kind}}}]}}"
        for name, kind in written.items()
    ]
    file = tmp_path_factory.mktemp("kinds") / "agc-project.yaml"
    file.write_text("name: Kinds\nschemaVersion: 1\ncontexts:\n" + "\n".join(lines) + "\n")
    return synthesize(file)


class TestEveryKind:
    """Each kind of file system shows what its own service measures."""

    SHOWN: ClassVar = {
        "s3": ["BucketSizeBytes"],
        "ofs": ["BucketSizeBytes"],
        "s3files": ["PendingExports", "ExportFailures", "DataReadBytes"],
        "fsx": ["DataWriteBytes", "FreeDataStorageCapacity"],
    }

    @pytest.mark.parametrize("kind", SHOWN)
    def test_its_dashboard_shows_its_own_metrics(self, kinds: Templates, kind: str) -> None:
        body = json.dumps(only(kinds[f"Kinds-{kind}"], "AWS::CloudWatch::Dashboard"))
        assert not [name for name in self.SHOWN[kind] if name not in body]
        assert "**Idle**" in body

    def test_what_is_there_at_a_time_is_not_summed_over_time(self, kinds: Templates) -> None:
        """A sum over five minutes shows five times as much."""
        states = {"PendingExports": ("Maximum", 300), "ClientConnections": ("Maximum", 300)}
        shown = {"s3files": states, "fsx": {"FreeDataStorageCapacity": ("Sum", 60)}}
        for kind, wanted in shown.items():
            body = only(kinds[f"Kinds-{kind}"], "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
            text = "".join(part if isinstance(part, str) else "x" for part in body)
            metrics = [one for widget in json.loads(text)["widgets"] for one in widget["properties"].get("metrics", [])]
            found = {
                one[1]: (one[-1].get("stat", "Average"), one[-1].get("period", 300)) for one in metrics if len(one) > 1
            }
            assert wanted.items() <= found.items()

    def test_what_does_not_reach_the_bucket_is_an_alarm(self, kinds: Templates) -> None:
        alarms = resources(kinds["Kinds-s3files"], "AWS::CloudWatch::Alarm").values()
        assert any("ExportFailures" in json.dumps(one["Properties"]) for one in alarms)
