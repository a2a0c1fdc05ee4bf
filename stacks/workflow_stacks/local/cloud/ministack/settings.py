"""What the local cloud is: where its state is, what it plays, and which services of ministack it has."""

import os
from pathlib import Path

STATE = Path(os.environ["LOCAL_CLOUD_STATE"])
REGION = os.environ["LOCAL_CLOUD_REGION"]
PORT = int(os.environ["LOCAL_CLOUD_PORT"])

# What templates, the CDK CLI and the engines need. Some of the others would run commands: Lambda's own, builds.
_SERVICES = (
    "batch",
    "cloudformation",
    "ec2",
    "ecr",
    "elasticfilesystem",
    "events",
    "iam",
    "kms",
    "logs",
    "monitoring",
    "s3",
    "s3files",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
    "tagging",
)

os.environ |= {
    "SERVICES": ",".join(_SERVICES),
    "GATEWAY_PORT": str(PORT),
    "MINISTACK_REGION": REGION,
    "PERSIST_STATE": "1",
    "STATE_DIR": str(STATE / "aws"),
    "S3_PERSIST": "1",
    "S3_DATA_DIR": str(STATE / "s3"),
    # No other listener, no Docker; what runs jobs may still use the one there is.
    "LOCAL_CLOUD_DOCKER_HOST": os.environ.get("DOCKER_HOST", ""),
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent",
}
