"""The access log of an HTTP API."""

import jsii
from aws_cdk import aws_apigatewayv2 as apigateway, aws_logs as logs
from aws_cdk.aws_apigateway import AccessLogFormat


@jsii.implements(apigateway.IAccessLogSettings)
class AccessLog:
    """Who called what, and what was answered, a JSON object a line.

    Args:
        log_group: Where it is written to.
    """

    def __init__(self, log_group: logs.LogGroup) -> None:
        self._destination = apigateway.LogGroupLogDestination(log_group)

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        """The log group."""
        return self._destination

    @property
    def format(self) -> AccessLogFormat:
        """When, who, from where, which route, and the status."""
        fields = ("requestId", "requestTime", "identity.userArn", "identity.sourceIp", "routeKey", "status")
        pairs = ",".join(f'"{name}":"$context.{name}"' for name in fields)
        return AccessLogFormat.custom(f"{{{pairs}}}")
