"""What a context tells of itself: a dashboard, and alarms to a topic."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import (
    aws_cloudwatch as cloudwatch,
    aws_cloudwatch_actions as actions,
    aws_events as events,
    aws_events_targets as targets,
    aws_iam as iam,
    aws_kms as kms,
    aws_sns as sns,
    aws_sns_subscriptions as subscriptions,
    aws_sqs as sqs,
)
from constructs import Construct

from .context import WorkflowContext
from .keys import let_alarms_use
from .nag import acknowledge, in_compliance_packs

_MINUTES = cdk.Duration.minutes(5)
_IDLE_COST = (
    "**Idle**, a context costs what its file system stores and provisions, this dashboard (3 USD a month) and alarms "
    "(0.10 USD for each metric they read); queues and machines cost nothing. `workflow-context cost` prices all of it."
)
_STATES = ("RUNNABLE", "RUNNING", "SUCCEEDED", "FAILED")


class Monitoring(Construct):
    """A CloudWatch dashboard of a context, and alarms to an SNS topic.

    The dashboard shows what the file system's kind measures of itself (for EFS: throughput against what is permitted,
    burst credits, I/O limit, storage by class, clients), and job state changes of the queues, which EventBridge counts.
    Alarms: what the file system's kind warns of, head jobs that failed, and jobs that block a queue because they can
    never run.

    Args:
        scope: Where the construct lives.
        id: Its name there.
        context: The context.
        alarm_email: Where alarms go to; the address must confirm once. Default: nowhere; others may subscribe.
        burst_credit_alarm_hours: Warn when the burst credits of the file system end within so many hours at the present
            rate.
        encryption_key: Key for the messages of the topic. Default: none, since CloudWatch cannot publish to a topic
            under AWS's own key.

    Attributes:
        topic: The topic of the alarms.
        dashboard: The dashboard.

    Security considerations:
        Alarms name the context, its queues and numbers, no data. The topic accepts messages over TLS only.

    Cost:
        A dashboard 3.00 USD a month, each alarm 0.10 USD for each metric it reads (us-east-1).
        https://aws.amazon.com/cloudwatch/pricing/
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        context: WorkflowContext,
        alarm_email: str | None = None,
        burst_credit_alarm_hours: int = 12,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._context = context
        self._sink = self._new_sink()
        self.topic = sns.Topic(self, "Alarms", enforce_ssl=True, master_key=encryption_key)
        # A topic with a policy of its own has lost the default one, by which CloudWatch may publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        if alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(alarm_email))
        if encryption_key is None:
            acknowledge(
                self.topic,
                "Alarms hold names and numbers, no data; CloudWatch cannot publish to a topic under AWS's own key.",
                *in_compliance_packs("SNSEncryptedKMS"),
            )
        else:
            let_alarms_use(encryption_key)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.days(1))
        self._show_storage()
        self._watch_jobs()
        self.dashboard.add_widgets(cloudwatch.TextWidget(markdown=_IDLE_COST, width=24, height=2))
        for name, alarm in context.storage.alarms(self, credit_hours=burst_credit_alarm_hours).items():
            self._notify(alarm)
            self.dashboard.add_widgets(cloudwatch.AlarmWidget(title=name, alarm=alarm, width=8, height=5))

    def _show_storage(self) -> None:
        widgets: list[cloudwatch.IWidget] = [
            cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
            for title, metrics in self._context.storage.metrics().items()
        ]
        for start in range(0, len(widgets), 3):
            self.dashboard.add_widgets(*widgets[start : start + 3])

    def _watch_jobs(self) -> None:
        compute = self._context.compute
        queues = {"Task jobs": [queue.job_queue_arn for queue in compute.queues]}
        queues["Head jobs"] = [compute.head_queue.job_queue_arn]
        graphs: list[cloudwatch.IWidget] = []
        for title, arns in queues.items():
            changes = {
                state: self._count(f"{title.split()[0]}{state.title()}", "Batch Job State Change", arns, state)
                for state in _STATES
            }
            graphs.append(
                cloudwatch.GraphWidget(title=f"{title}, state entered", left=list(changes.values()), width=8, height=6)
            )
        # Arrivals and starts, summed: the distance of the lines is what waits. Jobs that are cancelled while they wait
        # leave without a start, so a single number would drift upwards for ever.
        sums = [
            cloudwatch.MathExpression(
                expression=f"RUNNING_SUM({state.lower()})",
                using_metrics={state.lower(): self._metric(f"Task{state}")},
                label=label,
                period=_MINUTES,
            )
            for state, label in (("Runnable", "Became runnable"), ("Running", "Began to run"))
        ]
        graphs.append(cloudwatch.GraphWidget(title="Task jobs, summed", left=sums, width=8, height=6))
        self.dashboard.add_widgets(*graphs)
        self._alarm(
            "FailedHeadJobs", self._metric("HeadFailed"), "A head job failed: a workflow ended without success."
        )
        everything = [arn for arns in queues.values() for arn in arns]
        blocked = self._count("Blocked", "Batch Job Queue Blocked", everything, "RUNNABLE")
        self._alarm("BlockedQueue", blocked, "A job is stuck in RUNNABLE: no machine of the context can ever run it.")

    def _count(self, id: str, event: str, queues: Sequence[str], status: str) -> cloudwatch.Metric:
        """Have EventBridge count events of the queues; a rule is counted only when it has a target."""
        rule = events.Rule(
            self,
            id,
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=[event],
                detail={**self._context.engine.job_events(queues), "status": [status]},
            ),
        )
        rule.add_target(targets.SqsQueue(self._sink))
        return self._metric(id)

    def _metric(self, rule: str) -> cloudwatch.Metric:
        found = self.node.find_child(rule)
        assert isinstance(found, events.Rule)  # noqa: S101  for the type checker
        return cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="Invocations",
            dimensions_map={"RuleName": found.rule_name},
            statistic="Sum",
            period=_MINUTES,
            label=rule,
        )

    def _new_sink(self) -> sqs.Queue:
        # A log group would do too, but needs one of the ten resource policies that an account has for all of them.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
        sink = sqs.Queue(
            self,
            "Sink",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=cdk.Duration.minutes(1),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            sink,
            "Nobody reads the queue: its messages exist to be counted and are gone in a minute.",
            "AwsSolutions-SQS3",
        )
        return sink

    def _alarm(self, id: str, metric: cloudwatch.IMetric, description: str) -> None:
        self._notify(
            cloudwatch.Alarm(
                self,
                f"{id}Alarm",
                metric=metric,
                threshold=1,
                evaluation_periods=1,
                alarm_description=description,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
        )

    def _notify(self, alarm: cloudwatch.Alarm) -> None:
        alarm.add_alarm_action(actions.SnsAction(self.topic))
