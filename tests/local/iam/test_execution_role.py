"""What AWS does for a job before it starts, it does with the execution role of its definition."""

from answers import allow


def test_aws_6_an_image_of_a_private_registry_is_pulled_with_the_execution_role(lab, role_with):
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/tools:1"
    logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"])
    pull = allow(["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
    without, within = role_with(logs), role_with(logs, pull)

    failed = lab.run("true", definition=lab.new_definition(image=image, executionRoleArn=without))

    assert (failed["status"], failed["statusReason"]) == ("FAILED", "Task failed to start")
    reason = failed["container"]["reason"]
    assert reason.startswith("CannotPullECRContainerError: AccessDeniedException: User: arn:aws:sts::")
    assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no" in reason
    done = lab.run("true", definition=lab.new_definition(image=image, executionRoleArn=within))
    assert done["status"] == "SUCCEEDED"


def test_a_log_stream_is_opened_with_the_execution_role(lab, role_with):
    failed = lab.run("true", definition=lab.new_definition(executionRoleArn=role_with(allow("s3:*"))))

    assert "logs:CreateLogStream on resource: arn:aws:logs:" in failed["container"]["reason"]


def test_the_secrets_of_a_definition_are_read_with_the_execution_role(lab, role_with):
    logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"])
    secrets = [{"name": "A", "valueFrom": "arn:aws:ssm:us-east-1:000000000000:parameter/front-end/1"}]

    failed = lab.run("true", definition=lab.new_definition(executionRoleArn=role_with(logs), secrets=secrets))

    assert (
        "ssm:GetParameters on resource: arn:aws:ssm:us-east-1:000000000000:parameter/front-end/1"
        in (failed["container"]["reason"])
    )
