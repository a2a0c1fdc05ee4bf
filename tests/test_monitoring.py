"""The dashboard and the alarms of a context."""

import json

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
        "Queue depth",
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
