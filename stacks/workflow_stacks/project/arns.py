"""ARNs of what exists already: keys, secrets, policies."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from .values import Text

KmsKeyArn: TypeAlias = Annotated[
    str,
    Text(
        "a KMS key's ARN: arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
    ),
]

SecretArn: TypeAlias = Annotated[
    str,
    Text(
        "a secret's whole ARN: arn:aws:secretsmanager:us-east-1:123456789012:secret:objectivefs-AbCdEf",
        r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}",
    ),
]

PolicyArn: TypeAlias = Annotated[
    str,
    Text(
        "the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/Boundary",
        r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+",
    ),
]
